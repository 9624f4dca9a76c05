package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const loopback = "127.0.0.1"

// Ports are picked below every system's range for outgoing connections: a port
// of that range can be taken by any client between a server's stop and its
// restart, even by one that connects to the port itself.
const (
	firstPort = 20000
	lastPort  = 32000
	portTries = 200
)

// errNoPort says that no free port was found in portTries attempts.
var errNoPort = errors.New("no free port found on " + loopback)

// Address returns the loopback address of a port.
func Address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// FreePort returns a loopback port on which, with the width-1 ports after it,
// nothing listens now.
func FreePort(width int) (int, error) {
	for range portTries {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if portsFree(port, width) {
			return port, nil
		}
	}
	return 0, errNoPort
}

// RememberedPort returns the port noted in dir's file name if it is free, else
// a free one, which it notes. asked, if not zero, is used instead and must be free.
func RememberedPort(dir, name string, asked, width int) (int, error) {
	file := filepath.Join(dir, name)
	port := asked
	if port == 0 {
		if text, err := os.ReadFile(file); err == nil {
			port, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		}
	}
	switch {
	case port > 0 && portsFree(port, width):
	case asked > 0:
		return 0, fmt.Errorf("port %d is taken: stop what listens there or choose another port", asked)
	default:
		var err error
		if port, err = FreePort(width); err != nil {
			return 0, err
		}
	}
	if err := os.WriteFile(file, []byte(strconv.Itoa(port)+"\n"), 0o644); err != nil {
		return 0, fmt.Errorf("remember port %d: %w", port, err)
	}
	return port, nil
}

// awaitPort waits until port can be listened on, at most portPatience: children
// of a killed server hold its socket for a moment longer. Zero is no port.
func awaitPort(ctx context.Context, port int) {
	ctx, cancel := context.WithTimeout(ctx, portPatience)
	defer cancel()
	tick := time.NewTicker(portPoll)
	defer tick.Stop()
	for port > 0 && !portsFree(port, 1) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

const (
	portPatience = 10 * time.Second
	portPoll     = 20 * time.Millisecond
)

// portsFree reports whether port and the width-1 ports after it can be listened on.
func portsFree(port, width int) bool {
	var listen net.ListenConfig
	for i := range width {
		listener, err := listen.Listen(context.Background(), "tcp", Address(port+i))
		if err != nil {
			return false
		}
		_ = listener.Close()
	}
	return true
}

// portOpen reports whether something accepts connections on port.
func portOpen(ctx context.Context, port int) bool {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", Address(port))
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
