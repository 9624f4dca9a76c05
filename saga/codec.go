package saga

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// The first byte of an encoded state is its layout's version. What is new goes
// into a section; only a change of the rest needs a higher one.
const (
	plainVersion   = 1
	sectionVersion = 2 // ends with sections
)

// ErrState says that bytes are not a state that this build can read.
var ErrState = errors.New("not a state that this build can read")

// AppendState appends the binary form of s, without its ID, to buf. Integers
// are varints and times microseconds: a state is written on every transition,
// and its size is write-ahead log.
func AppendState(buf []byte, s *State) []byte {
	w := stateWriter{buf: append(buf, plainVersion)}
	w.text(s.Definition)
	w.text(s.Version)
	w.int(int64(s.Level))
	w.int(s.Seq)
	w.int(int64(s.Status))
	w.bool(s.PivotSent)
	w.time(s.Started)
	w.time(s.Last)
	w.text(s.Cause)
	w.payload(s.Input)
	plain := s.Plain()
	w.int(int64(plain))
	for i := range plain {
		w.step(&s.Steps[i])
	}
	w.int(int64(len(s.Attention)))
	for _, a := range s.Attention {
		w.text(string(a.Reason))
		w.text(a.Step)
		w.text(a.Text)
	}
	w.int(int64(len(s.Requests)))
	for _, r := range s.Requests {
		w.fixed(r)
	}
	if w.sections(s) {
		w.buf[len(buf)] = sectionVersion
		w.section(sectionEnd)
	}
	return w.buf
}

// DecodeState reads what AppendState wrote. It copies nothing: the state's byte
// slices point into data.
func DecodeState(id ID, data []byte) (State, error) {
	r := stateReader{data: data}
	version := r.byte()
	if version < plainVersion || version > sectionVersion {
		return State{}, fmt.Errorf("saga %s: state of version %d: %w", id, version, ErrState)
	}
	s := State{ID: id, Definition: r.text(), Version: r.text(), Level: int(r.int()), Seq: r.int()}
	s.Status = Status(r.int())
	s.PivotSent = r.byte() == 1
	s.Started, s.Last = r.time(), r.time()
	s.Cause = r.text()
	s.Input = r.payload()
	s.Steps = list(&r, r.step)
	s.Attention = list(&r, func() Attention {
		return Attention{Reason: AttentionReason(r.text()), Step: r.text(), Text: r.text()}
	})
	s.Requests = list(&r, r.fixed)
	for more := version == sectionVersion; more; {
		more = r.section(&s)
	}
	s.tidy()
	if r.bad || len(r.data) > 0 {
		return State{}, fmt.Errorf("saga %s: %w", id, ErrState)
	}
	return s, nil
}

type stateWriter struct{ buf []byte }

func (w *stateWriter) int(n int64) { w.buf = binary.AppendVarint(w.buf, n) }

func (w *stateWriter) fixed(n uint64) { w.buf = binary.LittleEndian.AppendUint64(w.buf, n) }

func (w *stateWriter) bool(b bool) {
	n := byte(0)
	if b {
		n = 1
	}
	w.buf = append(w.buf, n)
}

func (w *stateWriter) text(s string) {
	w.buf = binary.AppendUvarint(w.buf, uint64(len(s)))
	w.buf = append(w.buf, s...)
}

// bytes keeps nil and empty apart: nil means "not kept here".
func (w *stateWriter) bytes(b []byte) {
	if b == nil {
		w.int(-1)
		return
	}
	w.int(int64(len(b)))
	w.buf = append(w.buf, b...)
}

func (w *stateWriter) time(t time.Time) {
	if t.IsZero() {
		w.int(0)
		return
	}
	w.int(t.UnixMicro())
}

func (w *stateWriter) payload(p Payload) {
	w.bytes(p.Data)
	w.text(p.ContentType)
	w.text(p.Codec)
	w.text(p.KeyID)
}

func (w *stateWriter) step(st *StepState) {
	w.buf = append(w.buf, byte(st.Phase))
	w.int(int64(st.Epoch))
	w.int(int64(st.Attempt))
	w.time(st.Due)
	w.buf = binary.LittleEndian.AppendUint64(w.buf, st.Hash)
	w.int(int64(st.Ignored))
	w.bytes(st.Output)
}

// stateReader reads; after the first fault everything it returns is zero.
type stateReader struct {
	data []byte
	bad  bool
}

func (r *stateReader) fail() { r.bad, r.data = true, nil }

func (r *stateReader) take(n int64) []byte {
	if n < 0 || n > int64(len(r.data)) {
		r.fail()
		return nil
	}
	taken := r.data[:n:n]
	r.data = r.data[n:]
	return taken
}

func (r *stateReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *stateReader) int() int64 {
	n, size := binary.Varint(r.data)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[size:]
	return n
}

func (r *stateReader) text() string {
	n, size := binary.Uvarint(r.data)
	if size <= 0 || n > uint64(len(r.data)) {
		r.fail()
		return ""
	}
	r.data = r.data[size:]
	return string(r.take(int64(n)))
}

func (r *stateReader) bytes() []byte {
	n := r.int()
	if n == -1 || r.bad {
		return nil
	}
	return r.take(n)
}

func (r *stateReader) time() time.Time {
	n := r.int()
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

func (r *stateReader) fixed() uint64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

func (r *stateReader) payload() Payload {
	return Payload{Data: r.bytes(), ContentType: r.text(), Codec: r.text(), KeyID: r.text()}
}

func (r *stateReader) step() StepState {
	return StepState{
		Phase: Phase(r.byte()), Epoch: int(r.int()), Attempt: int(r.int()), Due: r.time(),
		Hash: r.fixed(), Ignored: int(r.int()), Output: r.bytes(),
	}
}

// list reads a count and that many items. An item takes at least one byte, so a
// forged count cannot make it allocate more than the data is long.
func list[T any](r *stateReader, item func() T) []T {
	n := r.int()
	if n <= 0 || n > int64(len(r.data)) {
		if n != 0 {
			r.fail()
		}
		return nil
	}
	items := make([]T, 0, n)
	for range n {
		items = append(items, item())
	}
	return items
}
