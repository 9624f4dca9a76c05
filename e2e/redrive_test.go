package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/internal/failpoint"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

// TestDeadLetters goes the way of dead letters from outside: what becomes one, how
// it is looked at, redriven and discarded, and what an unwritable topic and a crash
// do to it.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 1)
	t.Run("a redriven reply heals its saga", w.redriveReply)
	t.Run("a do that was undone is not redriven", w.redriveUndone)
	t.Run("what is of no use is discarded", w.discarded)
	t.Run("a crash loses none and doubles none", w.crashWithLetters)
	t.Run("a topic that is gone holds nobody up", w.lettersWithoutTopic)
}

// letter waits for the one dead letter with this key and returns it with its record.
func (w *world) letter(t *testing.T, topic string, key []byte) client.DeadLetter {
	t.Helper()
	var found client.DeadLetter
	eventually(t, "the dead letter is listed", func() bool {
		var page client.DeadLetters
		answer := w.call(t, request{method: http.MethodGet, path: "/v1/dead-letters?topic=" + topic, want: http.StatusOK})
		require.NoError(t, json.Unmarshal(answer, &page))
		for _, l := range page.DeadLetters {
			answer := w.call(t, request{method: http.MethodGet, path: fmt.Sprintf("/v1/dead-letters/%d", l.ID), want: http.StatusOK})
			found = client.DeadLetter{}
			require.NoError(t, json.Unmarshal(answer, &found))
			if found.Key != nil && string(found.Key.Base64) == string(key) {
				return true
			}
		}
		return false
	})
	return found
}

// cli runs an unwind command and returns what it prints and its exit code.
func (w *world) cli(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, unwindBinary, append(args, "--url", w.nodes[0].url)...)
	cmd.Env = os.Environ()
	data, err := cmd.Output()
	if err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	return string(data), cmd.ProcessState.ExitCode()
}

// redriveReply: a reply on a wrong partition whose key nothing can carry onwards is
// a dead letter; redriven, it goes to its saga's partition.
func (w *world) redriveReply(t *testing.T) {
	id := w.start(t, "mute", nil)
	command := w.commands("mutes").one(t, "the command", about(id, "mute", "do"))
	reply := answer(command, w.replyTopic(), (replyPartition(id)+1)%bucket.Count, saga.Succeeded)
	reply.Key = []byte{0xff, 0}
	w.produce(t, reply)
	l := w.letter(t, w.replyTopic(), reply.Key)
	require.Equal(t, "misplaced", l.Class)
	require.Equal(t, id.String(), l.Saga)
	require.Equal(t, string(reply.Value), string(l.Value.Base64))
	require.Contains(t, l.Effect, "step mute goes from doing to done")

	shown, code := w.cli(t, "dlq", "show", fmt.Sprint(l.ID))
	require.Zero(t, code)
	require.Contains(t, shown, "misplaced")
	require.Contains(t, shown, `"\xff\x00"`)
	would, code := w.cli(t, "dlq", "redrive", "--saga", id.String())
	require.Zero(t, code)
	require.Contains(t, would, "nothing was redriven")
	w.phase(t, id, "mute", saga.Doing.String())

	done, code := w.cli(t, "dlq", "redrive", "--saga", id.String(), "--yes", "--reason", "their client was mended")
	require.Zero(t, code, done)
	w.ended(t, id, saga.Completed)
	again := w.replies().one(t, "the redriven reply", func(r kafka.Record) bool { return header(r, "unwind-redrive") == "1" })
	require.Equal(t, replyPartition(id), again.Partition)
	require.Equal(t, reply.Key, again.Key)
	require.Equal(t, reply.Value, again.Value)
	require.Equal(t, reply.Headers, again.Headers[:len(again.Headers)-1])

	twice, code := w.cli(t, "dlq", "redrive", fmt.Sprint(l.ID), "--yes")
	require.Equal(t, 1, code)
	require.Contains(t, twice, "it was redriven before")
	l = w.letter(t, w.replyTopic(), reply.Key)
	require.Equal(t, "redriven", l.Status)
	require.Equal(t, "their client was mended", l.Note)
	require.NotEmpty(t, l.Actor)
}

// redriveUndone: a participant's own dead letter is imported. Its command is refused
// once the step was undone.
func (w *world) redriveUndone(t *testing.T) {
	id := w.start(t, "trip", script{"hotels": {"reject"}})
	command := w.commands("flights").one(t, "the command", about(id, "flight", "do"))
	w.ended(t, id, saga.Compensated)
	w.produce(t, deadletter.Record(command, deadletter.Reason{Class: "unmatched", Text: "an old program"}, time.Now()))
	l := w.letter(t, w.commandTopic("flights"), command.Key)
	require.Equal(t, w.commandTopic("flights")+".dlt", l.Origin)
	require.Equal(t, command.Offset, l.Offset)
	require.Equal(t, "flight/do", l.Command)

	const sentence = "step flight was undone: doing it now would leave an effect that nobody undoes"
	require.Contains(t, l.Effect, sentence)
	path := fmt.Sprintf("/v1/dead-letters/%d/redrive", l.ID)
	for _, body := range []string{`{}`, `{"force":true}`} {
		require.Contains(t, string(w.call(t, request{method: http.MethodPost, path: path, body: []byte(body), want: http.StatusConflict})), sentence)
	}
	require.Equal(t, "flight -flight", w.did(t, id))
	require.Equal(t, "open", w.letter(t, w.commandTopic("flights"), command.Key).Status)
}

// discarded: an undecodable reply is listed, grouped and discarded with a reason.
func (w *world) discarded(t *testing.T) {
	bad := rubbish(w.replyTopic(), 3, saga.TypeReply)
	w.produce(t, bad...)
	for _, r := range bad {
		w.buried(t, r, "undecodable")
	}
	l := w.letter(t, w.replyTopic(), bad[2].Key)
	require.Len(t, l.Headers, len(bad[2].Headers))
	for i, h := range bad[2].Headers {
		require.Equal(t, h.Key, string(l.Headers[i].Name.Base64))
		require.Equal(t, h.Value == nil, l.Headers[i].Value == nil)
		if h.Value != nil {
			require.Equal(t, string(h.Value), string(l.Headers[i].Value.Base64))
		}
	}
	require.Nil(t, w.letter(t, w.replyTopic(), bad[1].Key).Value)
	groups, code := w.cli(t, "dlq", "groups", "--class", "undecodable")
	require.Zero(t, code)
	require.Contains(t, groups, l.Fingerprint)

	_, code = w.cli(t, "dlq", "discard", fmt.Sprint(l.ID))
	require.Equal(t, 2, code, "without a reason")
	_, code = w.cli(t, "dlq", "discard", fmt.Sprint(l.ID), "--reason", "a test of theirs")
	require.Zero(t, code)
	require.Equal(t, "discarded", w.letter(t, w.replyTopic(), bad[2].Key).Status)
	listed, _ := w.cli(t, "dlq", "list", "--limit", "200")
	require.NotContains(t, listed, fmt.Sprintf("\n%d ", l.ID))
}

// crashWithLetters: kill -9 before and after the commit that a dead letter is part
// of. It is there once, and on its topic.
func (w *world) crashWithLetters(t *testing.T) {
	for _, place := range []string{failpoint.BeforeCommit + ":1", failpoint.AfterCommit + ":1"} {
		w.nodes[0].kill()
		w.spawn(0, "UNWIND_FAILPOINT="+place) // it may come there before it is ready
		bad := rubbish(w.replyTopic(), 5, saga.TypeReply)
		w.produce(t, bad...)
		select {
		case <-w.nodes[0].ended:
		case <-time.After(patience):
			require.Fail(t, "the coordinator has not come to that place")
		}
		w.begin(0)
		for _, r := range bad {
			w.buried(t, r, "undecodable")
			var n int
			require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM unwind.dead_letters WHERE key = $1`, r.Key).Scan(&n))
			require.Equal(t, 1, n)
		}
	}
}

// lettersWithoutTopic: the dead-letter topic is gone. Replies go on, the letters are
// in Postgres and say so.
func (w *world) lettersWithoutTopic(t *testing.T) {
	admin, err := kafka.NewAdmin(kafka.Config{Brokers: w.brokers})
	require.NoError(t, err)
	require.NoError(t, admin.Delete(t.Context(), w.replyTopic()+".dlt"))
	eventually(t, "the topic is gone", func() bool { // the broker answers before it has deleted it
		missing, err := admin.Missing(t.Context(), w.replyTopic()+".dlt")
		return err == nil && len(missing) == 1
	})
	id := w.start(t, "mute", nil)
	command := w.commands("mutes").one(t, "the command", about(id, "mute", "do"))
	bad := rubbish(w.replyTopic(), replyPartition(id), saga.TypeReply)
	w.produce(t, bad...)
	w.produce(t, answer(command, w.replyTopic(), replyPartition(id), saga.Succeeded))
	began := time.Now()
	w.phase(t, id, "mute", saga.Done.String())
	require.Less(t, time.Since(began), soon, "until the next message was handled")
	w.ended(t, id, saga.Completed)
	for _, r := range bad {
		eventually(t, "the trouble is noted", func() bool { return w.letter(t, w.replyTopic(), r.Key).Trouble != "" })
		l := w.letter(t, w.replyTopic(), r.Key)
		require.Equal(t, "open", l.Status)
		require.Equal(t, len(r.Value), l.Size)
	}
}
