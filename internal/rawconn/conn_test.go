package rawconn

import (
	"bytes"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"
)

// TestConn holds both ends to what the library says that a connection must do:
// deadlines, closing, calls from many goroutines.
func TestConn(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
				a, b := pipe(t, network)
				return a, b, func() { _ = a.Close(); _ = b.Close() }, nil
			})
		})
	}
}

// TestAnySize passes what is more than a buffer of the system, and more than goes
// raw, in pieces that the other side takes slowly.
func TestAnySize(t *testing.T) {
	for _, size := range []int{0, 1, 32 << 10, 32<<10 + 1, 8 << 20} {
		a, b := pipe(t, "tcp")
		sent := bytes.Repeat([]byte("unwind!"), size/7+1)[:size]
		wrote := make(chan error, 1)
		go func() {
			for piece := range slices.Chunk(sent, 30_000) {
				if _, err := a.Write(piece); err != nil {
					wrote <- err
					return
				}
			}
			wrote <- a.Close()
		}()
		got, err := io.ReadAll(struct{ io.Reader }{b})
		require.NoError(t, err)
		require.NoError(t, <-wrote)
		require.True(t, bytes.Equal(sent, got), "%d bytes", size)
	}
}

// TestNoDescriptor is a connection that has none.
func TestNoDescriptor(t *testing.T) {
	a, b := net.Pipe()
	defer func() { _, _ = a.Close(), b.Close() }()
	require.Same(t, a, Wrap(a))
}

// TestNothingIsAllocated: a read and a write are on the way of every record.
func TestNothingIsAllocated(t *testing.T) {
	a, b := pipe(t, "tcp")
	buf := make([]byte, 100)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := a.Write(buf); err != nil {
			t.Error(err)
		}
		if _, err := io.ReadFull(b, buf); err != nil {
			t.Error(err)
		}
	}))
}

// pipe returns both ends of a connection.
func pipe(t *testing.T, network string) (a, b net.Conn) {
	l, err := nettest.NewLocalListener(network)
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	dialed := make(chan net.Conn, 1)
	go func() {
		c, err := net.Dial(l.Addr().Network(), l.Addr().String())
		if err != nil {
			t.Error(err)
		}
		dialed <- c
	}()
	accepted, err := l.Accept()
	require.NoError(t, err)
	a, b = Wrap(<-dialed), Wrap(accepted)
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a, b
}
