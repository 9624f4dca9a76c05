// Package refuses has what a saga function must not do, each with what is said of it.
package refuses

import (
	"context"
	crand "crypto/rand"
	"database/sql"
	"fmt"
	"io/ioutil"
	"log"
	"log/slog"
	"maps"
	"math/rand"
	randv2 "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga/code"
)

var (
	count int
	last  struct{ at map[string]int }
	ptr   = &count
	mu    sync.Mutex
	ready chan int
)

func clock(c *code.Context, in int) (int, error) {
	_ = time.Now()                                          // want `time.Now in a saga function: .*write c.Now\(\)`
	_ = time.Since(c.Now())                                 // want `time.Since in a saga function`
	_ = time.Until(c.Now())                                 // want `time.Until in a saga function`
	time.Sleep(time.Second)                                 // want `time.Sleep in a saga function: .*write c.Sleep or c.Timer`
	_ = time.NewTimer(time.Second)                          // want `time.NewTimer in a saga function`
	_ = time.NewTicker(time.Second)                         // want `time.NewTicker in a saga function`
	_ = time.Tick(time.Second)                              // want `time.Tick in a saga function`
	_ = time.AfterFunc(1, func() {})                        // want `time.AfterFunc in a saga function`
	now := time.Now                                         // want `time.Now in a saga function`
	_, stop := context.WithTimeout(context.Background(), 1) // want `context.WithTimeout in a saga function: .*code.First`
	stop()
	_, stop = context.WithDeadline(c, c.Now()) // want `context.WithDeadline in a saga function: .*a c.Timer`
	stop()
	_ = context.AfterFunc(c, stop) // want `context.AfterFunc in a saga function`
	_ = now
	return in, nil
}

func said(c *code.Context, in int) (int, error) {
	fmt.Println("booking", in)     // want `fmt.Println in a saga function: it is said again .*!c.Replaying\(\)`
	log.Printf("booking %d", in)   // want `log.Printf in a saga function`
	slog.Info("booking", "in", in) // want `slog.Info in a saga function`
	println(in)                    // want `println in a saga function`
	if !c.Replaying() {            // want `the saga asks for something the first time only`
		code.Do[int](c, "hotel", in)
		_ = time.Now() // want `time.Now in a saga function`
	}
	if !c.Replaying() {
		slog.Info("booking", "saga", c.ID())
	} else {
		slog.Info("again") // want `slog.Info in a saga function`
	}
	if c.Replaying() {
		fmt.Println("again") // want `fmt.Println in a saga function`
	}
	return in, nil
}

func branches(c *code.Context, in int) (int, error) {
	code.Go(c, func(own *code.Context) (int, error) {
		return code.Do[int](c, "hotel", in) // want `c is the Context of another branch: use the one that this function is given`
	})
	return in, nil
}

func chance(c *code.Context, in int) (int, error) {
	_ = rand.Intn(6)                     // want `rand.Intn in a saga function: .*c.Float64\(\), or rand.New\(c\)`
	_ = randv2.IntN(6)                   // want `rand.IntN in a saga function`
	randv2.Shuffle(1, func(i, j int) {}) // want `rand.Shuffle in a saga function`
	_, _ = crand.Read(nil)               // want `rand.Read in a saga function: .*c.NewID\(\)`
	_ = crand.Reader                     // want `rand.Reader in a saga function`
	_ = uuid.New()                       // want `uuid.New in a saga function: .*write c.NewID\(\)`
	return in, nil
}

func parallel(c *code.Context, in int) (int, error) {
	go clock(c, in)         // want `go statement in a saga function: .*code.Go`
	ch := make(chan int, 1) // want `channel make in a saga function: .*future of code.Go`
	ch <- 1                 // want `channel send in a saga function`
	<-ch                    // want `channel receive in a saga function`
	for range ch {          // want `channel range in a saga function`
	}
	close(ch) // want `channel close in a saga function`
	select {  // want `select in a saga function: .*code.First`
	case <-ready:
		_ = time.Now() // want `time.Now in a saga function`
	default:
	}
	<-c.Done() // want `a receive from Done in a saga function blocks it for good: .*c.Err\(\)`
	var ctx context.Context = c
	_, _ = <-ctx.Done() // want `a receive from Done`
	select {            // want `select in a saga function: .*turns back`
	case <-c.Done():
	}
	select { // want `select in a saga function`
	case <-c.Done():
	case <-ctx.Done():
	default:
	}
	select { // want `select in a saga function`
	case <-c.Done():
	case ready <- 1:
	default:
	}
	for range c.Done() { // want `channel range in a saga function`
	}
	mu.Lock()                 // want `\(sync.Mutex\).Lock in a saga function: .*take turns`
	var wg sync.WaitGroup     // want `sync.WaitGroup in a saga function`
	wg.Wait()                 // want `\(sync.WaitGroup\).Wait in a saga function`
	var n atomic.Int64        // want `atomic.Int64 in a saga function`
	return int(n.Load()), nil // want `\(atomic.Int64\).Load in a saga function`
}

func inputs(c *code.Context, in int) (int, error) {
	_, _ = os.ReadFile("x")                   // want `os.ReadFile in a saga function: it is not to do I/O; move this into a step`
	_ = os.Getenv("X")                        // want `os.Getenv in a saga function`
	_ = os.Args                               // want `os.Args in a saga function`
	_ = exec.Command("x")                     // want `exec.Command in a saga function`
	_, _ = ioutil.ReadFile("x")               // want `ioutil.ReadFile in a saga function`
	_, _ = net.Dial("tcp", "x")               // want `net.Dial in a saga function`
	_, _ = http.Get("x")                      // want `http.Get in a saga function`
	_ = http.DefaultClient                    // want `http.DefaultClient in a saga function`
	db, _ := sql.Open("pgx", "x")             // want `sql.Open in a saga function`
	_, _ = db.Query("x")                      // want `\(sql.DB\).Query in a saga function`
	tx, _ := pgx.Connect(nil, "x")            // want `pgx.Connect in a saga function`
	_, _ = tx.Exec(context.Background(), "x") // want `\(pgx.Tx\).Exec in a saga function`
	return in, nil
}

func ordered(c *code.Context, in map[string]int) (int, error) {
	for name := range in { // want `in the order of a map, .*slices.Sorted\(maps.Keys`
		_, _ = code.Do[int](c, name, 1)
	}
	for name := range maps.Keys(in) { // want `in the order of a map`
		helper(name, c)
	}
	for range in { // want `in the order of a map`
		if len(in) > 1 {
			c.Sleep(1)
		}
	}
	for range slices.Sorted(maps.Keys(in)) {
		c.Sleep(1)
	}
	return 0, nil
}

func writes(c *code.Context, in int) (int, error) {
	count = in               // want `writes the package's variable count, .*keep it in the function`
	count++                  // want `writes the package's variable count`
	*ptr = in                // want `writes the package's variable ptr`
	last.at["x"]++           // want `writes the package's variable last`
	delete(last.at, "x")     // want `writes the package's variable last`
	http.DefaultClient = nil // want `writes the package's variable DefaultClient` `http.DefaultClient in a saga function`
	for count = range in {   // want `writes the package's variable count`
	}
	return in, nil
}

// helper has the Context, wherever it stands, and so is a saga function.
func helper(name string, c *code.Context) { _ = time.Now() } // want `time.Now in a saga function`

type trip struct{}

func (trip) book(c *code.Context, in int) (int, error) {
	inner := func() { _ = time.Now() } // want `time.Now in a saga function`
	inner()
	f := code.Go(c, func(c *code.Context) (int, error) {
		return rand.Int(), nil // want `rand.Int in a saga function`
	})
	_ = code.SideEffect(c, nameOf(time.Now()), func() int { return 1 }) // want `time.Now in a saga function`
	_ = code.SideEffect(c, "x", func() int {                            // want `this side effect uses the saga's Context`
		v, _ := code.Do[int](c, "x", 1)
		return v
	})
	_ = code.SideEffect(c, "z", func() int { // want `this side effect uses the saga's Context`
		return randv2.New(c).IntN(6)
	})
	code.Query(c, "x", func() int { // want `this query uses the saga's Context`
		v, _ := f.Get(c)
		return v
	})
	code.Query(c, "age", func() time.Duration {
		return time.Since(c.Now()) // want `time.Since in a saga function`
	})
	n := 0
	code.Update(c, "x", func(in int) error { // want `this validator uses the saga's Context`
		n++ // want `this validator writes n, and may only look`
		_ = c.NewID()
		return nil
	}, func(in int) (int, error) { // want `this update's handler uses the saga's Context`
		n = rand.Int() // want `rand.Int in a saga function`
		return f.Get(c)
	})
	code.Update(c, "y", nil, func(in int) (int, error) { // want `this update's handler uses the saga's Context`
		c.Sleep(1)
		return n, nil
	})
	c.Until(func() bool { // want `this condition uses the saga's Context`
		n = 3 // want `this condition writes n, and may only look`
		c.Sleep(1)
		return true
	})
	return f.Get(c)
}

var literal = func(c *code.Context, in int) (int, error) {
	time.Sleep(1) // want `time.Sleep in a saga function`
	return in, nil
}

func nameOf(time.Time) string { return "" }
