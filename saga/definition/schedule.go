package definition

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwindhq/unwind/internal/cron"
	"github.com/unwindhq/unwind/saga"
)

// Schedule says when the clock starts sagas of a definition, and with which input.
type Schedule struct {
	Unwind   string          `json:"unwind"`            // Unwind is the version of the format, Version1.
	Schedule string          `json:"schedule"`          // Schedule is its name, [a-z][A-Za-z0-9]*.
	Saga     string          `json:"saga"`              // Saga is the definition's name.
	Version  string          `json:"version,omitempty"` // Version is the version to pin, such as r12; empty is the latest of each time.
	Cron     string          `json:"cron"`              // Cron is five fields, or a name such as @daily.
	Zone     string          `json:"zone,omitempty"`    // Zone is a name of the IANA time zone database; empty is UTC.
	Overlap  string          `json:"overlap,omitempty"` // Overlap is one of the Overlap words; empty is OverlapSkip.
	CatchUp  string          `json:"catchUp,omitempty"` // CatchUp is one of the CatchUp words; empty is CatchUpLast.
	AtMost   int             `json:"atMost,omitempty"`  // AtMost bounds CatchUpAll: 1 to MaxCatchUp; 0 is MaxCatchUp.
	Input    json.RawMessage `json:"input,omitempty"`   // Input is the sagas' input; in its texts ${fire.at} and ${fire.date} are replaced. Empty is {}.
}

// What a schedule does at a time at which a saga of it is still under way.
const (
	OverlapSkip    = "skip"    // OverlapSkip starts none.
	OverlapAllow   = "allow"   // OverlapAllow starts another one.
	OverlapQueue   = "queue"   // OverlapQueue starts one when that one has ended; at most one waits.
	OverlapReplace = "replace" // OverlapReplace cancels that one and starts one when it has ended.
)

// What a schedule does about times that nobody was there for.
const (
	CatchUpNone = "none" // CatchUpNone leaves them out.
	CatchUpLast = "last" // CatchUpLast starts a saga for the last of them.
	CatchUpAll  = "all"  // CatchUpAll starts one for each of the last Schedule.AtMost.
)

// MaxCatchUp is how many times can be caught up on.
const MaxCatchUp = 100

var (
	overlaps        = []string{OverlapSkip, OverlapAllow, OverlapQueue, OverlapReplace}
	catchUps        = []string{CatchUpLast, CatchUpNone, CatchUpAll}
	scheduleOptions = options{
		"a schedule",
		[]string{"unwind", "schedule", "saga", "version", "cron", "zone", "overlap", "catchUp", "atMost", "input"},
		[]string{"from", "until", "jitter", "every"},
	}
)

// LoadSchedule reads a schedule, YAML or JSON by its content, and fills in what is
// left out; name is used in faults only. The error is saga.Faults with everything
// that is wrong.
func LoadSchedule(name string, data []byte) (*Schedule, error) {
	return loadObject(name, data, decoder.schedule)
}

func (d decoder) schedule(n *node) *Schedule {
	o := d.object(n, "", scheduleOptions)
	s := &Schedule{
		Unwind: o.text("unwind"), Schedule: o.name("schedule"), Saga: o.name("saga"), Version: o.text("version"), Cron: o.text("cron"), Zone: o.text("zone"),
		Overlap: o.word("overlap", overlaps), CatchUp: o.word("catchUp", catchUps), AtMost: o.count("atMost"),
		Input: o.fireInput(),
	}
	if s.Unwind != Version1 && n.kind == objectNode {
		d.add("unwind", "unknown version "+strconv.Quote(s.Unwind)+" of the format", "write unwind: v1")
	}
	o.need("schedule", "the schedule has no name", "write schedule: and a name such as nightlyReport")
	o.need("saga", "the schedule starts nothing", "write saga: and the name of a definition")
	o.need("cron", "the schedule has no time", `write cron: and minute, hour, day, month, weekday, such as "30 2 * * *"`)
	if s.AtMost > MaxCatchUp || s.AtMost > 0 && s.CatchUp != CatchUpAll {
		d.add("atMost", "atMost bounds catchUp: all, to at most "+strconv.Itoa(MaxCatchUp), "leave it out")
	}
	if s.CatchUp == CatchUpAll && s.AtMost == 0 {
		s.AtMost = MaxCatchUp
	}
	d.times(s)
	return s
}

// word reads an option that is one of some words; the first is the default.
func (o object) word(name string, words []string) string {
	text := o.text(name)
	if text == "" {
		return words[0]
	}
	if !slices.Contains(words, text) {
		o.add(join(o.path, name), strconv.Quote(text)+" is not a word of it", didYouMean(text, words))
	}
	return text
}

// times checks expression and zone.
func (d decoder) times(s *Schedule) {
	zone, err := cron.Zone(s.Zone)
	if err != nil {
		d.add("zone", err.Error(), "write a name such as Europe/Berlin, or leave it out for UTC")
		zone = time.UTC
	}
	if s.Cron == "" {
		return
	}
	switch _, err := cron.Parse(s.Cron, zone); {
	case errors.Is(err, cron.ErrNever):
		d.add("cron", err.Error(), "no year has such a day: write one that comes")
	case err != nil:
		d.add("cron", err.Error(), `write minute, hour, day, month, weekday, such as "30 2 * * *", or @daily`)
	}
}

// Times returns the schedule's times; LoadSchedule has checked that there are some.
func (s *Schedule) Times() (cron.Cron, error) {
	zone, err := cron.Zone(s.Zone)
	if err != nil {
		return cron.Cron{}, err
	}
	return cron.Parse(s.Cron, zone)
}

// fireWords are what an input may say of the time for which its saga is started.
var fireWords = []string{"fire.at", "fire.date"}

// fireInput reads the input and checks what stands in ${…}.
func (o object) fireInput() json.RawMessage {
	n := o.fields["input"]
	if n == nil {
		return json.RawMessage("{}")
	}
	o.fireWords(n, "input")
	raw := n.appendJSON(nil)
	if len(raw) > saga.MaxPayload {
		o.add("input", "the input is larger than "+strconv.Itoa(saga.MaxPayload)+" bytes", "pass a reference")
	}
	return raw
}

func (o object) fireWords(n *node, path string) {
	for i, item := range n.items {
		if n.kind == listNode {
			o.fireWords(item, at(path, i))
		} else {
			o.fireWords(item, join(path, n.fields[i].name))
		}
	}
	if n.kind != textNode {
		return
	}
	segments, err := split(n.text)
	if err != nil {
		o.add(path, err.Error(), "close it with }, or write $${ for the characters themselves")
	}
	for _, s := range segments {
		if s.expression && !slices.Contains(fireWords, s.text) {
			o.add(path, "${"+clip(s.text)+"}: a schedule knows no expressions but the time", "write ${fire.at} or ${fire.date}; what is computed belongs into the definition")
		}
	}
}

// InputAt returns the input of the saga that is started for a time: ${fire.at} is
// that time in UTC (RFC 3339), ${fire.date} its date in the schedule's zone.
func (s *Schedule) InputAt(at time.Time) (json.RawMessage, error) {
	zone, err := cron.Zone(s.Zone)
	if err != nil {
		return nil, err
	}
	root, err := parseJSON(s.Input, "input")
	if err != nil {
		return nil, err
	}
	fill(root, map[string]string{"fire.at": at.UTC().Format(time.RFC3339), "fire.date": at.In(zone).Format(time.DateOnly)})
	return root.appendJSON(nil), nil
}

// fill puts values in the place of ${…}.
func fill(n *node, values map[string]string) {
	for _, item := range n.items {
		fill(item, values)
	}
	segments, _ := split(n.text) // it was checked when the schedule was read
	if n.kind != textNode {
		return
	}
	var text strings.Builder
	for _, s := range segments {
		if s.expression {
			s.text = values[s.text]
		}
		text.WriteString(s.text)
	}
	n.text = text.String()
}

// Canonical returns the schedule as JSON with every default, which LoadSchedule reads
// back.
func (s *Schedule) Canonical() ([]byte, error) { return encode(s) }
