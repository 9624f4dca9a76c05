package rules

import (
	"fmt"
	"strconv"
	"strings"
)

// Sent is the record of a command in the event that sent it.
type Sent struct {
	Step, Direction   string
	Participant, Name string
	Attempt           int
	Hash              uint64 // Hash is the 64-bit FNV-1a of its payload.
}

// ParseSent reads the column sent of saga_events: a command on each line, written as
// step/direction participant/command attempt hash.
func ParseSent(text string) ([]Sent, error) {
	var all []Sent
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 4 {
			return nil, fmt.Errorf("sent command %.120q: want step/direction participant/command attempt hash", line)
		}
		var s Sent
		var err1, err2 error
		s.Step, s.Direction, _ = strings.Cut(fields[0], "/")
		s.Participant, s.Name, _ = strings.Cut(fields[1], "/")
		s.Attempt, err1 = strconv.Atoi(fields[2])
		s.Hash, err2 = strconv.ParseUint(fields[3], 16, 64)
		if err1 != nil || err2 != nil || s.Direction != Do && s.Direction != Undo {
			return nil, fmt.Errorf("sent command %.120q: the direction, attempt or hash is none", line)
		}
		all = append(all, s)
	}
	return all, nil
}

// attempt names one attempt of a command of a saga.
type attempt struct {
	step, direction string
	n               int
}

// String returns step/direction, attempt n.
func (a attempt) String() string { return fmt.Sprintf("%s/%s, attempt %d", a.step, a.direction, a.n) }

func (s Sent) attempt() attempt { return attempt{s.Step, s.Direction, s.Attempt} }

// sending is what the history says of an attempt.
type sending struct {
	Sent
	place int // the how manieth command of the saga it is
	epoch int
}
