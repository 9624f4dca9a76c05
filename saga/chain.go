package saga

import (
	"encoding/json"
	"fmt"
)

// A saga that is code may end and begin anew with another input, so that no history
// grows for ever: it is completed, and in the same transaction the next run of its
// chain is started (Continue), with another id in the same bucket, the business key,
// and the signals that nobody has taken. A chain is a list of ordinary sagas.

// Chain says which run of a chain a saga is.
type Chain struct {
	First  ID  `json:"first"`           // First is the first run.
	Before ID  `json:"before,omitzero"` // Before is the run before this one; zero of the first.
	Run    int `json:"run"`             // Run counts from 1.
	Next   ID  `json:"next,omitzero"`   // Next is the run after this one; zero as long as this one has not continued.
}

// Carried is a signal that one run of a chain hands to the next.
type Carried struct {
	Name string          `json:"name"` // Name is the signal's.
	Data json.RawMessage `json:"data"` // Data is its payload.
}

// ChainName is the name under which a store finds the runs of a chain, by the first
// of them, among the attributes: no attribute of a definition can have it.
const ChainName = "@chain"

// Continue starts the next run of the saga's chain, in the transaction of the event
// that ends this one. The saga's business key becomes the next run's.
type Continue struct {
	To    ID    // To is the next run.
	Event Event // Event is its Started, but for Version: whoever starts it pins it.
}

func (Continue) effect() {}

const askedContinue = "continue" // the function has asked for the next run

// continues: the function has ended, and the saga is to begin anew with another
// input.
func (d *decision) continues(input json.RawMessage) error {
	if err := d.record(Asked{What: askedContinue, Data: input}); err != nil {
		return err
	}
	if d.e.Seq == 0 {
		if err := d.mayContinue(input); err != nil {
			return err
		}
	}
	p := d.grow()
	p.Ended, p.Continues, p.Output = true, true, d.g.asked[len(d.g.asked)-1].Data
	return nil
}

// mayContinue says why the saga cannot begin anew.
func (d *decision) mayContinue(input json.RawMessage) error {
	if d.s.Extras().Family != nil {
		return fmt.Errorf("the code continues as new, but it is a child and its parent waits for this very saga: let it return, and the parent begin the next child")
	}
	if len(input) > MaxPayload {
		return fmt.Errorf("the code continues as new with an input of %d bytes, above the limit of %d: pass a reference instead", len(input), MaxPayload)
	}
	for i := range d.s.Steps {
		step := d.step(i)
		if (step.Compensation != "" || step.UndoesChild()) && !d.closed(i) && !d.s.Steps[i].Phase.Back() {
			return fmt.Errorf("the code continues as new while %s may have to be undone, which the next run could not: pass the pivot first, or undo it by a step of its own", d.called(i))
		}
	}
	return nil
}

// next ends the saga and starts the next run of its chain.
func (d *decision) next() error {
	p := d.grow()
	chain := Chain{First: d.s.ID, Run: 1}
	if own := d.s.Extras().Chain; own != nil {
		chain = *own
	}
	chain.Next = d.s.childID(fmt.Sprintf("run %d", chain.Run+1), d.e.At)
	signals, err := d.carried()
	if err != nil {
		return err
	}
	e := Event{Kind: Started, Actor: Actor{Kind: ByRunBefore, Name: d.s.ID.String()}, Payload: JSON(p.Output)}
	e.Extra = &EventExtra{
		Definition: d.s.Definition, Version: d.s.Version, Level: Level, Key: d.s.Extras().Key, Trace: TraceRoot(d.s.ID, d.s.Window).String(),
		Chain: &Chain{First: chain.First, Before: d.s.ID, Run: chain.Run + 1}, Carried: signals,
	}
	d.s.Own().Chain, p.Output = &chain, nil
	d.s.finish(Completed)
	d.effects = append(d.effects, Continue{To: chain.Next, Event: e})
	return nil
}

// carried lists the signals that nobody has taken.
func (d *decision) carried() ([]Carried, error) {
	var list []Carried
	size := 0
	for _, kept := range d.s.Extras().Signals {
		data := json.RawMessage(kept.Data)
		if kept.Data == nil {
			payload, err := d.signalOf(kept.Seq)
			if err != nil {
				return nil, fmt.Errorf("signal %s of saga %s: %w", kept.Name, d.s.ID, err)
			}
			data = payload.Data
		}
		if size += len(data); size > MaxPayload {
			return nil, fmt.Errorf("the code continues as new with signals of more than %d bytes that it has not awaited: let it await them first", MaxPayload)
		}
		list = append(list, Carried{Name: kept.Name, Data: data})
	}
	return list, nil
}

// chained takes over which run the saga is, and its signals.
func (d *decision) chained() {
	given := d.e.Extras().Chain
	if given == nil {
		return
	}
	own := d.s.Own()
	own.Chain = given
	for i, signal := range d.e.Extras().Carried {
		kept := KeptSignal{Name: signal.Name, Seq: -int64(i + 1), Data: append([]byte{}, signal.Data...)}
		if len(signal.Data) > InlineMax {
			kept.Data = nil
		}
		own.Signals = append(own.Signals, kept)
	}
}

// carriedPayload is that of the nth signal, from 1, which the run before has handed
// over.
func (d *decision) carriedPayload(n int64) (Payload, error) {
	first := &d.e
	switch {
	case first.Kind == Started:
	case len(d.h) == 0:
		return Payload{}, ErrNeedHistory
	default:
		first = &d.h[0]
	}
	list := first.Extras().Carried
	if n > int64(len(list)) {
		return Payload{}, fmt.Errorf("the run before has not handed over %d signals: %w", n, ErrState)
	}
	return JSON(list[n-1].Data), nil
}

// ended refuses a verb on a saga that has ended, and says where its chain goes on.
func (d *decision) ended(verb string) error {
	if c := d.s.Extras().Chain; c != nil && !c.Next.IsZero() {
		return fmt.Errorf("%s saga %s: it goes on as saga %s: %w", verb, d.s.ID, c.Next, ErrEnded)
	}
	return fmt.Errorf("%s saga %s: %w", verb, d.s.ID, ErrEnded)
}

// chain writes and reads the section of that name.
func (w *stateWriter) chain(c *Chain) {
	w.id(c.First)
	w.id(c.Before)
	w.id(c.Next)
	w.int(int64(c.Run))
}

func (r *stateReader) chain() *Chain {
	return &Chain{First: r.id(), Before: r.id(), Next: r.id(), Run: int(r.int())}
}
