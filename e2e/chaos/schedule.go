package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/unwindhq/unwind/internal/failpoint"
)

// coordinators are the first roles, participants the others.
var (
	coordinators = []string{"coordinator-1", "coordinator-2"}
	participants = []string{"flights", "hotels", "payments"}
	roles        = append(append([]string{}, coordinators...), participants...)
)

// places are the failpoints of each kind of role. after-send is the one before
// the mark: acknowledged by the broker and not yet marked as sent.
var places = map[bool][]string{
	true: {
		failpoint.BeforeCommit, failpoint.AfterCommit, failpoint.BeforeAck, failpoint.AfterAck,
		failpoint.BeforeSend, failpoint.AfterSend,
	},
	false: {failpoint.BeforeCommit, failpoint.AfterCommit, failpoint.BeforeSend, failpoint.AfterSend},
}

// The faults that are no failpoints.
const (
	faultKill    = "kill"
	faultPause   = "pause"
	faultRestart = "restart"
)

// fault is one entry of the schedule.
type fault struct {
	kind  string // kill or pause
	role  int
	after time.Duration // the pause before it
	down  time.Duration // how long the victim is away
	// arms are failpoints at which the victim ends again after its restarts, one
	// after the other.
	arms []string
	lose string // what the victim's last incarnation loses
}

// schedule makes the faults of a run: the kills in shuffled rounds of all roles,
// pauses of the coordinators between them.
func schedule(seed uint64, kills int) []fault {
	rng := rand.New(rand.NewPCG(seed, uint64(kills)))
	var list []fault
	for len(list) < kills {
		for _, role := range rng.Perm(len(roles))[:min(len(roles), kills-len(list))] {
			list = append(list, fault{kind: faultKill, role: role})
		}
	}
	arm(rng, list, true, kills)
	arm(rng, list, false, kills)
	for i := range pausesOf(kills) * len(coordinators) {
		at := rng.IntN(len(list) + 1)
		list = append(list[:at], append([]fault{{kind: faultPause, role: i % len(coordinators)}}, list[at:]...)...)
	}
	for i := range list {
		list[i].after = between(rng, 200*time.Millisecond, time.Second)
		list[i].down = between(rng, 200*time.Millisecond, time.Second)
		if list[i].kind == faultPause {
			list[i].down = between(rng, 2*time.Second, 4*time.Second)
		}
	}
	return list
}

// arm shares the failpoints out among the kills of one kind of role. The number
// is the pass that ends the process, or each so many that lose their answer.
func arm(rng *rand.Rand, list []fault, coordinator bool, kills int) {
	var victims []*fault
	for i := range list {
		if list[i].role < len(coordinators) == coordinator {
			victims = append(victims, &list[i])
		}
	}
	var arms []string
	for _, place := range places[coordinator] {
		passes := 5 + rng.IntN(60)
		if strings.HasSuffix(place, "-ack") {
			passes = 1 // read offsets are stored every few seconds
		}
		for range hitsOf(kills) {
			arms = append(arms, fmt.Sprintf("%s:%d", place, passes))
		}
	}
	rng.Shuffle(len(arms), func(i, j int) { arms[i], arms[j] = arms[j], arms[i] })
	for i, text := range arms {
		f := victims[i%len(victims)]
		f.arms = append(f.arms, text)
	}
	for i, f := range victims {
		f.lose = fmt.Sprintf("%s:%d", []string{failpoint.LoseCommit, failpoint.LoseSend}[i%2], 15+rng.IntN(30))
	}
}

func between(rng *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(rng.Int64N(int64(high-low)))
}

// hitsOf is how often each failpoint must be hit, and pausesOf each coordinator
// stopped, with so many kills.
func hitsOf(kills int) int   { return max(1, 3*kills/50) }
func pausesOf(kills int) int { return max(1, 3*kills/50) }
