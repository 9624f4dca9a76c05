package main

import "github.com/spf13/pflag"

// metricsFlags say where serve shows its metrics.
type metricsFlags struct {
	listen   string
	insecure bool
}

func (m *metricsFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&m.listen, "metrics-listen", "127.0.0.1:9464", "the address of /metrics, or off")
	flags.BoolVar(&m.insecure, "metrics-insecure", false, "show /metrics where other machines can reach it, though it asks nobody who they are")
	fromEnv(flags, "metrics-listen", "metrics-insecure")
}

// address is the address to listen on, or "" for none.
func (m *metricsFlags) address() string {
	if m.listen == "off" {
		return ""
	}
	return m.listen
}
