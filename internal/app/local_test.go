package app

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// An API that asks nobody is for this machine, unless somebody says otherwise.
func TestWhenTheAPIIsForThisMachineOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config Config
		want   bool
	}{
		{Config{}, true},
		{Config{Auth: AuthNone}, true},
		{Config{Listen: "[::1]:80"}, true},
		{Config{Auth: AuthKeys}, false},
		{Config{Insecure: true}, false},
		{Config{Listen: "0.0.0.0:80"}, false},
		{Config{Listen: ":80", Insecure: true}, false},
	} {
		require.Equal(t, c.want, c.config.withDefaults().localOnly(), "%+v", c.config)
	}
}
