// Package bucket maps keys to buckets. A bucket is the unit of ownership: its
// replies, wakes and outbox rows belong to one process at a time (DESIGN.md
// section 8). The mapping is Kafka's default partitioner, so that every client
// of every language that sets the key reaches the same partition.
package bucket

// Count is the number of buckets of one generation, and so the number of
// partitions of its reply topic.
const Count = 64

// Of returns key's bucket, from 0 to buckets-1: Kafka's default partitioner,
// (murmur2(key) & 0x7fffffff) mod buckets. buckets must be positive.
func Of(key string, buckets int) int {
	return int(murmur2(key)&0x7fffffff) % buckets
}

// murmur2 is the 32-bit MurmurHash2 with Kafka's seed.
func murmur2(key string) uint32 {
	const (
		seed uint32 = 0x9747b28c
		m    uint32 = 0x5bd1e995
		r           = 24
	)
	h := seed ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> r
		h = h*m ^ k*m
	}
	h = murmur2Tail(h, key, m)
	h = (h ^ h>>13) * m
	return h ^ h>>15
}

// murmur2Tail mixes in the last zero to three bytes.
func murmur2Tail(h uint32, tail string, m uint32) uint32 {
	for i := len(tail) - 1; i >= 0; i-- {
		h ^= uint32(tail[i]) << (8 * i)
	}
	if len(tail) > 0 {
		h *= m
	}
	return h
}
