package contract_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga/participant"
	"github.com/unwindhq/unwind/sagatest/contract"
)

// A participant without a database that does whatever it is asked. In a test of yours the
// first argument is t; with Config.Pool, on real Postgres, the guard keeps every rule.
func Example() {
	p, err := participant.New(participant.Config{Name: "payments", Kafka: kafka.Config{Brokers: []string{"localhost:9092"}}})
	if err != nil {
		panic(err)
	}
	number := 0
	participant.HandleFunc(p, "charge", func(_ context.Context, _ charge) (receipt, error) {
		number++
		return receipt{fmt.Sprint(number)}, nil
	})
	participant.HandleUndoFunc(p, "refund", func(context.Context, charge) error { return nil })

	log := &told{context.Background(), ""}
	contract.Test(log, p, contract.Config{Participant: "payments", Command: "charge", Undo: "refund", Input: []byte(`{"Cents": 100}`)})
	fmt.Println(strings.SplitAfter(log.said, "\n")[0])
	// Output:
	// docs/wire-contract.md#the-guard repeat: the same do again: want the same answer, succeeded {"Number":"3"}, got succeeded {"Number":"4"}
}
