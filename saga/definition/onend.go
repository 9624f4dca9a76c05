package definition

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/unwindhq/unwind/saga"
)

// OnEnd lets an event go out when a saga ends.
type OnEnd struct {
	Topic   string   `json:"topic,omitempty"`   // Topic is the topic's name; default the namespace's events topic.
	Type    string   `json:"type,omitempty"`    // Type is the event's type; default io.unwindhq.saga. and the status.
	When    []string `json:"when,omitempty"`    // When are completed, compensated, abandoned; default all.
	Payload any      `json:"payload,omitempty"` // Payload is any tree, as Step.Input, that may also read output, status and cause; default a summary.
}

var onEndOptions = options{"onEnd", []string{"topic", "type", "when", "payload"}, nil}

// The words of onEnd.when.
var ends = []string{saga.Completed.String(), saga.Compensated.String(), saga.Abandoned.String()}

func (o object) onEnd() *OnEnd {
	n := o.fields["onEnd"]
	if n == nil {
		return nil
	}
	e := o.object(n, "onEnd", onEndOptions)
	on := &OnEnd{Topic: e.topic(), Type: e.text("type"), When: e.names("when")}
	switch payload := e.fields["payload"]; {
	case payload == nil:
	case payload.kind == nullNode:
		e.add("onEnd.payload", "the payload is empty", "leave it out for a summary, or write {}")
	default:
		on.Payload = json.RawMessage(payload.appendJSON(nil))
	}
	return on
}

// onEnd resolves and binds the event of a saga's end.
func (b *binder) onEnd(on *OnEnd) (*saga.OnEnd, error) {
	end := &saga.OnEnd{Topic: on.Topic, Type: on.Type}
	for _, word := range on.When {
		status, ok := saga.ParseStatus(word)
		if !ok || !status.Ended() {
			b.add("onEnd.when", fmt.Sprintf("unknown word %q", word), didYouMean(word, ends))
			continue
		}
		end.When = append(end.When, status)
	}
	b.completes = slices.Equal(end.When, []saga.Status{saga.Completed})
	raw, ok := on.Payload.(json.RawMessage)
	if !ok {
		return end, nil
	}
	tree, err := parseJSON(raw, "")
	if err != nil {
		return nil, fmt.Errorf("read back the payload of onEnd: %w", err)
	}
	end.Payload = b.treeAt(atEnd, "onEnd.payload", tree)
	return end, nil
}
