package rest

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/fleet"
)

// Fleet knows what all processes show of themselves. *fleet.Reader implements it.
type Fleet interface {
	// Breakers returns the breakers for one participant, or for all if it is empty,
	// sorted by participant, direction and node.
	Breakers(ctx context.Context, participant string) ([]fleet.Breaker, error)
}

// breakerRoutes registers what concerns breakers.
func (s *Server) breakerRoutes() {
	handle(s, "GET /v1/breakers", route{"listBreakers", "List the breakers of all participants", BreakersRead, nil}, s.breakers)
	handle(s, "GET /v1/breakers/{participant}", route{"getBreaker", "Get the breakers of a participant", BreakersRead, []int{404, 422}}, s.breaker)
}

type breakersOutput struct{ Body client.Breakers }

// breakers answers with the breakers of all participants.
func (s *Server) breakers(ctx context.Context, _ *struct{}) (*breakersOutput, error) {
	return s.breakersOf(ctx, "")
}

type breakerInput struct {
	Participant string `path:"participant" maxLength:"256"`
}

// breaker answers with the breakers of one.
func (s *Server) breaker(ctx context.Context, in *breakerInput) (*breakersOutput, error) {
	out, err := s.breakersOf(ctx, in.Participant)
	if err == nil && len(out.Body.Breakers) == 0 {
		return nil, newProblem(http.StatusNotFound, client.NotFound, fmt.Sprintf("no living process has sent participant %q a command", in.Participant))
	}
	return out, err
}

func (s *Server) breakersOf(ctx context.Context, participant string) (*breakersOutput, error) {
	out := &breakersOutput{Body: client.Breakers{Breakers: []client.Breaker{}}}
	if s.cfg.Fleet == nil {
		return out, nil
	}
	rows, err := s.cfg.Fleet.Breakers(ctx, participant)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	for len(rows) > 0 {
		same := 1
		for same < len(rows) && rows[same].Participant == rows[0].Participant && rows[same].Direction == rows[0].Direction {
			same++
		}
		out.Body.Breakers = append(out.Body.Breakers, together(rows[:same]))
		rows = rows[same:]
	}
	return out, nil
}

// together makes one breaker of those of the processes.
func together(rows []fleet.Breaker) client.Breaker {
	all := client.Breaker{Participant: rows[0].Participant, Direction: rows[0].Direction}
	worst := breaker.Closed
	for i, r := range rows {
		if i == 0 || r.State > worst || r.State == worst && r.Since.Before(all.Since) {
			worst, all.Since = r.State, r.Since.UTC()
		}
		node := client.BreakerNode{
			Node: r.Node, State: r.State.String(), Since: r.Since.UTC(), Held: r.Held, OldestHeld: moment(r.OldestHeld),
			Rate: r.Rate, InFlight: r.InFlight, Requests: r.Requests, Failures: r.Failures, At: r.At.UTC(),
		}
		all.Nodes = append(all.Nodes, node)
		all.Held, all.Rate, all.InFlight = all.Held+r.Held, all.Rate+r.Rate, all.InFlight+r.InFlight
		all.Requests, all.Failures = all.Requests+r.Requests, all.Failures+r.Failures
		all.OldestHeld = earlier(all.OldestHeld, node.OldestHeld)
	}
	all.State = worst.String()
	return all
}

// earlier is the earlier of two times, either of which may be missing.
func earlier(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}
