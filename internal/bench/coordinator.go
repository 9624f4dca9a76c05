package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// lookEvery is how often the store is asked for a saga whose end was not heard of.
const lookEvery = 2 * time.Second

// coordinate is RoleCoordinator: what unwind serve runs, and a driver beside it.
func (p *process) coordinate(ctx context.Context, end func()) error {
	functions, err := p.functions()
	if err != nil {
		return err
	}
	a, err := app.New(app.Config{
		DatabaseURL: p.setup.DatabaseURL, Brokers: p.setup.Brokers, Security: p.setup.kafka(nil).Security, Schema: p.setup.Schema, Prefix: p.setup.Prefix,
		Listen: "127.0.0.1:0", Migrate: true, Log: p.log,
		Locals: p.locals(), Code: functions,
	})
	if err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, p.setup.DatabaseURL)
	if err != nil {
		return fmt.Errorf("open a pool: %w", err)
	}
	defer pool.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.Run(ctx) })
	select {
	case <-a.Ready():
	case <-ctx.Done():
		return group.Wait()
	}
	d := &direct{engine: a.Engine(), reader: sagapg.NewReader(pool, p.setup.Schema)}
	p.say(note{Event: noteReady, URL: a.URL()})
	p.orders(end, func(order plan) { p.drive(ctx, order, d) })
	return group.Wait()
}

// drive carries out one plan. A plan without sagas only profiles: the load comes
// from elsewhere, and the plan's time is that of the profile.
func (p *process) drive(ctx context.Context, order plan, d *direct) {
	d.definition, d.version = order.Definition, order.Version
	loop := &driver{plan: order, one: d.saga, note: p.noted}
	got, err := measured{}, error(nil)
	if order.InFlight > 0 {
		got, err = loop.run(ctx)
	} else {
		loop.measure(ctx)
	}
	n := note{Event: noteDone, Measured: got}
	if err != nil {
		n.Error = err.Error()
	}
	p.say(n)
}

// noted passes a note on, and profiles in between.
func (p *process) noted(event string) {
	if p.setup.CPUProfile != "" && event == noteBegin {
		if err := startProfile(p.setup.CPUProfile); err != nil {
			p.log.Error("bench: no CPU profile", "error", err)
		}
	}
	if event == noteEnd {
		pprof.StopCPUProfile()
	}
	p.say(note{Event: event})
}

func startProfile(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return pprof.StartCPUProfile(file) // the file stays open as long as the process lives
}

// direct runs sagas by calls of the coordinator.
type direct struct {
	engine  *coordinator.Coordinator
	reader  *sagapg.Reader
	version string

	definition string
}

func (d *direct) saga(ctx context.Context) (compensated bool, err error) {
	started, err := d.engine.Start(ctx, coordinator.StartRequest{
		Namespace: "default", Definition: d.definition, Version: d.version,
		Input: saga.JSON(payload), Actor: saga.Actor{Kind: saga.Operator, Name: "bench"},
	})
	if err != nil {
		return false, err
	}
	status, err := d.await(ctx, started.ID)
	if err == nil && status != saga.Completed && status != saga.Compensated {
		err = fmt.Errorf("saga %s: %s", started.ID, status)
	}
	return status == saga.Compensated, err
}

// await waits for a saga's end. It may have ended before it could be watched.
func (d *direct) await(ctx context.Context, id saga.ID) (saga.Status, error) {
	ended, stop := d.engine.WatchEnd(id)
	defer stop()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case status := <-ended:
			return status, nil
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-tick.C:
			row, err := d.reader.Get(ctx, id)
			if err != nil && !errors.Is(err, coordinator.ErrNotFound) {
				return 0, err
			}
			if row.State.Status.Ended() {
				return row.State.Status, nil
			}
		}
	}
}
