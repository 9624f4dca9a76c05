package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/tryout"
	"github.com/unwindhq/unwind/saga"
)

// TestParticipantSendIsCalledWrongly says what is wrong before anything is sent.
func TestParticipantSendIsCalledWrongly(t *testing.T) {
	t.Parallel()
	brokers := []string{"UNWIND_KAFKA_BROKERS=127.0.0.1:1"}
	const contract = "../../examples/travel/contracts/payments.yaml"
	for _, c := range []struct {
		env  []string
		args []string
		want string
	}{
		{brokers, []string{"payments"}, "write PARTICIPANT/COMMAND"},
		{nil, []string{"payments/charge"}, "name the brokers"},
		{brokers, []string{"payments/charge", "--input", "{"}, "input: "},
		{brokers, []string{"payments/charge", "--saga", "7"}, "saga id"},
		{brokers, []string{"payments/charge", "--undo-first"}, "name it with --undo"},
		{brokers, []string{"payments/charge", "--timeout", "2h"}, "write up to 1h"},
		{brokers, []string{"payments/charge", "--contract", contract, "--input", `{"card": "gold"}`}, "missing property 'cents'"},
		{brokers, []string{"payments/charges", "--contract", contract}, "did you mean charge?"},
		{brokers, []string{"hotels/reserve", "--contract", contract}, "is the contract of payments"},
	} {
		code, _, errs := unwind(t.Context(), c.env, append([]string{"participant", "send"}, c.args...)...)
		require.Equal(t, exitUsage, code, errs)
		require.Contains(t, errs, c.want)
	}
}

// TestWhatIsSentByHand is in order, and answers are judged.
func TestWhatIsSentByHand(t *testing.T) {
	t.Parallel()
	plan := func(s handSent) (words []string) {
		s.s.brokers, s.timeout, s.input = []string{"x"}, 1, "{}"
		all, err := s.plan("payments/charge")
		require.NoError(t, err)
		for _, c := range all {
			words = append(words, c.Direction.String()+" "+c.Name+attemptNote(c.Attempt))
		}
		return words
	}
	require.Equal(t, []string{"do charge"}, plan(handSent{}))
	require.Equal(t, []string{"do charge", "do charge, attempt 2", "undo refund", "undo refund, attempt 2"}, plan(handSent{again: true, undo: "refund"}))
	require.Equal(t, []string{"undo refund", "do charge"}, plan(handSent{undo: "refund", first: true}))

	do := tryout.Command{Direction: saga.Do, Participant: "payments", Name: "charge"}
	yes := saga.Reply{Outcome: saga.Succeeded, Payload: saga.JSON([]byte(`{"receipt":"P-1"}`))}
	other := saga.Reply{Outcome: saga.Succeeded, Payload: saga.JSON([]byte(`{"receipt":"P-2"}`))}
	failed, no := saga.Reply{Outcome: saga.Failed, Reason: "no line"}, saga.Reply{Outcome: saga.Rejected, Reason: "no"}
	for _, c := range []struct {
		s       handSent
		replies []saga.Reply
		note    string
		bad     bool
	}{
		{handSent{}, []saga.Reply{yes}, "", false},
		{handSent{}, []saga.Reply{yes, yes}, "the same answer again", false},
		{handSent{}, []saga.Reply{yes, other}, "not idempotent", true},
		{handSent{}, []saga.Reply{failed}, "", true},
		{handSent{}, []saga.Reply{failed, yes}, "", false},
		{handSent{first: true}, []saga.Reply{yes}, "no tombstones", true},
		{handSent{first: true}, []saga.Reply{no}, "", false},
	} {
		answers := map[string]saga.Reply{}
		var last tried
		for _, r := range c.replies {
			last = c.s.judge(do, r, answers)
		}
		require.Contains(t, last.Note, c.note)
		require.Equal(t, c.bad, last.bad, "%v", c)
	}
}

// TestParticipants shows what a server knows of one.
func TestParticipants(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cards.yaml")
	require.NoError(t, os.WriteFile(path, []byte("unwind: v1\nparticipant: cards\ncommands: 7\n"), 0o600))
	code, out, _ := unwind(t.Context(), nil, "participant", "apply", path)
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "cards.yaml:3: commands: want commands by name")
	server := answering(t, client.Contract{
		Participant: "cards", Version: "c3", Owner: "team-money", AppliedAt: begin, AppliedBy: "operator:ann",
		Commands: []client.ContractCommand{{Name: "charge", Compensation: "refund", Input: []byte(`{"type":"object"}`)}},
		Users:    []client.ContractUser{{Definition: "order", Version: "r2", Latest: true, Running: 7, Commands: []string{"charge", "refund"}}},
		Versions: []client.ContractVersion{{Version: "c3", AppliedAt: begin, AppliedBy: "operator:ann", Reason: "the law", Forced: true}},
	})
	code, out, errs := unwind(t.Context(), []string{"UNWIND_URL=" + server}, "participant", "show", "cards")
	require.Equal(t, exitOK, code, errs)
	golden(t, "participant.txt", out)
}

// answering serves one answer to everything.
func answering(t *testing.T, answer any) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(answer) }))
	t.Cleanup(server.Close)
	return server.URL
}
