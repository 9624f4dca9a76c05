package client_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/outbox"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

func TestStartTxWritesOneRow(t *testing.T) {
	t.Parallel()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, "unwind", migrations.Outbox))
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	key, err := client.StartTx(t.Context(), tx, client.Start{
		Definition: "bookTrip", Version: "r3", Key: "order 7", Input: []byte(`{ "cents": 12345678901234567890 }`),
	})
	require.NoError(t, err)
	require.Equal(t, "order 7", key)
	require.NoError(t, tx.Commit(t.Context()))

	var topic, rowKey string
	var partition int
	var encoded, payload []byte
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT topic, partition, key, headers, payload FROM unwind.outbox").
		Scan(&topic, &partition, &rowKey, &encoded, &payload))
	require.Equal(t, "unwind.start.default", topic)
	require.Equal(t, -1, partition)
	require.Equal(t, "order 7", rowKey)
	require.Equal(t, `{ "cents": 12345678901234567890 }`, string(payload))
	headers, err := outbox.DecodeHeaders(encoded)
	require.NoError(t, err)
	var lines []string
	for _, h := range headers {
		if h.Key == "ce_time" {
			at, err := time.Parse(time.RFC3339Nano, string(h.Value))
			require.NoError(t, err)
			require.Equal(t, time.UTC, at.Location())
			continue
		}
		lines = append(lines, h.Key+": "+string(h.Value))
	}
	require.Equal(t, []string{
		"ce_specversion: 1.0", "ce_id: order 7", "ce_type: unwind.start.v1", "ce_source: /clients/client", "ce_subject: bookTrip",
		"content-type: application/json", "unwind-namespace: default", "unwind-definition: bookTrip", "unwind-version: r3",
	}, lines)
}

func TestStartTxRefusesWhatCannotStart(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]client.Start{
		"unwind-definition: want": {Definition: "book-trip"},
		"unwind-namespace: want":  {Definition: "bookTrip", Namespace: "a b"},
		"ce_id: longer than 256":  {Definition: "bookTrip", Key: strings.Repeat("k", 257)},
		"ce_id: not plain text":   {Definition: "bookTrip", Key: "a\nb"},
		"larger than 512 KiB":     {Definition: "bookTrip", Input: strings.Repeat("x", 512<<10)},
		"the input is not JSON":   {Definition: "bookTrip", Input: []byte("{")},
		"start bookTrip: encode":  {Definition: "bookTrip", Input: func() {}},
	} {
		_, err := client.StartTx(t.Context(), nil, s)
		require.ErrorContains(t, err, want)
	}
}

func TestConfigFaults(t *testing.T) {
	t.Parallel()
	_, err := client.New(client.Config{URL: "localhost:8080"})
	require.ErrorContains(t, err, "write it like http://")
	_, err = client.New(client.Config{})
	require.NoError(t, err)
}
