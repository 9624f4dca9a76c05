package rules_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/e2e/checker/rules"
)

// TestHeardUntilTheEnd: a command with a heartbeat that was heard until its whole attempt
// was over, while we had an outage, is not over by a wake: it may still say no.
func TestHeardUntilTheEnd(t *testing.T) {
	t.Parallel()
	ongoing := func(seconds float64) rules.Event { return from(reply("flight", rules.Do, 1, rules.Ongoing), seconds) }
	told := func(healthy float64) rules.Run {
		r := begun()
		def := definition()
		def.Steps[0].Do = rules.Policy{Heartbeat: 4 * time.Second, Timeout: 10 * time.Second, Attempts: 1}
		r.Definitions[trip] = def
		add(
			&r, sad, rules.Compensated,
			with(rules.Event{Kind: rules.Started}, sent("flight", rules.Do, 1)),
			ongoing(4), ongoing(8),
			rules.Event{Kind: rules.Woke, At: at(11.5), Healthy: at(healthy)},
			from(reply("flight", rules.Do, 1, rules.Rejected), 11.6),
		)
		return r
	}
	require.Empty(t, rules.Check(told(2)))
	require.NotEmpty(t, rules.Check(told(-1)), "without an outage the attempt was over, and may have run")
}
