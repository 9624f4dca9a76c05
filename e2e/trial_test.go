package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
)

const travel = "../examples/travel/"

// TestAParticipantIsTriedByHand applies the travel example's contracts, sees one
// refused that would break its definition, and sends commands to a real participant:
// repeated, undone, and undone before they come.
func TestAParticipantIsTriedByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 0)
	w.nodes = append(w.nodes, &node{})
	w.begin(0)
	env := append(w.env(), "UNWIND_URL="+w.nodes[0].url)
	for _, name := range []string{"flights", "hotels", "payments"} {
		command(t, env, unwindBinary, "participant", "apply", travel+"contracts/"+name+".yaml")
	}
	command(t, env, unwindBinary, "def", "apply", travel+"travel.yaml")
	command(t, env, unwindBinary, "topics", "apply")
	_, shown := attempt(t, env, "participant", "show", "payments")
	require.Contains(t, shown, "payments/charge  undone by refund")
	require.Contains(t, shown, "travel   r1 (latest)  0        charge")

	offered, err := os.ReadFile(travel + "contracts/payments.yaml")
	require.NoError(t, err)
	dear := filepath.Join(t.TempDir(), "payments.yaml")
	require.NoError(t, os.WriteFile(dear, []byte(strings.Replace(string(offered), "required: [card, cents]", "required: [card, cents, iban]", 1)), 0o600))
	good, said := attempt(t, env, "participant", "apply", dear)
	require.False(t, good)
	require.Contains(t, said, "travel@r1: steps[2].input: the required field iban is missing")
	command(t, env, unwindBinary, "participant", "apply", dear, "--force", "--reason", "the law wants it")

	binary := filepath.Join(t.TempDir(), "payments")
	command(t, nil, "go", "build", "-o", binary, travel+"payments")
	p := launch(t, w.env(), binary)
	eventually(t, "payments runs", func() bool { return strings.Contains(p.output(), "ready") })

	send := func(args ...string) (bool, []map[string]any) {
		good, out := attempt(t, env, append([]string{"participant", "send", "payments/charge", "-o", "json", "--contract", travel + "contracts/payments.yaml"}, args...)...)
		var tried []map[string]any
		require.NoError(t, json.Unmarshal([]byte(out), &tried), out)
		return good, tried
	}
	told := func(tried []map[string]any) (words []string) {
		for _, one := range tried {
			note, _ := one["note"].(string)
			words = append(words, strings.TrimSpace(one["direction"].(string)+" "+one["outcome"].(string)+" "+note))
		}
		return words
	}
	const input = `{"card": "gold", "cents": 4200}`
	good, tried := send("--input", input, "--again", "--undo", "refund")
	require.Equal(t, []string{"do succeeded", "do succeeded the same answer again", "undo succeeded", "undo succeeded the same answer again"}, told(tried))
	require.True(t, good)
	var charges int
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM payments.charges`).Scan(&charges))
	require.Equal(t, 1, charges, "a repeat charges nobody twice")

	good, tried = send("--input", input, "--undo", "refund", "--undo-first", "--again")
	require.Equal(t, []string{"undo succeeded", "undo succeeded the same answer again", "do rejected", "do rejected the same answer again"}, told(tried))
	require.True(t, good)
	_, tried = send("--input", `{"card": "", "cents": 4200}`, "--again")
	require.Equal(t, []string{"do rejected", "do rejected the same answer again"}, told(tried))

	good, said = attempt(t, env, "participant", "send", "payments/charge", "--input", `{"card": 7}`, "--contract", travel+"contracts/payments.yaml")
	require.False(t, good)
	require.Contains(t, said, "input.card: ")
	good, said = attempt(t, env, "participant", "send", "flights/reserve", "--timeout", "1s")
	require.False(t, good)
	require.Contains(t, said, "no answer in time")
}

// attempt runs the program and returns how it went and what it said.
func attempt(t *testing.T, env []string, args ...string) (good bool, out string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, unwindBinary, args...)
	cmd.Env = append(os.Environ(), env...)
	text, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		text = append(text, exit.Stderr...)
	}
	return err == nil, string(text)
}
