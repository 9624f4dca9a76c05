package code

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"runtime"
	"strconv"
	"strings"

	"github.com/unwindhq/unwind/saga"
)

// errForeign is what a branch panics with that asks with the Context of another one: it
// would wait in its place, and what it asks for would be undone in its order.
var errForeign = errors.New("this branch uses the Context of another one; use the one that its own function is given")

// mayAsk ends whoever asks for something that nothing can be asked for, or not with this
// Context.
func (c *Context) mayAsk() {
	c.r.mayAsk()
	if c.r.at != nil && c.r.at != c.b {
		panic(errForeign)
	}
}

// misuse says what is wrong with the function itself, before any saga is begun.
func misuse[In, Out any](fn func(c *Context, in In) (Out, error)) (faults saga.Faults) {
	if fn == nil {
		faults = append(faults, saga.Fault{Path: "function", Problem: "it is nil", Cure: "hand over the function that the saga is"})
	}
	for _, one := range []struct {
		path string
		t    reflect.Type
	}{{"input", reflect.TypeFor[In]()}, {"output", reflect.TypeFor[Out]()}} {
		if problem := notJSON(one.t, map[reflect.Type]bool{}); problem != "" {
			faults = append(faults, saga.Fault{Path: one.path, Problem: problem, Cure: "use types that encoding/json writes and reads back"})
		}
	}
	return faults
}

// notJSON says why values of a type cannot be kept as JSON; empty: as far as the type
// says they can.
func notJSON(t reflect.Type, seen map[reflect.Type]bool) string {
	if seen[t] || writesItself(t) {
		return ""
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return t.String() + " cannot be written as JSON"
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return notJSON(t.Elem(), seen)
	case reflect.Struct:
		return fieldsNotJSON(t, seen)
	default:
		return ""
	}
}

func fieldsNotJSON(t reflect.Type, seen map[reflect.Type]bool) string {
	shown := 0
	for f := range t.Fields() {
		if !f.IsExported() && !f.Anonymous || f.Tag.Get("json") == "-" {
			continue
		}
		shown++
		if problem := notJSON(f.Type, seen); problem != "" {
			return "its field " + f.Name + ": " + problem
		}
	}
	if shown == 0 && t.NumField() > 0 {
		return t.String() + " has no exported field, so that nothing of it would be kept"
	}
	return ""
}

func writesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Marshaler]()) || p.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// stack is where the function has panicked, from there to where it begins, in the user's
// code. It is for the deferred function that recovers.
func stack() []byte {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	var lines []string
	for thrown, more := false, true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch {
		case strings.HasPrefix(f.Function, "runtime."):
			thrown = thrown || f.Function == "runtime.gopanic"
		case strings.HasPrefix(f.Function, "iter.Pull"), strings.HasPrefix(f.Function, "github.com/unwindhq/unwind/saga.("):
			more = false
		case thrown && !strings.HasPrefix(f.Function, "github.com/unwindhq/unwind/saga/code."):
			lines = append(lines, f.Function, "    "+f.File+":"+strconv.Itoa(f.Line))
		}
	}
	return []byte(strings.Join(lines, "\n"))
}
