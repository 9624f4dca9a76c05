package outbox

import (
	"encoding/binary"
	"errors"
	"slices"
)

// errHeaders says that a row's headers column is neither of the two forms.
var errHeaders = errors.New("outbox headers are malformed")

// packed begins the packed form: a zero written in two bytes, as which no number
// of headers is ever written, and the number of the words' edition.
const packed = "\x80\x00\x01"

// How a value is written; from valueWord on, less that, it is the number of a
// word, or, behind the words, of an earlier header.
const (
	valueNil   = 0
	valuePlain = 1
	valueWord  = 2
)

// decodedMax bounds what references put together, in bytes: a few of them could
// name each other up to any size. It is far above what a broker takes.
const decodedMax = 64 << 20

// prefixMin is the shortest common beginning that is worth a reference: ids and
// times have one, names stay readable.
const prefixMin = 10

// EncodeHeaders returns headers as the outbox stores them. Names and values that
// every command has are numbers of a fixed list of words, and a value that begins
// like an earlier one, as most name the same saga, is written from where they
// part: a row is write-ahead log twice, and of a command's row the headers were
// two thirds. Numbers are unsigned varints.
func EncodeHeaders(headers []Header) []byte {
	if len(headers) == 0 {
		return []byte{0}
	}
	b := append(make([]byte, 0, 64+32*len(headers)), packed...)
	b = binary.AppendUvarint(b, uint64(len(headers)))
	for i, h := range headers {
		n, known := wordNumbers[h.Key]
		if b = binary.AppendUvarint(b, n); !known {
			b = appendField(b, h.Key)
		}
		b = appendValue(b, headers[:i], h.Value)
	}
	return b
}

// appendValue writes a value, given the headers before it.
func appendValue(b []byte, earlier []Header, value []byte) []byte {
	if value == nil {
		return append(b, valueNil)
	}
	if n, known := wordNumbers[string(value)]; known {
		return binary.AppendUvarint(b, valueWord+n-1)
	}
	from, shared := -1, prefixMin-1
	for i, h := range earlier {
		if n := common(h.Value, value); n > shared {
			from, shared = i, n
		}
	}
	if from < 0 {
		return appendField(append(b, valuePlain), value)
	}
	b = binary.AppendUvarint(b, uint64(valueWord+len(words)+from))
	b = binary.AppendUvarint(b, uint64(shared))
	return appendField(b, value[shared:])
}

func appendField[T string | []byte](b []byte, field T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(field))), field...)
}

// common returns the length of the beginning that a and b share.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// DecodeHeaders is the inverse of EncodeHeaders. It also reads the plain form,
// which anything may write: the number of headers, then for each the length and
// bytes of its name, and the length plus one and bytes of its value, where zero
// stands for nil. Values share b's memory where they can. No headers come back
// as nil.
func DecodeHeaders(b []byte) ([]Header, error) {
	r := headerReader{rest: b}
	read := r.plain
	if len(b) >= len(packed) && string(b[:len(packed)]) == packed {
		r.rest, read = b[len(packed):], r.packed
	}
	n := r.number()
	if n > uint64(len(r.rest)) {
		return nil, errHeaders
	}
	for range n {
		if r.headers = append(r.headers, read()); r.bad {
			return nil, errHeaders
		}
	}
	if r.bad || len(r.rest) != 0 {
		return nil, errHeaders
	}
	return r.headers, nil
}

// headerReader reads headers; after the first fault all it returns is empty.
type headerReader struct {
	rest    []byte
	headers []Header
	grown   int // bytes of values put together
	bad     bool
}

func (r *headerReader) plain() Header {
	name := r.field(r.number())
	n := r.number()
	if n == 0 {
		return Header{Key: string(name)}
	}
	return Header{Key: string(name), Value: r.field(n - 1)}
}

func (r *headerReader) packed() Header {
	n := r.number()
	if n > uint64(len(words)) {
		r.bad = true
		return Header{}
	}
	if n == 0 {
		return Header{Key: string(r.field(r.number())), Value: r.value()}
	}
	return Header{Key: words[n-1], Value: r.value()}
}

// value reads what appendValue wrote.
func (r *headerReader) value() []byte {
	how := r.number()
	switch {
	case how == valueNil:
		return nil
	case how == valuePlain:
		return r.field(r.number())
	case how-valueWord < uint64(len(words)):
		return []byte(words[how-valueWord])
	}
	from, shared := how-valueWord-uint64(len(words)), r.number()
	if from >= uint64(len(r.headers)) || shared > uint64(len(r.headers[from].Value)) {
		r.bad = true
		return nil
	}
	value := slices.Concat(r.headers[from].Value[:shared], r.field(r.number()))
	if r.grown += len(value); r.grown > decodedMax {
		r.bad = true
	}
	return value
}

// field reads that many bytes.
func (r *headerReader) field(n uint64) []byte {
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	field := r.rest[:n:n]
	r.rest = r.rest[n:]
	return field
}

func (r *headerReader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}
