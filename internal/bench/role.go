package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/unwindhq/unwind/kafka"
)

// The roles of the processes, as their last argument names them.
const (
	RoleCoordinator  = "coordinator"  // RoleCoordinator is the coordinator.
	RoleParticipants = "participants" // RoleParticipants are the three participants.
)

// roleDriver is the process that runs the benchmark.
const roleDriver = "driver"

// setup is the first line that a process is told.
type setup struct {
	DatabaseURL   string
	Brokers       []string
	Security      kafka.Security
	Password      string // Security's, which does not show itself in JSON
	Schema        string
	Prefix        string
	RejectPercent int
	Guard         bool
	Local         bool
	CPUProfile    string
}

// kafka is how a process reaches the brokers.
func (s setup) kafka(log *slog.Logger) kafka.Config {
	s.Security.SASL.Password = kafka.Secret(s.Password)
	return kafka.Config{Brokers: s.Brokers, Security: s.Security, Log: log}
}

// What a process says.
const (
	noteReady = "ready" // it can be used
	noteBegin = "begin" // measuring begins
	noteEnd   = "end"   // measuring has ended
	noteDone  = "done"  // the load has run; Measured or Error is set
)

// note is one line that a process says.
type note struct {
	Event    string
	URL      string   `json:",omitzero"`
	Measured measured `json:",omitzero"`
	Error    string   `json:",omitzero"`
}

// Serve runs a role until in ends or ctx does. It speaks lines of JSON; what an
// operator should know goes to log.
func Serve(ctx context.Context, role string, in io.Reader, out io.Writer, log *slog.Logger) error {
	p := &process{in: json.NewDecoder(in), out: json.NewEncoder(out), log: log}
	if err := p.in.Decode(&p.setup); err != nil {
		return fmt.Errorf("%s is a part of unwind bench, which starts it by itself: %w", role, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	switch role {
	case RoleCoordinator:
		return p.coordinate(ctx, cancel)
	case RoleParticipants:
		return p.participate(ctx, cancel)
	}
	return fmt.Errorf("no role %q", role)
}

// process is a started role.
type process struct {
	setup setup
	in    *json.Decoder
	out   *json.Encoder
	log   *slog.Logger
}

// say writes a line. If nobody listens, standard input ends too.
func (p *process) say(n note) { _ = p.out.Encode(n) } //nolint:errchkjson // see above

// orders reads plans until in ends, and then calls end.
func (p *process) orders(end func(), do func(plan)) {
	defer end()
	for {
		var order plan
		if err := p.in.Decode(&order); err != nil {
			if !errors.Is(err, io.EOF) {
				p.log.Warn("bench: standard input", "error", err)
			}
			return
		}
		do(order)
	}
}
