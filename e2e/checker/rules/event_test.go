package rules_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/e2e/checker/rules"
)

// arrival is the place of a record that starts a saga, leaving of one that ends its wait.
var (
	arrival = rules.Happened{Place: rules.Place{Topic: "arrivals", Partition: 1, Offset: 4}, At: at(1), Value: 11}
	leaving = rules.Happened{Place: rules.Place{Topic: "leavings", Offset: 9}, At: at(2), Value: 12}
)

func byRecord(h rules.Happened, name string) string {
	return fmt.Sprintf("event/%s/%s/%d/%d/%d", name, h.Place.Topic, h.Place.Partition, h.Place.Offset, h.At.UnixMilli())
}

// guests is a run of one saga that a record has started and another has gone on with,
// and whose end is told, twice, as may be.
func guests() rules.Run {
	r := begun()
	r.Definitions[trip] = rules.Definition{
		Steps: []rules.Step{{Name: "stay", Kind: rules.Compensable, Wait: &rules.Wait{Signals: []string{"@stay"}, Topic: "leavings"}}},
		OnEnd: &rules.OnEnd{Topic: "ends", When: []int{rules.Completed}}, StartOn: &rules.StartOn{Topic: "arrivals", Since: at(0.5)},
	}
	add(
		&r, happy, rules.Completed,
		from(rules.Event{Kind: rules.Started}, 1),
		from(rules.Event{Kind: rules.Signalled, Signal: "@stay", RequestID: byRecord(leaving, "stay"), Value: 12}, 3),
	)
	old := arrival
	old.Place.Offset, old.At = 3, at(0)
	r.Happened = []rules.Happened{old, arrival, leaving}
	r.Starts, r.Keys[0].Key = nil, byRecord(arrival, "trip")
	for offset := range 2 {
		r.Told = append(r.Told, rules.Told{
			Place: rules.Place{Topic: "ends", Offset: int64(offset)}, Key: happy, ID: happy + "/completed", Type: "io.unwindhq.saga.completed",
			Source: "/unwind/default", Subject: "guest 7", At: at(3), Saga: happy, Namespace: "default", Definition: "trip", Version: "r1",
			Status: "completed", Summary: &rules.Summary{Saga: happy, Definition: "trip", Key: "guest 7", Status: "completed"},
		})
	}
	return r
}

// TestEvents: each record starts one saga, each end is told, and each event was written.
func TestEvents(t *testing.T) {
	t.Parallel()
	require.Empty(t, rules.Check(guests()))
	tells := "I4: saga " + happy + ": ends/0 at offset 0 tells of its end with a wrong "
	for name, test := range map[string]struct {
		spoil   func(*rules.Run)
		finding string
	}{
		"no end is told":    {func(r *rules.Run) { r.Told = nil }, "I4: saga " + happy + ": it is completed, and no record of ends says so"},
		"another end":       {func(r *rules.Run) { r.Told[0].Status = "compensated" }, "I4: saga " + happy + ": ends/0 at offset 0 tells that it is compensated, and it is completed"},
		"an end too early":  {func(r *rules.Run) { r.Sagas[0].Status = rules.Running }, "I4: saga " + happy + ": ends/0 at offset 0 tells that it is completed, and it is running"},
		"an end of nobody":  {func(r *rules.Run) { r.Told[1].Saga = nobod }, "I4: saga " + nobod + ": ends/0 at offset 1 tells that it is completed, and there is no such saga"},
		"two accounts":      {func(r *rules.Run) { r.Told[1].Record = rules.Digest{1} }, "I4: saga " + happy + ": ends/0 at offset 1 repeats " + happy + "/completed and differs from ends/0 at offset 0"},
		"nobody has asked":  {func(r *rules.Run) { unasked(r) }, "I4: saga " + happy + ": ends/0 at offset 0 tells of its end, which its definition does not ask for"},
		"an end of no need": {func(r *rules.Run) { r.Definitions[trip].OnEnd.When[0] = rules.Compensated }, tells + `status: "completed"`},
		"another topic":     {func(r *rules.Run) { r.Told[0].Place.Topic = "x" }, "I4: saga " + happy + ": x/0 at offset 0 tells of its end with a wrong topic: \"x\""},
		"another key":       {func(r *rules.Run) { r.Told[0].Key = "x" }, tells + `key: "x"`},
		"another id":        {func(r *rules.Run) { r.Told[0].ID = "x" }, tells + `id: "x"`},
		"another type":      {func(r *rules.Run) { r.Definitions[trip].OnEnd.Type = "over" }, tells + `type: "io.unwindhq.saga.completed"`},
		"another source":    {func(r *rules.Run) { r.Told[0].Source = "x" }, tells + `source: "x"`},
		"no subject":        {func(r *rules.Run) { r.Told[0].Subject = "" }, tells + `subject: ""`},
		"another version":   {func(r *rules.Run) { r.Told[0].Version = "r2" }, tells + `definition: "trip r2 of default"`},
		"another value":     {func(r *rules.Run) { r.Told[0].Summary.Key = "x" }, tells + `value: "another"`},
		"no value":          {func(r *rules.Run) { r.Told[0].Summary = nil }, tells + `value: "another"`},
		"a value at fault":  {func(r *rules.Run) { r.Told[0].Fault = "x" }, tells + `fault: "x"`},

		"unheard": {func(r *rules.Run) { r.Keys = []rules.Key{} }, "I11: the record arrivals/1 at offset 4 has started no trip"},
		"started by nothing": {
			func(r *rules.Run) { r.Happened[1].Place.Offset = 5 },
			"I12: saga " + happy + ": it was started by the record arrivals/1/4/1767225601000, which is not there",
		},
		"of another definition": {
			func(r *rules.Run) { r.Keys[0].Key = byRecord(arrival, "other") },
			"I11: saga " + happy + ": it is a trip, and its key \"" + byRecord(arrival, "other") + "\" is that of a other",
		},
		"told by nothing": {
			func(r *rules.Run) { r.Happened[2].Place.Partition = 1 },
			"I12: saga " + happy + ": event 2 is told by the record leavings/0/9/1767225602000, which is not there",
		},
		"told twice": {
			func(r *rules.Run) {
				again := r.Events[1]
				again.Seq, r.Sagas[0].Seq = 3, 3
				r.Events = append(r.Events, again)
			},
			"I12: saga " + happy + ": event 3 is told by the record leavings/0/9/1767225602000 a second time",
		},
		"told otherwise": {
			func(r *rules.Run) { r.Events[1].Value = 13 },
			"I12: saga " + happy + ": event 2 differs from the record leavings/0/9/1767225602000",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := guests()
			test.spoil(&r)
			require.Contains(t, found(r), test.finding)
		})
	}
}

// TestWhatEventsMayDo: what is no fault.
func TestWhatEventsMayDo(t *testing.T) {
	t.Parallel()
	for name, allow := range map[string]func(*rules.Run){
		"only the engine knows which": func(r *rules.Run) { r.Definitions[trip].StartOn.Some, r.Keys = true, []rules.Key{} },
		"refused": func(r *rules.Run) {
			r.NoDeadLetters, r.Keys, r.Letters = false, []rules.Key{}, []rules.Letter{{Source: arrival.Place}}
		},
		"another version listens elsewhere": func(r *rules.Run) {
			other := trip
			other.Version = "r2"
			r.Definitions[other], r.Keys = rules.Definition{}, []rules.Key{}
		},
		"a value of its own":     func(r *rules.Run) { r.Definitions[trip].OnEnd.Mapped, r.Told[0].Summary = true, nil },
		"another end is not":     func(r *rules.Run) { r.Definitions[trip].OnEnd.When[0], r.Told = rules.Compensated, nil },
		"ended while one looked": func(r *rules.Run) { stillAlive(r) },
		"turned back by a parent": func(r *rules.Run) {
			r.Sagas[0].Status, r.Sagas[0].Seq = rules.Compensated, 3
			r.Events = append(r.Events, rules.Event{Saga: happy, Seq: 3, At: at(4), Kind: rules.Reversed})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := guests()
			allow(&r)
			require.Empty(t, rules.Check(r))
		})
	}
}

func unasked(r *rules.Run) {
	def := r.Definitions[trip]
	def.OnEnd = nil
	r.Definitions[trip] = def
}

// stillAlive: the saga had attention when its history was read, and ended after that.
func stillAlive(r *rules.Run) {
	r.Sagas[0].Status, r.Sagas[0].Seq, r.Sagas[0].Attention = rules.Running, 1, []string{"blocked"}
	r.Events = r.Events[:1]
}
