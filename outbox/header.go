package outbox

import (
	"encoding/binary"
	"errors"
)

// errHeaders says that a row's headers column was not written by EncodeHeaders.
var errHeaders = errors.New("outbox headers are malformed")

// EncodeHeaders returns headers as the outbox stores them: their number, then for
// each the length and bytes of its key, and the length plus one and bytes of its
// value, where zero stands for nil. Numbers are unsigned varints.
func EncodeHeaders(headers []Header) []byte {
	size := binary.MaxVarintLen32
	for _, h := range headers {
		size += len(h.Key) + len(h.Value) + 2*binary.MaxVarintLen32
	}
	b := binary.AppendUvarint(make([]byte, 0, size), uint64(len(headers)))
	for _, h := range headers {
		b = binary.AppendUvarint(b, uint64(len(h.Key)))
		b = append(b, h.Key...)
		if h.Value == nil {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(b, uint64(len(h.Value))+1)
		b = append(b, h.Value...)
	}
	return b
}

// DecodeHeaders is the inverse of EncodeHeaders. The values share b's memory. No
// headers come back as nil.
func DecodeHeaders(b []byte) ([]Header, error) {
	n, b, ok := number(b)
	if !ok || n > uint64(len(b)) {
		return nil, errHeaders
	}
	var headers []Header
	for range n {
		var key, value []byte
		if key, b, ok = field(b, 0); !ok {
			return nil, errHeaders
		}
		if value, b, ok = field(b, 1); !ok {
			return nil, errHeaders
		}
		headers = append(headers, Header{Key: string(key), Value: value})
	}
	if len(b) != 0 {
		return nil, errHeaders
	}
	return headers, nil
}

// field reads a length, above the true one by extra, and that many bytes. A
// length below extra is nil.
func field(b []byte, extra uint64) (value, rest []byte, ok bool) {
	n, b, ok := number(b)
	if !ok || n < extra {
		return nil, b, ok
	}
	n -= extra
	if n > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}

func number(b []byte) (n uint64, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return 0, nil, false
	}
	return n, b[size:], true
}
