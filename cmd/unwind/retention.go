package main

import (
	"github.com/spf13/pflag"

	"github.com/unwindhq/unwind/internal/retention"
)

// retentionFlags are those of serve.
func retentionFlags(flags *pflag.FlagSet, p *retention.Policy) {
	const kept = "how long ended sagas of the class are kept at least, such as 720h; 0: for ever, nothing is deleted"
	flags.DurationVar(&p.Short, "retention-short", 0, kept)
	flags.DurationVar(&p.Standard, "retention-standard", 0, kept)
	flags.DurationVar(&p.Long, "retention-long", 0, kept)
	flags.IntVar(&p.Rate, "retention-rate", retention.DefaultRate, "how many ended sagas are deleted in a second at most")
	fromEnv(flags, "retention-short", "retention-standard", "retention-long", "retention-rate")
}
