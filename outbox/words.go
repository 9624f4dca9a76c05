package outbox

// words are the names, and the values that never vary, of the headers that most
// messages carry: CloudEvents', the wire contract's and the trace's. EncodeHeaders
// stores their numbers. The list belongs to the stored form: words are never
// moved or removed, and a longer list is a new edition, read beside this one.
var words = [...]string{
	"ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "content-type",
	"unwind-saga", "unwind-definition", "unwind-version", "unwind-step", "unwind-direction", "unwind-participant", "unwind-command",
	"unwind-attempt", "unwind-epoch", "unwind-deadline", "unwind-reply-topic", "unwind-reply-partition", "unwind-namespace",
	"unwind-incarnation", "unwind-token", "unwind-codec", "unwind-key-id", "unwind-outcome", "unwind-reason",
	"unwind-participant-version", "traceparent", "tracestate",
	"1.0", "1", "do", "undo", "application/json", "default", "/unwind/default", "succeeded", "rejected", "failed",
	"unwind.command.v1", "unwind.reply.v1", "unwind.start.v1", "unwind.replies.g1",
}

// wordNumbers has each word's number, from 1.
var wordNumbers = func() map[string]uint64 {
	numbers := make(map[string]uint64, len(words))
	for i, word := range words {
		numbers[word] = uint64(i) + 1
	}
	return numbers
}()
