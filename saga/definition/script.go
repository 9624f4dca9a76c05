package definition

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// Script is a file of scenes: what is given, what happens, and what a saga must make
// of it. Package sagatest/script plays it.
type Script struct {
	Name       string   // Name is the file's, as it was given.
	Definition string   // Definition is the path of the definition, from the script's folder.
	Contracts  []string // Contracts are the paths of the participants' contracts, if answers are to be held to them.
	Scenes     []Scene  // Scenes are 1 to MaxScenes, each with what is given to all.

	lines *report
}

// The limits of a script.
const (
	MaxScenes  = 500                       // MaxScenes is how many scenes a script may have.
	MaxAnswers = 100                       // MaxAnswers is how many answers a step may be given, and how many times one may be repeated.
	MaxCues    = 100                       // MaxCues is how many events a scene may have.
	MaxUntil   = 10 * 365 * 24 * time.Hour // MaxUntil is the longest that a scene may play.
)

// Scene is one saga and what becomes of it.
type Scene struct {
	Name    string              // Name says what it shows.
	Line    int                 // Line is where it is written.
	Start   time.Time           // Start is when it begins; default 2026-01-01 in UTC.
	Until   time.Duration       // Until is when it ends at the latest; 0: when nothing more happens.
	Input   json.RawMessage     // Input is the saga's.
	Answers map[string][]Answer // Answers are the participants', by step, or step/undo; the last one is repeated.
	Cues    []Cue               // Cues are what others do, in the order in which they are written.
	Expect  Expect              // Expect is what must have become of it.
}

// Answer is how a participant answers an attempt.
type Answer struct {
	Outcome saga.Outcome    // Outcome is the answer; 0: there is none.
	Reason  string          // Reason says why it was rejected or failed.
	Output  json.RawMessage // Output is a success's payload.
	After   time.Duration   // After is how long it takes.
	Ongoing time.Duration   // Ongoing is how often the participant says that it is at work; 0: never.
	Times   int             // Times is for how many attempts it holds, at least 1.
}

// Cue is what somebody does at a moment.
type Cue struct {
	Line    int             // Line is where it is written.
	At      time.Duration   // At is when, from the saga's start; unless Step is given.
	Step    string          // Step and Phase are the moment at which a step is first in that phase.
	Phase   string          // Phase is that phase.
	Kind    saga.EventKind  // Kind is what is done.
	Target  string          // Target is the step that it is done to; may be empty.
	Signal  string          // Signal is a signal's name, or an update's.
	Payload json.RawMessage // Payload is a signal's, a resolved step's output, or the input of an edited step or an update.
	Outcome saga.Outcome    // Outcome is that of a decision.
	Reason  string          // Reason says why.
	By      string          // By is who does it.
	Groups  []string        // Groups are those of who decides.
	Refused string          // Refused is the word of the refusal that must answer it, such as past-pivot; empty: none.
}

// Expect is what must have become of a saga. What is not written is not looked at.
type Expect struct {
	Status     string            // Status is the saga's.
	Cause      string            // Cause is a part of why it turned back.
	Steps      map[string]string // Steps are the phases of steps.
	Commands   []Expected        // Commands are all commands in the order of their sending; nil: not looked at.
	History    []string          // History are all events in their order, such as started or succeeded of do hotel; nil: not looked at.
	Output     json.RawMessage   // Output is the saga's.
	Attributes json.RawMessage   // Attributes are what it is found by.
	Attention  []string          // Attention are the reasons for attention, each with its step if it has one; nil: not looked at.
	WaitingFor []string          // WaitingFor is what it waits for; nil: not looked at.
	AtLeast    time.Duration     // AtLeast is how long it took at least, by the virtual clock.
	AtMost     time.Duration     // AtMost is how long it took at most; 0: not looked at.

	path  string
	lines *report
}

// LineOf returns the line on which something is expected, such as status or step NAME;
// 0 if it was not read from a file.
func (e *Expect) LineOf(what string) int {
	if e.lines == nil {
		return 0
	}
	if step, ok := strings.CutPrefix(what, "step "); ok {
		what = "steps." + step
	}
	return e.lines.line(join(e.path, what))
}

// Expected is a command that must have been sent.
type Expected struct {
	Line      int             // Line is where it is written.
	Step      string          // Step is the step.
	Direction saga.Direction  // Direction is do or undo.
	Attempt   int             // Attempt is the attempt; 0: any.
	At        *time.Duration  // At is when it was sent, from the saga's start; nil: at any time.
	Input     json.RawMessage // Input is what its payload holds; nil: anything.
}

var (
	scriptOptions   = options{"a script", []string{"unwind", "definition", "contracts", "given", "scenes"}, nil}
	givenOptions    = options{"given", []string{"start", "until", "input", "answers"}, nil}
	sceneOptions    = options{"a scene", []string{"scene", "start", "until", "input", "answers", "events", "expect"}, nil}
	answerOptions   = options{"an answer", []string{"output", "reject", "fail", "silent", "after", "ongoing", "times"}, nil}
	expectOptions   = options{"expect", []string{"status", "cause", "steps", "commands", "history", "output", "attributes", "attention", "waitingFor", "took"}, nil}
	tookOptions     = options{"took", []string{"atLeast", "atMost"}, nil}
	expectedOptions = options{"a command", []string{"do", "undo", "attempt", "at", "input"}, nil}
)

// LoadScript reads a script, YAML or JSON by its content; name is used in faults. The
// error is saga.Faults with everything that is wrong; whether it fits its definition
// says Script.Check.
func LoadScript(name string, data []byte) (*Script, error) {
	s, err := loadObject(name, data, decoder.script)
	if err == nil {
		s.Name = name
	}
	return s, err
}

func (d decoder) script(n *node) *Script {
	o := d.object(n, "", scriptOptions)
	s := &Script{Definition: o.text("definition"), Contracts: o.names("contracts"), lines: d.report}
	if version := o.text("unwind"); version != Version1 && n.kind == objectNode {
		d.add("unwind", "unknown version "+strconv.Quote(version)+" of the format", "write unwind: v1")
	}
	o.need("definition", "the definition is missing", "write definition: and the path of its file")
	o.need("scenes", "there are no scenes", "write scenes: and a list")
	given := Scene{Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Input: json.RawMessage("{}")}
	if n := o.fields["given"]; n != nil {
		d.object(n, "given", givenOptions).given(&given)
	}
	scenes := o.list("scenes")
	if len(scenes) > MaxScenes {
		d.add("scenes", strconv.Itoa(len(scenes))+" scenes", "write at most "+strconv.Itoa(MaxScenes))
		scenes = nil
	}
	for i, n := range scenes {
		s.Scenes = append(s.Scenes, d.scene(n, at("scenes", i), given))
	}
	return s
}

func (d decoder) scene(n *node, path string, scene Scene) Scene {
	o := d.object(n, path, sceneOptions)
	o.need("scene", "the scene has no name", "write scene: and what it shows")
	o.need("expect", "the scene expects nothing", "write expect: and at least a status")
	scene.Name, scene.Line = o.text("scene"), n.line
	scene.Answers = maps.Clone(scene.Answers)
	o.given(&scene)
	cues := o.list("events")
	if len(cues) > MaxCues {
		d.add(join(path, "events"), strconv.Itoa(len(cues))+" events", "write at most "+strconv.Itoa(MaxCues))
		cues = nil
	}
	for i, n := range cues {
		scene.Cues = append(scene.Cues, d.cue(n, at(join(path, "events"), i)))
	}
	if n := o.fields["expect"]; n != nil {
		scene.Expect = d.expect(n, join(path, "expect"))
	}
	return scene
}

// given reads what a scene begins with, over what all begin with.
func (o object) given(s *Scene) {
	if text := o.text("start"); text != "" {
		start, err := time.Parse(time.RFC3339, text)
		if err != nil {
			o.add(join(o.path, "start"), strconv.Quote(text)+" is not a time", "write it like 2026-01-31T08:00:00Z")
		}
		s.Start = start.UTC()
	}
	if until := o.duration("until"); until != nil {
		s.Until = *until
	}
	if s.Until > MaxUntil {
		o.add(join(o.path, "until"), "longer than ten years", "")
	}
	if input := o.tree("input"); input != nil {
		s.Input = input
	}
	answers := o.fields["answers"]
	if answers == nil {
		return
	}
	if answers.kind != objectNode {
		o.add(join(o.path, "answers"), "want answers by step, found "+answers.what(), "write the name of a step, or STEP/undo, and its answer")
		return
	}
	if s.Answers == nil {
		s.Answers = map[string][]Answer{}
	}
	for i, f := range answers.fields {
		s.Answers[f.name] = o.answers(answers.items[i], join(join(o.path, "answers"), f.name))
	}
}

// tree reads an option that may be anything; nil without it.
func (o object) tree(name string) json.RawMessage {
	n := o.fields[name]
	if n == nil {
		return nil
	}
	return n.appendJSON(nil)
}

// duration reads an option that is a duration, of zero at least; nil without it.
func (o object) duration(name string) *time.Duration {
	text := o.text(name)
	if text == "" {
		return nil
	}
	d, err := parseDuration(text)
	if err != nil || d < 0 {
		o.add(join(o.path, name), strconv.Quote(text)+" is not a duration", "write one such as 500ms, 30s, 1h30m or 14d")
		return nil
	}
	return &d
}

// answers reads one answer or a list.
func (d decoder) answers(n *node, path string) []Answer {
	if n.kind != listNode {
		return []Answer{d.answer(n, path)}
	}
	if len(n.items) == 0 || len(n.items) > MaxAnswers {
		d.add(path, strconv.Itoa(len(n.items))+" answers", "write 1 to "+strconv.Itoa(MaxAnswers))
		return nil
	}
	var answers []Answer
	for i, item := range n.items {
		answers = append(answers, d.answer(item, at(path, i)))
	}
	return answers
}

// answerWords are answers without more to say.
var answerWords = map[string]Answer{
	"succeed": {Outcome: saga.Succeeded, Output: json.RawMessage("{}"), Times: 1},
	"reject":  {Outcome: saga.Rejected, Reason: "no", Times: 1},
	"fail":    {Outcome: saga.Failed, Reason: "it failed", Times: 1},
	"silent":  {Times: 1},
}

func (d decoder) answer(n *node, path string) Answer {
	if n.kind == textNode {
		a, ok := answerWords[n.text]
		if !ok {
			d.add(path, strconv.Quote(n.text)+" is not an answer", didYouMean(n.text, slices.Collect(maps.Keys(answerWords))))
		}
		return a
	}
	o := d.object(n, path, answerOptions)
	a := answerWords["succeed"]
	kinds := 0
	for name, n := range o.fields {
		switch name {
		case "output":
			a, kinds = Answer{Outcome: saga.Succeeded, Output: n.appendJSON(nil)}, kinds+1
		case "reject":
			a, kinds = Answer{Outcome: saga.Rejected, Reason: o.text(name)}, kinds+1
		case "fail":
			a, kinds = Answer{Outcome: saga.Failed, Reason: o.text(name)}, kinds+1
		case "silent":
			a, kinds = Answer{}, kinds+1
		}
	}
	if kinds > 1 {
		d.add(path, "more than one answer", "write one of output, reject, fail and silent: true; a list answers one attempt after the other")
	}
	return o.timing(a)
}

// timing reads when an answer comes, and how often.
func (o object) timing(a Answer) Answer {
	if after := o.duration("after"); after != nil {
		a.After = *after
	}
	if ongoing := o.duration("ongoing"); ongoing != nil {
		if a.Ongoing = *ongoing; a.Ongoing <= 0 || a.After/max(a.Ongoing, 1) > 1000 {
			o.add(join(o.path, "ongoing"), "a sign of life comes at most 1000 times before the answer", "write a longer time, and after:")
			a.Ongoing = 0
		}
	}
	if a.Times = max(1, o.count("times")); a.Times > MaxAnswers {
		o.add(join(o.path, "times"), "more than "+strconv.Itoa(MaxAnswers), "the last answer of a list is repeated")
	}
	return a
}
