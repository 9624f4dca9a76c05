package saga_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
)

var (
	names    = rapid.StringMatching(`[a-z][A-Za-z0-9]{0,20}`)
	plain    = rapid.StringMatching(`[ -~]{1,40}`)
	maybe    = rapid.OneOf(rapid.Just(""), plain)
	stepRefs = rapid.Custom(func(t *rapid.T) saga.StepRef {
		return saga.StepRef{Name: names.Draw(t, "name"), Item: rapid.IntRange(0, 1<<40).Draw(t, "item"), Visit: rapid.IntRange(0, 1<<40).Draw(t, "visit")}
	})
	ids = rapid.Custom(func(t *rapid.T) saga.ID {
		return saga.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	})
	commandIDs = rapid.Custom(func(t *rapid.T) saga.CommandID {
		return saga.CommandID{Saga: ids.Draw(t, "saga"), Step: stepRefs.Draw(t, "step"), Direction: rapid.SampledFrom([]saga.Direction{saga.Do, saga.Undo}).Draw(t, "direction")}
	})
)

func drawPayload(t *rapid.T) saga.Payload {
	p := saga.Payload{Data: rapid.SliceOf(rapid.Byte()).Draw(t, "data"), ContentType: maybe.Draw(t, "type")}
	if p.ContentType == saga.ContentJSON {
		p.ContentType = ""
	}
	p.Codec, p.KeyID = maybe.Draw(t, "codec"), maybe.Draw(t, "key")
	return p
}

func drawCommand(t *rapid.T) saga.Command {
	return saga.Command{
		ID: commandIDs.Draw(t, "id"), Participant: names.Draw(t, "participant"), Name: names.Draw(t, "command"),
		Definition: names.Draw(t, "definition"), Version: plain.Draw(t, "version"),
		Attempt: rapid.IntRange(1, 1<<30).Draw(t, "attempt"), Epoch: rapid.IntRange(1, 1<<30).Draw(t, "epoch"),
		Deadline: time.UnixMicro(rapid.Int64Range(1, 1<<52).Draw(t, "deadline")).UTC(), Payload: drawPayload(t),
		Heartbeat: time.Duration(rapid.Int64Range(0, 1<<30).Draw(t, "heartbeat")) * time.Millisecond,
		Route: saga.Route{
			Namespace: plain.Draw(t, "namespace"), Incarnation: rapid.Int64Range(1, 1<<60).Draw(t, "incarnation"),
			ReplyTopic: plain.Draw(t, "topic"), ReplyPartition: rapid.Int32Range(0, 1<<30).Draw(t, "partition"), Token: plain.Draw(t, "token"),
		},
	}
}

// TestWire: what is written is read back, and a reply echoes its command.
func TestWire(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cmd := drawCommand(t)
		headers := saga.CommandHeaders(cmd, storyStart)
		decoded, err := saga.DecodeCommand(headers, cmd.Payload.Data)
		require.NoError(t, err)
		require.Equal(t, cmd, decoded)
		reply := saga.Reply{
			ID: cmd.ID, Participant: cmd.Participant, Attempt: cmd.Attempt, Epoch: cmd.Epoch, Route: cmd.Route,
			Outcome: saga.Outcome(rapid.IntRange(1, 4).Draw(t, "outcome")), Reason: maybe.Draw(t, "reason"), Payload: drawPayload(t),
		}
		foreign := append(slices.Clone(headers), saga.Header{Key: "unwind-later", Value: []byte("echoed")}, saga.Header{Key: "baggage"})
		written := saga.ReplyHeaders(foreign, reply, storyStart)
		require.Contains(t, written, saga.Header{Key: "unwind-later", Value: []byte("echoed")})
		require.NotContains(t, written, saga.Header{Key: "baggage"})
		answer, err := saga.DecodeReply(written, reply.Payload.Data)
		require.NoError(t, err)
		require.Equal(t, reply, answer)
	})
}

func TestDecodeReportsEveryFault(t *testing.T) {
	t.Parallel()
	_, err := saga.DecodeCommand(nil, nil)
	for _, header := range []string{"ce_type", "unwind-saga", "unwind-step", "unwind-direction", "unwind-participant", "unwind-command", "unwind-attempt", "unwind-epoch", "unwind-deadline", "unwind-token"} {
		require.ErrorContains(t, err, "header "+header+": missing")
	}
	_, err = saga.DecodeReply([]saga.Header{{Key: "unwind-outcome", Value: []byte("perhaps")}}, nil)
	require.ErrorContains(t, err, `header unwind-outcome: outcome "perhaps": want succeeded, rejected, failed or ongoing`)
	require.ErrorContains(t, err, "decode reply: ")
}

func TestReasonIsClipped(t *testing.T) {
	t.Parallel()
	cmd := saga.Command{ID: saga.CommandID{Saga: storyID, Step: saga.StepRef{Name: "pay"}, Direction: saga.Do}}
	headers := saga.ReplyHeaders(saga.CommandHeaders(cmd, storyStart), saga.Reply{ID: cmd.ID, Outcome: saga.Failed, Reason: "a\x00b" + strings.Repeat("é", saga.MaxReason)}, storyStart)
	reason := string(headers[slices.IndexFunc(headers, func(h saga.Header) bool { return h.Key == saga.HeaderReason })].Value)
	require.LessOrEqual(t, len(reason), saga.MaxReason)
	require.Equal(t, "ab"+strings.Repeat("é", (saga.MaxReason-3)/2), reason)
}

// fuzzHeaders makes headers from lines of key: value.
func fuzzHeaders(text string) []saga.Header {
	var headers []saga.Header
	for line := range strings.SplitSeq(text, "\n") {
		key, value, ok := strings.Cut(line, ": ")
		h := saga.Header{Key: key}
		if ok {
			h.Value = []byte(value)
		}
		headers = append(headers, h)
	}
	return headers
}

func headerLines(headers []saga.Header) string {
	lines := make([]string, len(headers))
	for i, h := range headers {
		lines[i] = h.Key + ": " + string(h.Value)
	}
	return strings.Join(lines, "\n")
}

func exampleCommand() saga.Command {
	return saga.Command{
		ID:          saga.CommandID{Saga: storyID, Step: saga.StepRef{Name: "pay", Item: 1, Visit: 1}, Direction: saga.Undo},
		Participant: "payments", Name: "refund", Definition: "trip", Version: "r1", Attempt: 1, Epoch: 2, Deadline: storyStart,
		Route: saga.Route{Namespace: "default", Incarnation: 1, ReplyTopic: "unwind.replies.g1", Token: "k1.abc"},
	}
}

// FuzzDecodeCommand: no headers panic, and a command that is accepted is written
// and read back the same.
func FuzzDecodeCommand(f *testing.F) {
	f.Add(headerLines(saga.CommandHeaders(exampleCommand(), storyStart)), []byte(`{}`))
	f.Add("ce_type\nunwind-saga: \xff", []byte(nil))
	f.Fuzz(func(t *testing.T, text string, value []byte) {
		cmd, err := saga.DecodeCommand(fuzzHeaders(text), value)
		if err != nil {
			return
		}
		again, err := saga.DecodeCommand(saga.CommandHeaders(cmd, storyStart), value)
		require.NoError(t, err)
		require.True(t, cmd.Deadline.Equal(again.Deadline))
		again.Deadline = cmd.Deadline
		require.Equal(t, cmd, again)
	})
}

// FuzzDecodeReply is the same for replies.
func FuzzDecodeReply(f *testing.F) {
	command := saga.CommandHeaders(exampleCommand(), storyStart)
	reply := saga.Reply{ID: exampleCommand().ID, Participant: "payments", Outcome: saga.Rejected, Reason: "no"}
	f.Add(headerLines(saga.ReplyHeaders(command, reply, storyStart)), []byte(`{}`))
	f.Fuzz(func(t *testing.T, text string, value []byte) {
		headers := fuzzHeaders(text)
		reply, err := saga.DecodeReply(headers, value)
		if err != nil {
			return
		}
		again, err := saga.DecodeReply(saga.ReplyHeaders(headers, reply, storyStart), value)
		require.NoError(t, err)
		require.Equal(t, reply, again)
	})
}
