package rawconn

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// most is the largest buffer, in bytes, that is read or written past the scheduler:
// to copy more takes so long that other goroutines should get the processor.
const most = 32 << 10

// Wrap returns a connection that does what c does, with short reads and writes as raw
// system calls. c is returned itself if it has no file descriptor, as a connection
// with TLS has none: wrap what TLS is put on.
func Wrap(c net.Conn) net.Conn {
	s, ok := c.(syscall.Conn)
	if !ok {
		return c
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return c
	}
	w := &conn{Conn: c}
	w.in.init("read", syscall.SYS_READ, raw.Read)
	w.out.init("write", syscall.SYS_WRITE, raw.Write)
	return w
}

// conn has everything but Read and Write from the connection that it wraps: closing
// and deadlines end raw calls that wait, too.
type conn struct {
	net.Conn
	in, out way
}

// Read reads what there is, as net.Conn says.
func (c *conn) Read(b []byte) (int, error) {
	if len(b) == 0 || len(b) > most {
		return c.Conn.Read(b)
	}
	n, err := c.in.do(b)
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return n, err
}

// Write writes all of b or says how much of it, as net.Conn says.
func (c *conn) Write(b []byte) (done int, err error) {
	if len(b) > most {
		return c.Conn.Write(b)
	}
	for done < len(b) && err == nil {
		var n int
		n, err = c.out.do(b[done:])
		done += n
	}
	return done, err
}

// way is one direction of a connection.
type way struct {
	name string
	trap uintptr
	wait func(func(fd uintptr) bool) error // calls until it is true, each time when fd is ready
	call func(fd uintptr) bool             // made once, so that nothing is allocated later

	mu sync.Mutex // one call at a time; what follows is its
	b  []byte
	n  int
	no syscall.Errno
}

func (w *way) init(name string, trap uintptr, wait func(func(uintptr) bool) error) {
	w.name, w.trap, w.wait, w.call = name, trap, wait, w.once
}

// do makes the call with b as soon as it does not block.
func (w *way) do(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b, w.n, w.no = b, 0, 0
	err := w.wait(w.call)
	w.b = nil
	if err == nil && w.no != 0 {
		err = &net.OpError{Op: w.name, Net: "raw", Err: os.NewSyscallError(w.name, w.no)}
	}
	return w.n, err
}

// once makes the call and reports whether it came to an end: false if fd was not
// ready, which is not blocking.
func (w *way) once(fd uintptr) bool {
	for {
		n, _, no := syscall.RawSyscall(w.trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(w.b))), uintptr(len(w.b))) //nolint:gosec // as package syscall does it
		switch no {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return false
		case 0:
			w.n = int(n)
		}
		w.no = no
		return true
	}
}
