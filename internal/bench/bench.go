package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/unwindhq/unwind/client"
)

// Run measures once and cleans up after itself, also when ctx ends.
func Run(ctx context.Context, c Config) (result Result, err error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	r := &run{Config: c.withDefaults(), before: map[string]time.Duration{}}
	r.say("making a schema and topics")
	if r.world, err = openWorld(ctx, r.Config); err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, r.world.close()) }()
	if err := r.load(ctx); err != nil {
		return Result{}, err
	}
	r.report()
	return r.result, r.limits(ctx)
}

// run is one run.
type run struct {
	Config

	world        *world
	coordinator  *child
	participants *child
	declared     load
	code         load
	result       Result

	before   map[string]time.Duration // CPU by process
	counters counters
}

func (r *run) say(format string, args ...any) {
	_, _ = fmt.Fprintf(r.Progress, format+"\n", args...)
}

// load starts the processes, runs the load and ends them.
func (r *run) load(ctx context.Context) (err error) {
	s := setup{
		DatabaseURL: r.world.url, Brokers: r.world.brokers, Schema: r.world.schema, Prefix: r.world.prefix,
		Security: r.world.security, Password: string(r.world.security.SASL.Password),
		RejectPercent: r.RejectPercent, Guard: r.Guard, Local: r.Local, CPUProfile: r.CPUProfile,
	}
	if !r.Local {
		if r.participants, _, err = startChild(ctx, r.Program, RoleParticipants, s); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.participants.stop()) }()
	}
	var ready note
	if r.coordinator, ready, err = startChild(ctx, r.Program, RoleCoordinator, s); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.coordinator.stop()) }()
	api, err := newClient(ready.URL, r.InFlight)
	if err != nil {
		return err
	}
	applied, err := api.ApplyDefinition(ctx, "bench.yaml", r.definition())
	if err != nil {
		return err
	}
	for _, order := range r.turns(applied.Version) {
		if err := r.turn(ctx, api, order); err != nil {
			return err
		}
	}
	return nil
}

// turns are the loads that are run one after the other. What changes on the
// machine in the meantime hits both kinds alike.
func (r *run) turns(version string) []plan {
	declared := plan{InFlight: r.InFlight, Warmup: r.Warmup, Duration: r.Duration, Definition: definitionName, Version: version}
	if !r.Code {
		return []plan{declared}
	}
	declared.Duration /= 2
	code := declared
	code.Definition, code.Version = codeName, codeVersion
	return []plan{code, declared, declared, code}
}

// turn runs one load.
func (r *run) turn(ctx context.Context, api *client.Client, order plan) error {
	r.say("%d sagas of %s in flight, %s, after %s of warm-up", r.InFlight, order.Definition, order.Duration, r.Warmup)
	run := r.direct
	if r.Via == ViaREST {
		run = func(ctx context.Context, order plan) (measured, costs, error) {
			return r.overREST(ctx, order, overREST(api, order))
		}
	}
	got, spent, err := run(ctx, order)
	if err != nil {
		return err
	}
	if order.Definition == codeName {
		r.code.add(got, spent)
	} else {
		r.declared.add(got, spent)
	}
	return nil
}

// direct lets the coordinator's process drive.
func (r *run) direct(ctx context.Context, order plan) (got measured, spent costs, err error) {
	if err := r.coordinator.tell(order); err != nil {
		return got, spent, err
	}
	if _, err := r.coordinator.hear(ctx, noteBegin); err != nil {
		return got, spent, err
	}
	r.begin(ctx)
	if _, err := r.coordinator.hear(ctx, noteEnd); err != nil {
		return got, spent, err
	}
	if spent, err = r.end(ctx); err != nil {
		return got, spent, err
	}
	done, err := r.coordinator.hear(ctx, noteDone)
	return done.Measured, spent, err
}

// overREST drives from here; the coordinator's process only profiles itself.
func (r *run) overREST(ctx context.Context, order plan, one sagaFunc) (got measured, spent costs, err error) {
	profiled := order
	profiled.InFlight = 0
	if err := r.coordinator.tell(profiled); err != nil {
		return got, spent, err
	}
	var fault error
	d := &driver{plan: order, one: one, note: func(event string) {
		if event == noteBegin {
			r.begin(ctx)
			return
		}
		spent, fault = r.end(ctx)
	}}
	got, err = d.run(ctx)
	if err = errors.Join(err, fault); err != nil {
		return got, spent, err
	}
	for _, event := range []string{noteBegin, noteEnd, noteDone} {
		if _, err := r.coordinator.hear(ctx, event); err != nil {
			return got, spent, err
		}
	}
	return got, spent, nil
}

// costs are what the measured time has cost.
type costs struct {
	cpu map[string]time.Duration
	counters
}

// pids are the processes whose CPU time counts.
func (r *run) pids() map[string]int {
	pids := map[string]int{RoleCoordinator: r.coordinator.cmd.Process.Pid, roleDriver: os.Getpid()}
	if r.participants != nil {
		pids[RoleParticipants] = r.participants.cmd.Process.Pid
	}
	return pids
}

// begin reads the meters. What it cannot read now, end complains about.
func (r *run) begin(ctx context.Context) {
	for name, pid := range r.pids() {
		if used, ok := cpuTime(pid); ok {
			r.before[name] = used
		}
	}
	r.counters, _ = r.world.counters(ctx)
}

// end reads the meters again.
func (r *run) end(ctx context.Context) (costs, error) {
	spent := costs{cpu: map[string]time.Duration{}}
	for name, pid := range r.pids() {
		if used, ok := cpuTime(pid); ok {
			spent.cpu[name] = used - r.before[name]
		}
	}
	now, err := r.world.counters(ctx)
	spent.counters = counters{now.wal - r.counters.wal, now.commits - r.counters.commits, now.rows - r.counters.rows}
	return spent, err
}

// load is what was measured of one kind of saga, in all its turns.
type load struct {
	turns int
	measured
	costs
}

// add takes one turn in. Medians and the like are the mean of the turns'.
func (l *load) add(got measured, spent costs) {
	mean := func(sum, next float64) float64 { return (sum*float64(l.turns) + next) / float64(l.turns+1) }
	l.P50, l.P99 = mean(l.P50, got.P50), mean(l.P99, got.P99)
	l.turns++
	l.Seconds, l.Sagas, l.Compensated = l.Seconds+got.Seconds, l.Sagas+got.Sagas, l.Compensated+got.Compensated
	l.counters = counters{l.wal + spent.wal, l.commits + spent.commits, l.rows + spent.rows}
	if l.cpu == nil {
		l.cpu = map[string]time.Duration{}
	}
	for name, used := range spent.cpu {
		l.cpu[name] += used
	}
}

// figures are those of a load.
func (l *load) figures() Figures {
	n := float64(l.Sagas)
	f := Figures{
		Seconds: l.Seconds, Sagas: l.Sagas, Compensated: l.Compensated, SagasPerS: n / l.Seconds, P50: l.P50, P99: l.P99,
		WAL: float64(l.wal) / n, Commits: float64(l.commits) / n, Rows: float64(l.rows) / n,
	}
	for name, used := range l.cpu {
		if f.CPU == nil {
			f.CPU = map[string]float64{}
		}
		f.CPU[name] = used.Seconds() / n * 1000
		f.CPU["total"] += used.Seconds() / n * 1000
	}
	return f
}

// report fills in the result.
func (r *run) report() {
	r.result = Result{Via: r.Via, InFlight: r.InFlight, RejectPercent: r.RejectPercent, Guard: r.Guard, Local: r.Local, Figures: r.declared.figures()}
	if r.Code {
		code := r.code.figures()
		r.result.Code, r.result.CodeRatio = &code, code.SagasPerS/r.result.SagasPerS
	}
}

// limits measures what the servers can do at most.
func (r *run) limits(ctx context.Context) error {
	if r.LimitTime < 0 {
		return nil
	}
	r.say("the limit of Postgres, %s", r.LimitTime)
	l, err := newLimit(ctx, r.world.pool, r.world.schema)
	if err != nil {
		return err
	}
	if r.result.LimitPostgres, err = l.throughput(ctx, r.LimitTime); err != nil {
		return err
	}
	r.result.Ratio = r.result.SagasPerS / r.result.LimitPostgres
	if r.InFlight > 1 {
		return nil
	}
	if r.result.LimitLatency, err = l.latency(ctx, r.world); err != nil {
		return err
	}
	r.result.LatencyRatio = r.result.P50 / r.result.LimitLatency
	return nil
}
