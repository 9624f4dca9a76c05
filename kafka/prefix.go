package kafka

import "sort"

// prefix knows which of a partition's records, begun in order and finished in any
// order, are all finished from the first on. Offsets may have gaps.
type prefix struct {
	open []progress // from the first unfinished record on
}

// progress is one record's.
type progress struct {
	offset   int64
	finished bool
}

// begin adds a record. Its offset lies above all before.
func (p *prefix) begin(offset int64) {
	p.open = append(p.open, progress{offset: offset})
}

// finish notes that a record is finished. It returns the offset to go on from,
// and how many records the finished prefix grew by; n = 0 means that it did not.
func (p *prefix) finish(offset int64) (next int64, n int) {
	i := sort.Search(len(p.open), func(i int) bool { return p.open[i].offset >= offset })
	if i == len(p.open) || p.open[i].offset != offset {
		return 0, 0
	}
	p.open[i].finished = true
	for n < len(p.open) && p.open[n].finished {
		next = p.open[n].offset + 1
		n++
	}
	p.open = p.open[n:]
	return next, n
}
