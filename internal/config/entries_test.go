package config

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

func TestAPasswordIsMaskedWhereNobodyExpectsOne(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("saga", pflag.ContinueOnError)
	flags.String("url", "http://anna:s3cret@example.com", "the server's address")
	Env(flags, "url")
	require.Equal(t, "http://anna:****@example.com", Entries(flags, Sources{})[0].Value)
}
