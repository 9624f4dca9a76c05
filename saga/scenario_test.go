package saga_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

var update = flag.Bool("update", false, "write what the scenarios answer into testdata/*.txt")

// TestScenarios plays the stories of testdata: a definition, then what happens,
// each command followed by what the core answers, indented. See testdata/README.md.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			got := play(t, string(text))
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
				return
			}
			require.Equal(t, string(text), got, "run go test ./saga -run TestScenarios -update and read the difference")
		})
	}
}

// play runs a story and returns it with the answers written anew.
func play(t *testing.T, text string) string {
	t.Helper()
	s := &story{t: t, def: saga.Definition{Name: "story", Version: "r1"}}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "  ") {
			continue
		}
		s.out.WriteString(line + "\n")
		if line != "" && !strings.HasPrefix(line, "#") {
			s.line(strings.Fields(line))
		}
	}
	s.replay()
	return s.out.String()
}

// story is one scenario under way.
type story struct {
	t       *testing.T
	def     saga.Definition
	machine *saga.Machine
	state   saga.State
	history saga.History
	now     time.Time
	out     strings.Builder
}

var (
	storyID    = saga.ID{0x01, 0x90, 0xa1, 0xb2, 0xc3, 0xd4, 0x7e, 0x5f, 0x8a, 0x9b, 0x0c, 0x1d, 0x2e, 0x3f, 0x4a, 0x5b}
	storyStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

func (s *story) line(words []string) {
	switch words[0] {
	case "step":
		s.def.Steps = append(s.def.Steps, parseStep(s.t, words[1:]))
	case "attribute":
		s.def.Attributes = append(s.def.Attributes, saga.Attribute{Name: words[1], Value: path(words[2])})
	case "output":
		s.def.Output = path(words[1])
	case "onend":
		s.def.OnEnd = parseEnd(s.t, words[1:])
	case "title":
		s.def.Heading = path(words[1])
	case "subject":
		s.def.Subject = path(words[1])
	case "priority":
		s.def.Priority = path(words[1])
	case "retention":
		s.def.Retention, _ = saga.ParseRetention(words[1])
	case "lock":
		s.def.Locks = append(s.def.Locks, path(words[1]))
	case "lockTimeout":
		s.def.LockTimeout = duration(s.t, words[1])
	case "deadline":
		s.def.Deadline = duration(s.t, words[1])
	case "after":
		s.now = s.now.Add(duration(s.t, words[1]))
	default:
		s.event(words)
	}
}

// event decides what a line says, on the state as a store would hand it back.
func (s *story) event(words []string) {
	if s.machine == nil {
		s.begin()
	}
	e := s.parse(words)
	next, effects, err := s.machine.Decide(s.state, nil, e)
	if errors.Is(err, saga.ErrNeedHistory) {
		s.printf("needs history: %s", err)
		next, effects, err = s.machine.Decide(s.state, s.history, e)
	}
	switch {
	case err != nil:
		s.printf("error: %s", err)
		return
	case next.Seq == s.state.Seq:
		s.printf("nothing changes")
		return
	}
	s.history = append(s.history, e.Stored(&next, effects))
	s.print(next, effects)
	s.state, err = saga.DecodeState(next.ID, saga.AppendState(nil, &next))
	require.NoError(s.t, err)
	require.Equal(s.t, next, s.state, "the stored state is not the decided one")
	people := slices.ContainsFunc(s.state.WaitingFor(), func(w string) bool { return w == "signal" || w == "approval" || w == "child" || w == "lock" })
	if !s.state.Status.Ended() && s.state.Paused.IsZero() && !people {
		require.False(s.t, s.state.WakeAt().IsZero(), "nothing will ever wake this saga")
	}
}

func (s *story) begin() {
	machine, err := saga.Compile(s.def)
	require.NoError(s.t, err)
	s.machine, s.state.ID, s.now = machine, storyID, storyStart.Add(s.now.Sub(time.Time{}))
}

// replay checks that the history alone yields the same state.
func (s *story) replay() {
	replayed, err := s.machine.Replay(storyID, s.history)
	require.NoError(s.t, err)
	require.Equal(s.t, saga.AppendState(nil, &s.state), saga.AppendState(nil, &replayed))
}

func (s *story) print(next saga.State, effects []saga.Effect) {
	for _, effect := range effects {
		if lockEffect(s, effect) {
			continue
		}
		if tell, ok := effect.(saga.Tell); ok {
			s.printf("tell %s", tellText(tell))
			continue
		}
		if w, ok := effect.(saga.Watch); ok {
			s.printf("watch %s on %s: %s%s", w.Step, w.Topic, w.Key, map[bool]string{true: "over"}[w.Over])
			continue
		}
		if a, ok := effect.(saga.Announce); ok {
			s.printf("announce %s on %q: %s", a.Type, a.Topic, a.Payload)
			if a.Fault != "" {
				s.printf("payload fault: %s", a.Fault)
			}
			continue
		}
		c := effect.(saga.Send).Command
		_, id, _ := strings.Cut(c.ID.String(), "/")
		s.printf("send %s %s/%s attempt %d epoch %d until %s: %s",
			id, c.Participant, c.Name, c.Attempt, c.Epoch, since(c.Deadline), shorten(c.Payload.Data))
	}
	steps := make([]string, next.Plain())
	for i := range steps {
		steps[i] = s.def.Steps[i].Name + " " + stepText(next.Steps[i])
		if items := next.Items(i); len(items) > 0 {
			steps[i] += " [" + itemsText(items) + "]"
		}
	}
	s.printf("%s at %s: %s", next.Status, since(next.Last), strings.Join(steps, ", "))
	if !next.Paused.IsZero() {
		s.printf("paused since %s", since(next.Paused))
	}
	if next.Cause != s.state.Cause {
		s.printf("because %s", next.Cause)
	}
	extra, before := next.Extras(), s.state.Extras()
	for _, a := range extra.Attributes {
		same := func(b saga.AttributeValue) bool { return b.Name == a.Name && string(b.Value) == string(a.Value) }
		if !slices.ContainsFunc(before.Attributes, same) {
			s.printf("attribute %s %s", a.Name, a.Value)
		}
	}
	if l := extra.Label; l != nil && before.Label == nil {
		s.printf("title %q, subject %q, retention %s, priority %s", l.Title, l.Subject, l.Retention, l.Priority)
	}
	if !extra.Begin.IsZero() {
		s.printf("begins at %s", since(extra.Begin))
	}
	if to := next.Extras().Assigned; to != s.state.Extras().Assigned {
		s.printf("assigned to %q", to)
	}
	if next.Extras().Key != s.state.Extras().Key {
		s.printf("key %s", next.Extras().Key)
	}
	if next.Extras().Output != nil && s.state.Extras().Output == nil {
		s.printf("output %s", shorten(next.Extras().Output))
	}
	for _, k := range next.Extras().Signals {
		s.printf("keeps signal %s of event %d", k.Name, k.Seq)
	}
	for _, a := range next.Attention {
		s.printf("attention %s %s: %s%s", a.Reason, a.Step, a.Text, heedText(next, a))
	}
}

// heedText is what was said of a reason for attention.
func heedText(s saga.State, a saga.Attention) string {
	switch h, ok := s.Heeded(a); {
	case !ok:
		return ""
	case h.Until.IsZero():
		return " (known to " + h.By + " since " + since(h.At) + ")"
	default:
		return " (put off by " + h.By + " until " + since(h.Until) + ")"
	}
}

func stepText(st saga.StepState) string {
	text := st.Phase.String()
	if !st.Due.IsZero() {
		text += fmt.Sprintf(" (attempt %d, until %s)", st.Attempt, since(st.Due))
	}
	extra := st.Extras()
	if !extra.Until.IsZero() {
		text += fmt.Sprintf(" (over at %s)", since(extra.Until))
	}
	if extra.Progress != nil {
		text += fmt.Sprintf(" (at %s: %s)", since(extra.Progress.At), extra.Progress.Data)
	}
	if st.Ignored > 0 {
		text += fmt.Sprintf(" (%d ignored)", st.Ignored)
	}
	return text
}

// itemsText lists items, equal neighbours together.
func itemsText(items []saga.StepState) string {
	var parts []string
	for from := 0; from < len(items); {
		text, to := stepText(items[from]), from+1
		for to < len(items) && stepText(items[to]) == text {
			to++
		}
		place := strconv.Itoa(from)
		if to-from > 1 {
			place += "-" + strconv.Itoa(to-1)
		}
		parts = append(parts, place+" "+text)
		from = to
	}
	return strings.Join(parts, ", ")
}

func (s *story) printf(format string, args ...any) {
	fmt.Fprintf(&s.out, "  "+format+"\n", args...)
}

// since writes a time as the distance from the start of the story.
func since(at time.Time) string { return "+" + at.Sub(storyStart).String() }

func shorten(data []byte) string {
	const most = 60
	if len(data) > most {
		return fmt.Sprintf("%s… (%d bytes)", data[:most], len(data))
	}
	return string(data)
}
