package participant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/outbox/outboxkafka"
	"github.com/unwindhq/unwind/saga"
)

// heartbeatTimeout bounds the sending of a heartbeat: a broker that is away does not
// hold the handler's work up for longer.
const heartbeatTimeout = 5 * time.Second

// ErrNoHandler says that Heartbeat was called outside of a handler.
var ErrNoHandler = errors.New("not the context of a handler")

// Heartbeat says that the handler with this context is at work: the reply ongoing.
// A step whose definition has a heartbeat (Info(ctx).Heartbeat) must hear it at
// least that often, or the command is sent again; another step's timeout begins
// anew. progress is shown with the saga: anything that encodes to JSON of at most
// saga.MaxProgress bytes; nil says nothing.
//
// It is sent at once and outside of the handler's transaction: it says that there
// is work, not that there is a result. The coordinator stores one in a quarter of
// the heartbeat at most. An error, such as a broker that is away for five seconds,
// may be ignored: the next one says the same.
func Heartbeat(ctx context.Context, progress any) error {
	w, ok := ctx.Value(contextKey{}).(working)
	if !ok {
		return fmt.Errorf("heartbeat: %w", ErrNoHandler)
	}
	var data []byte
	if progress != nil {
		var err error
		if data, err = json.Marshal(progress); err != nil {
			return fmt.Errorf("heartbeat: encode the progress: %w", err)
		}
	}
	if len(data) > saga.MaxProgress {
		return fmt.Errorf("heartbeat: the progress has %d bytes, the most is %d: say less", len(data), saga.MaxProgress)
	}
	ctx, cancel := context.WithTimeout(ctx, heartbeatTimeout)
	defer cancel()
	beat := entry{outcome: saga.Ongoing, result: saga.JSON(data), time: time.Now()}
	sent := make(chan error, 1)
	w.p.producer.Produce(ctx, []kafka.Record{outboxkafka.Record(w.p.reply(w.d, beat))}, func(_ int, _ int32, _ int64, err error) { sent <- err })
	select {
	case err := <-sent:
		if err != nil {
			return fmt.Errorf("heartbeat: %w", err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("heartbeat: not acknowledged by the broker: %w", ctx.Err())
	}
}
