package script

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
	"github.com/unwindhq/unwind/sagatest/stage"
)

// compare holds what became of the saga to what was expected.
func (sc *scene) compare() {
	e, state := &sc.Expect, sc.stage.State()
	if e.Status != "" && e.Status != state.Status.String() {
		sc.differs("status", e.Status, strings.TrimSuffix(state.Status.String()+": "+state.Cause, ": "))
	}
	if !strings.Contains(state.Cause, e.Cause) {
		sc.differs("cause", e.Cause, state.Cause)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Steps)) {
		if got := phase(sc.of, &state, name); got != e.Steps[name] {
			sc.differs("step "+name, e.Steps[name], got)
		}
	}
	sc.commands()
	sc.history()
	sc.document("output", e.Output, state.Extras().Output)
	sc.document("attributes", e.Attributes, attributes(&state))
	sc.list("attention", e.Attention, attention(&state))
	sc.list("waitingFor", e.WaitingFor, state.WaitingFor())
	sc.took()
}

func (sc *scene) differs(what, want, got string) {
	sc.fail(Failure{Line: sc.Expect.LineOf(what), What: what, Want: want, Got: got})
}

// took holds the time it took to the bounds.
func (sc *scene) took() {
	e, took := &sc.Expect, sc.stage.Took()
	switch {
	case e.AtLeast == e.AtMost && e.AtMost > 0 && took != e.AtLeast:
		sc.differs("took", e.AtLeast.String(), took.String())
	case e.AtMost > 0 && took > e.AtMost:
		sc.differs("took", "at most "+e.AtMost.String(), took.String())
	case took < e.AtLeast:
		sc.differs("took", "at least "+e.AtLeast.String(), took.String())
	}
}

// list compares two lists, in any order.
func (sc *scene) list(what string, want, got []string) {
	if want == nil {
		return
	}
	want, got = slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))
	if !slices.Equal(want, got) {
		sc.differs(what, orNone(want), orNone(got))
	}
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// document compares JSON: what is written must be there.
func (sc *scene) document(what string, want, got json.RawMessage) {
	if want == nil {
		return
	}
	if got == nil {
		got = json.RawMessage("null")
	}
	if where := Mismatch(want, got); where != "" {
		sc.differs(what, string(want), string(got)+" ("+where+")")
	}
}

func attributes(s *saga.State) json.RawMessage {
	all := map[string]json.RawMessage{}
	for _, a := range s.Extras().Attributes {
		all[a.Name] = a.Value
	}
	data, err := json.Marshal(all)
	if err != nil {
		panic(fmt.Sprintf("attributes are JSON: %v", err)) // the core made them
	}
	return data
}

func attention(s *saga.State) (reasons []string) {
	for _, a := range s.Attention {
		reasons = append(reasons, strings.TrimSpace(string(a.Reason)+" "+a.Step))
	}
	return reasons
}

// commands compares the commands that were sent, one by one.
func (sc *scene) commands() {
	want, got := sc.Expect.Commands, sc.stage.Sent()
	if want == nil {
		return
	}
	wrong := -1
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || explain(want[i], got[i]) != "" {
			wrong = i
			break
		}
	}
	if wrong < 0 {
		return
	}
	f := Failure{Line: sc.Expect.LineOf("commands"), What: "command " + strconv.Itoa(wrong+1), Want: "no more commands", Got: "no more commands", Detail: diff(want, got)}
	if wrong < len(want) {
		f.Line, f.Want = want[wrong].Line, expectedText(want[wrong])
	}
	if wrong < len(got) {
		f.Got = sentText(got[wrong])
	}
	if wrong < len(want) && wrong < len(got) {
		f.Got += " (" + explain(want[wrong], got[wrong]) + ")"
	}
	sc.fail(f)
}

// explain says why a command is not the expected one; empty: it is.
func explain(want definition.Expected, got stage.Sent) string {
	switch {
	case want.Step != got.ID.Step.Name && want.Step != stepText(got) || want.Direction != got.ID.Direction:
		return "another command"
	case want.Attempt != 0 && want.Attempt != got.Attempt:
		return "another attempt"
	case want.At != nil && *want.At != got.At:
		return "sent at " + got.At.String()
	case want.Input != nil:
		return Mismatch(want.Input, got.Payload.Data)
	}
	return ""
}

// history compares the events, one by one.
func (sc *scene) history() {
	want, got := sc.Expect.History, []string{}
	for _, e := range sc.stage.History() {
		got = append(got, eventName(&e))
	}
	if want != nil && !slices.Equal(want, got) {
		sc.differs("history", strings.Join(want, ", "), strings.Join(got, ", "))
	}
}

func expectedText(e definition.Expected) string {
	text := e.Direction.String() + " " + e.Step
	if e.Attempt > 0 {
		text += ", attempt " + strconv.Itoa(e.Attempt)
	}
	if e.At != nil {
		text += " at " + e.At.String()
	}
	if e.Input != nil {
		text += " " + string(e.Input)
	}
	return text
}

func sentText(s stage.Sent) string {
	text := s.ID.Direction.String() + " " + stepText(s)
	if s.Attempt > 1 {
		text += ", attempt " + strconv.Itoa(s.Attempt)
	}
	return text + " " + short(s.Payload.Data)
}

// stepText names the step, and the item of a list.
func stepText(s stage.Sent) string {
	return saga.StepRef{Name: s.ID.Step.Name, Item: s.ID.Step.Item}.String()
}

// short is a document that fits a line.
func short(data []byte) string {
	const most = 120
	if len(data) > most {
		return strings.ToValidUTF8(string(data[:most]), "") + "…"
	}
	return string(data)
}

// diff shows both lists, - for what is missing and + for what was not expected.
func diff(want []definition.Expected, got []stage.Sent) string {
	got = got[:min(len(got), len(want)+maxStory)]
	// common[i][j] is how many of want[i:] and got[j:] can be paired in order.
	common := make([][]int, len(want)+1)
	for i := range common {
		common[i] = make([]int, len(got)+1)
	}
	for i := range slices.Backward(want) {
		for j := range slices.Backward(got) {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if explain(want[i], got[j]) == "" {
				common[i][j] = max(common[i][j], common[i+1][j+1]+1)
			}
		}
	}
	var lines []string
	for i, j := 0, 0; i < len(want) || j < len(got); {
		switch {
		case i < len(want) && j < len(got) && explain(want[i], got[j]) == "" && common[i][j] == common[i+1][j+1]+1:
			lines = append(lines, "  "+sentText(got[j]))
			i, j = i+1, j+1
		case j == len(got) || i < len(want) && common[i+1][j] >= common[i][j+1]:
			lines = append(lines, "- "+expectedText(want[i]))
			i++
		default:
			lines = append(lines, "+ "+sentText(got[j]))
			j++
		}
	}
	return strings.Join(lines, "\n")
}

// Mismatch says where a document does not have what is wanted; empty: it has. Fields of
// an object that are not wanted may be there; lists are compared item by item, numbers
// by their value.
func Mismatch(want, got json.RawMessage) string {
	w, err1 := decode(want)
	g, err2 := decode(got)
	if err1 != nil || err2 != nil {
		if bytes.Equal(want, got) {
			return ""
		}
		return "it is not JSON"
	}
	return lacks(w, g, "")
}

func decode(data json.RawMessage) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func lacks(want, got any, path string) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			break
		}
		for _, name := range slices.Sorted(maps.Keys(w)) {
			value, there := g[name]
			if !there {
				return strings.TrimPrefix(path+"."+name, ".") + " is missing"
			}
			if where := lacks(w[name], value, path+"."+name); where != "" {
				return where
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			break
		}
		for i := range w {
			if where := lacks(w[i], g[i], path+"["+strconv.Itoa(i)+"]"); where != "" {
				return where
			}
		}
		return ""
	case json.Number:
		if g, ok := got.(json.Number); ok && sameNumber(w, g) {
			return ""
		}
	default:
		if want == got {
			return ""
		}
	}
	data, err := json.Marshal(got)
	if err != nil {
		panic(fmt.Sprintf("what was JSON is not: %v", err)) // decode read it
	}
	return strings.TrimSpace(strings.TrimPrefix(path, ".") + " is " + short(data))
}

// sameNumber compares by value: 1.0 is 1. Whole numbers of any size are exact.
func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	x, err1 := a.Float64()
	y, err2 := b.Float64()
	return err1 == nil && err2 == nil && x == y && strings.ContainsAny(a.String()+b.String(), ".eE")
}

// maxStory is how many lines a story has; what is between its beginning and its end
// is left out.
const maxStory = 100

// Story tells what happened on a stage, one line for each event and command.
func Story(st *stage.Stage) []string {
	lines := []string{}
	sent, begin := st.Sent(), st.Now().Add(-st.Elapsed())
	for _, e := range st.History() {
		at := "+" + e.At.Sub(begin).Round(time.Millisecond).String()
		lines = append(lines, fmt.Sprintf("%-10s %s", at, eventText(&e)))
		for ; len(sent) > 0 && sent[0].Seq == e.Seq; sent = sent[1:] {
			lines = append(lines, fmt.Sprintf("%-10s → %s", "", sentText(sent[0])))
		}
	}
	if cut := len(lines) - maxStory; cut > 0 {
		lines = slices.Concat(lines[:maxStory/2], []string{fmt.Sprintf("%-10s … %d lines …", "", cut)}, lines[len(lines)-maxStory/2:])
	}
	state := st.State()
	return append(lines, fmt.Sprintf("%-10s %s", "+"+st.Took().Round(time.Millisecond).String(), strings.TrimSuffix(state.Status.String()+": "+state.Cause, ": ")))
}

// eventText says what an event was, and what it said.
func eventText(e *saga.Event) string {
	text := eventName(e)
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	if len(e.Payload.Data) > 0 {
		text += " " + short(e.Payload.Data)
	}
	return text
}

// eventName says what an event was.
func eventName(e *saga.Event) string {
	switch {
	case e.Kind == saga.Replied:
		return fmt.Sprintf("%s of %s %s", e.Outcome, e.Direction, saga.StepRef{Name: e.Step.Name, Item: e.Step.Item})
	case e.Kind == saga.Decided && e.Outcome == saga.Succeeded:
		return "approved " + e.Step.Name
	case e.Kind == saga.Decided:
		return "refused " + e.Step.Name
	}
	return strings.TrimRight(string(e.Kind)+" "+e.Extras().Signal+e.Extras().Update+e.Step.Name, " ")
}
