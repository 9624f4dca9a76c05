// Package record holds the one header type that the outbox, the Kafka adapter
// and the saga's wire contract share, so that a header never has to be copied
// from one package's type into another's.
package record

// Header is one header of a Kafka record. Headers are a list, not a map: their
// order and duplicates are part of a record, and a nil Value (no value) differs
// from an empty one.
type Header struct {
	Key   string
	Value []byte
}

// Get returns the value of the first header named key, and whether there is one.
func Get(headers []Header, key string) ([]byte, bool) {
	for _, h := range headers {
		if h.Key == key {
			return h.Value, true
		}
	}
	return nil, false
}
