package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
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
	return r.result, r.limits(ctx)
}

// run is one run.
type run struct {
	Config

	world        *world
	coordinator  *child
	participants *child
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
		RejectPercent: r.RejectPercent, Guard: r.Guard, CPUProfile: r.CPUProfile,
	}
	if r.participants, _, err = startChild(ctx, r.Program, RoleParticipants, s); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.participants.stop()) }()
	var ready note
	if r.coordinator, ready, err = startChild(ctx, r.Program, RoleCoordinator, s); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.coordinator.stop()) }()
	api, err := newClient(ready.URL, r.InFlight)
	if err != nil {
		return err
	}
	applied, err := api.ApplyDefinition(ctx, "bench.yaml", []byte(definition))
	if err != nil {
		return err
	}
	r.say("%d sagas in flight, %s, after %s of warm-up", r.InFlight, r.Duration, r.Warmup)
	order := plan{InFlight: r.InFlight, Warmup: r.Warmup, Duration: r.Duration, Version: applied.Version}
	if r.Via == ViaREST {
		return r.overREST(ctx, order, overREST(api, applied.Version))
	}
	return r.direct(ctx, order)
}

// direct lets the coordinator's process drive.
func (r *run) direct(ctx context.Context, order plan) error {
	if err := r.coordinator.tell(order); err != nil {
		return err
	}
	if _, err := r.coordinator.hear(ctx, noteBegin); err != nil {
		return err
	}
	r.begin(ctx)
	if _, err := r.coordinator.hear(ctx, noteEnd); err != nil {
		return err
	}
	costs, err := r.end(ctx)
	if err != nil {
		return err
	}
	done, err := r.coordinator.hear(ctx, noteDone)
	if err != nil {
		return err
	}
	r.report(done.Measured, costs)
	return nil
}

// overREST drives from here; the coordinator's process only profiles itself.
func (r *run) overREST(ctx context.Context, order plan, one sagaFunc) error {
	profiled := order
	profiled.InFlight = 0
	if err := r.coordinator.tell(profiled); err != nil {
		return err
	}
	var spent costs
	var fault error
	d := &driver{plan: order, one: one, note: func(event string) {
		if event == noteBegin {
			r.begin(ctx)
			return
		}
		spent, fault = r.end(ctx)
	}}
	got, err := d.run(ctx)
	if err = errors.Join(err, fault); err != nil {
		return err
	}
	for _, event := range []string{noteBegin, noteEnd, noteDone} {
		if _, err := r.coordinator.hear(ctx, event); err != nil {
			return err
		}
	}
	r.report(got, spent)
	return nil
}

// costs are what the measured time has cost.
type costs struct {
	cpu map[string]time.Duration
	counters
}

// pids are the processes whose CPU time counts.
func (r *run) pids() map[string]int {
	return map[string]int{
		RoleCoordinator: r.coordinator.cmd.Process.Pid, RoleParticipants: r.participants.cmd.Process.Pid, roleDriver: os.Getpid(),
	}
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

// report fills in the result.
func (r *run) report(got measured, spent costs) {
	n := float64(got.Sagas)
	r.result = Result{
		Via: r.Via, InFlight: r.InFlight, RejectPercent: r.RejectPercent, Guard: r.Guard,
		Seconds: got.Seconds, Sagas: got.Sagas, Compensated: got.Compensated, SagasPerS: n / got.Seconds, P50: got.P50, P99: got.P99,
		WAL: float64(spent.wal) / n, Commits: float64(spent.commits) / n, Rows: float64(spent.rows) / n,
	}
	if len(spent.cpu) == 0 {
		return
	}
	r.result.CPU = map[string]float64{}
	for name, used := range spent.cpu {
		r.result.CPU[name] = used.Seconds() / n * 1000
		r.result.CPU["total"] += used.Seconds() / n * 1000
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
