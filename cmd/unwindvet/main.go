// Command unwindvet finds what must not be in a saga that is a Go function, before
// it runs: clocks, chance, goroutines, channels, locks, I/O, and what depends on
// the order of a map. Each finding says what to write instead.
//
//	go install github.com/unwindhq/unwind/cmd/unwindvet@latest
//	go vet -vettool=$(which unwindvet) ./...
//
// unwindvet ./... alone does the same. It exits with 0 when it found nothing.
package main

import (
	"golang.org/x/tools/go/analysis/singlechecker"

	"github.com/unwindhq/unwind/internal/vet"
)

func main() { singlechecker.Main(vet.Analyzer) }
