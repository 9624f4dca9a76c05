package script

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
	"github.com/unwindhq/unwind/sagatest/stage"
)

// Result is what became of one scene.
type Result struct {
	File     string        `json:"file"`               // File is the script's.
	Line     int           `json:"line"`               // Line is the scene's.
	Scene    string        `json:"scene"`              // Scene is its name.
	Failures []Failure     `json:"failures,omitempty"` // Failures are what is not as expected; none is good.
	Story    []string      `json:"story"`              // Story is what happened, one line each.
	Virtual  time.Duration `json:"virtualNs"`          // Virtual is how long the saga took.
	Real     time.Duration `json:"realNs"`             // Real is how long playing it took.
}

// Failed reports whether something is not as expected.
func (r Result) Failed() bool { return len(r.Failures) > 0 }

// Failure is one thing that is not as expected.
type Failure struct {
	Line   int    `json:"line"`           // Line is where the expectation is written.
	What   string `json:"what"`           // What is about what it is, such as status.
	Want   string `json:"want,omitempty"` // Want is what was expected.
	Got    string `json:"got,omitempty"`  // Got is what there was.
	Detail string `json:"diff,omitempty"` // Detail shows the difference over several lines.
}

// Play reads the script of a file, with the definition and the contracts that it
// names, and plays the scenes that are chosen; nil chooses all. The error, which
// errors.Is finds to be saga.ErrInvalidDefinition, says what is wrong with the files.
func Play(files fs.FS, name string, chosen func(scene string) bool) ([]Result, error) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	s, err := definition.LoadScript(name, data)
	if err != nil {
		return nil, err
	}
	file, err := load(files, s)
	if err != nil {
		return nil, err
	}
	machine, err := saga.Compile(file.Definition)
	if err != nil {
		return nil, err
	}
	results := []Result{}
	for i := range s.Scenes {
		if chosen == nil || chosen(s.Scenes[i].Name) {
			r, _ := Perform(machine, &s.Scenes[i], nil)
			r.File = s.Name
			results = append(results, r)
		}
	}
	return results, nil
}

// Saga is a saga of either kind: a saga.Machine or a saga.Code.
type Saga interface {
	saga.Decider
	// Definition returns what it was made of.
	Definition() saga.Definition
}

// Perform plays one scene of a saga, and returns what became of it and the stage on
// which it was played. cast acts the participants; nil: the scene's answers.
func Perform(of Saga, s *definition.Scene, cast stage.Cast) (Result, *stage.Stage) {
	begin := time.Now()
	def := of.Definition()
	result := Result{Line: s.Line, Scene: s.Name}
	sc := &scene{Scene: s, of: of, asked: map[string]int{}, result: &result}
	if cast == nil {
		cast = sc
	}
	sc.stage = stage.New(stage.Config{Decider: of, Definition: def.Name, Version: def.Version, Cast: cast, Start: s.Start, Until: s.Until})
	sc.run()
	result.Virtual, result.Story = sc.stage.Took(), Story(sc.stage)
	result.Real = time.Since(begin)
	return result, sc.stage
}

// load reads the definition and the contracts of a script and holds the script to them.
func load(files fs.FS, s *definition.Script) (*definition.File, error) {
	dir := path.Dir(s.Name)
	var contracts []definition.Contract
	for _, name := range s.Contracts {
		data, err := fs.ReadFile(files, path.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("%s names a contract: %w", s.Name, err)
		}
		c, err := definition.LoadContract(path.Join(dir, name), data)
		if err != nil {
			return nil, err
		}
		contracts = append(contracts, *c)
	}
	name := path.Join(dir, s.Definition)
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("%s names a definition: %w", s.Name, err)
	}
	own, err := fs.Sub(files, path.Dir(name))
	if err != nil {
		return nil, err
	}
	file, err := definition.Load(name, data, definition.Options{Dir: own, Contracts: contracts})
	if err != nil {
		return nil, err
	}
	return file, s.Check(file, contracts)
}

// scene is one scene under way.
type scene struct {
	*definition.Scene

	stage  *stage.Stage
	of     Saga
	asked  map[string]int // attempts that each step was asked for
	result *Result
}

// run plays the scene and compares.
func (sc *scene) run() {
	came := make([]bool, len(sc.Cues))
	err := Lay(sc.stage, sc.of, sc.Scene, func(i int, refusal error) bool {
		came[i] = true
		sc.answered(&sc.Cues[i], refusal)
		return false
	})
	if err = errors.Join(err, sc.stage.Run()); err != nil {
		hint := ""
		if errors.Is(err, stage.ErrEndless) {
			hint = "; write until: to look at it then"
		}
		sc.fail(Failure{Line: sc.Line, What: "the scene breaks off", Got: err.Error() + hint})
	}
	for i, cue := range sc.Cues {
		if !came[i] {
			sc.fail(Failure{Line: cue.Line, What: "an event never happens", Want: moment(cue), Got: "its moment never came"})
		}
	}
	sc.compare()
}

// answered compares what a saga has answered to what somebody did.
func (sc *scene) answered(cue *definition.Cue, refusal error) {
	switch {
	case refusal != nil && (cue.Refused == "" || !strings.Contains(refusal.Error(), cue.Refused+":")):
		sc.fail(Failure{Line: cue.Line, What: "an event is refused", Want: cue.Refused, Got: refusal.Error()})
	case refusal == nil && cue.Refused != "":
		sc.fail(Failure{Line: cue.Line, What: "an event is not refused", Want: cue.Refused})
	}
}

// again is after how long somebody tries again what was refused.
const again = time.Minute

// Lay starts a scene's saga on a stage and lays the scene's cues. Whenever the moment of
// one has come, told hears its number, from 0, and the refusal that the saga has answered
// it with, nil for none; it may ask that it is tried again a minute later.
func Lay(st *stage.Stage, of Saga, s *definition.Scene, told func(cue int, refusal error) (again bool)) error {
	if err := st.Start(s.Input, saga.EventExtra{}); err != nil {
		return err
	}
	for i := range s.Cues {
		cue, e := &s.Cues[i], cueEvent(&s.Cues[i])
		e.RequestID = "cue " + strconv.Itoa(i+1)
		var do func() error
		do = func() error {
			err := st.Submit(e)
			if err != nil && !saga.IsRefusal(err) {
				return err
			}
			if told(i, err) {
				st.At(st.Elapsed()+again, do)
			}
			return nil
		}
		if cue.Step == "" {
			st.At(cue.At, do)
			continue
		}
		st.When(func(now saga.State) bool { return phase(of, &now, cue.Step) == cue.Phase }, do)
	}
	return nil
}

func moment(cue definition.Cue) string {
	if cue.Step != "" {
		return "when " + cue.Step + " is " + cue.Phase
	}
	return "at " + cue.At.String()
}

func (sc *scene) fail(f Failure) { sc.result.Failures = append(sc.result.Failures, f) }

// phase is how far a step is, of a saga that is code its last run; empty: it has not
// begun.
func phase(of Saga, s *saga.State, step string) string {
	if p := s.Extras().Plan; p != nil {
		for i, planned := range slices.Backward(p.Steps) {
			if planned.Step.Name == step {
				return s.Steps[i].Phase.String()
			}
		}
		return ""
	}
	named := func(def saga.Step) bool { return def.Name == step }
	if i := slices.IndexFunc(of.Definition().Steps, named); i >= 0 && i < len(s.Steps) {
		return s.Steps[i].Phase.String()
	}
	return ""
}

func cueEvent(cue *definition.Cue) saga.Event {
	e := saga.Event{
		Kind: cue.Kind, Actor: saga.Actor{Kind: saga.Operator, Name: strings.TrimPrefix(cue.By, "user:")}, Reason: cue.Reason, Outcome: cue.Outcome,
		Step: saga.StepRef{Name: cue.Target}, Payload: saga.JSON(cue.Payload),
	}
	if cue.Kind == saga.Signalled {
		e.Step = saga.StepRef{}
		e.Own().Signal = cue.Signal
		if cue.Payload == nil {
			e.Payload = saga.JSON([]byte("null"))
		}
	}
	if cue.Kind == saga.Updated {
		e.Step = saga.StepRef{}
		e.Own().Update = cue.Signal
	}
	if cue.Kind == saga.Decided {
		e.Own().Groups = groupsOf(cue)
	}
	return e
}

// groupsOf are the groups of who decides; nobody in particular may decide everything.
func groupsOf(cue *definition.Cue) (groups []string) {
	if cue.Groups == nil && cue.By == "" {
		return []string{saga.Everyone}
	}
	for _, name := range cue.Groups {
		groups = append(groups, strings.TrimPrefix(name, "group:"))
	}
	return groups
}

// Answer implements stage.Cast: the answer to the attempt that this is, of the step and
// direction; the last one holds for all that follow. A step without answers succeeds.
func (sc *scene) Answer(c saga.Command) []stage.Answer {
	name, asked := Answers(c), Asked(c)
	n := sc.asked[asked]
	sc.asked[asked]++
	answer := definition.Answer{Outcome: saga.Succeeded, Output: []byte("{}")}
	for _, a := range sc.Answers[name] {
		answer = a
		if n -= a.Times; n < 0 {
			break
		}
	}
	return Timed(answer)
}

// Timed is an answer with the signs of life before it.
func Timed(answer definition.Answer) (answers []stage.Answer) {
	for at := answer.Ongoing; answer.Ongoing > 0 && at < answer.After; at += answer.Ongoing {
		answers = append(answers, stage.Answer{After: at, Outcome: saga.Ongoing})
	}
	if answer.Outcome != 0 {
		answers = append(answers, stage.Answer{After: answer.After, Outcome: answer.Outcome, Reason: answer.Reason, Output: answer.Output})
	}
	return answers
}

// Asked names what an answer is counted for: a step or its compensation, each item of
// a list by itself, each child as an attempt.
func Asked(c saga.Command) string {
	if c.Participant == "" {
		return Answers(c)
	}
	return Answers(c) + c.ID.Step.String()
}

// Answers names where a scene has the answers to a command: STEP or STEP/undo.
func Answers(c saga.Command) string {
	if c.ID.Direction == saga.Undo {
		return c.ID.Step.Name + "/undo"
	}
	return c.ID.Step.Name
}
