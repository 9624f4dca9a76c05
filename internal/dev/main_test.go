package dev

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// write writes a file of a test.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

const tripYAML = `unwind: v1
saga: trip
input:
  schema: {type: object, required: [days], properties: {days: {type: integer, minimum: 2}}}
defaults: {timeout: 5s, retry: {attempts: 2, backoff: 100ms}}
steps:
  - step: seat
    command: flights/reserve
    compensation: release
    input: {days: "${input.days}"}
  - step: pay
    kind: pivot
    command: payments/charge
    input: {booking: "${steps.seat.output.booking}"}
`

const flightsYAML = `unwind: v1
participant: flights
commands:
  reserve:
    input: {type: object, required: [days], properties: {days: {type: integer}}}
    result: {type: object, required: [booking], properties: {booking: {type: string, minLength: 8}}}
    compensation: release
`

const paymentsYAML = `unwind: v1
participant: payments
commands:
  charge: {input: {type: object, properties: {booking: {type: string}}}}
`

// newFolder is a folder with one definition and its contracts.
func newFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "trip.yaml", tripYAML)
	write(t, dir, "contracts/flights.yaml", flightsYAML)
	write(t, dir, "contracts/payments.yaml", paymentsYAML)
	return dir
}
