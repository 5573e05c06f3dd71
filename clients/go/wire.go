package dues

import (
	"bufio"
	"crypto/tls"
	"errors"
	"time"
)

const longestAnswer = 16 << 20 // bytes of a line of the server's

// wire is a transport that is read by lines, and whose two directions can be hurried.
type wire struct {
	transport transport
	reading   moment
	writing   moment
	reader    *bufio.Reader
	part      []byte // of a line whose rest has not come
}

func newWire(transport transport) *wire {
	w := &wire{transport: transport, reader: bufio.NewReaderSize(transport, 1<<16)}
	w.reading.set = transport.SetReadDeadline
	if _, isTLS := transport.(*tls.Conn); !isTLS { // which does not go on after a write that was broken off
		w.writing.set = transport.SetWriteDeadline
	}
	return w
}

// readLine gives the next line without its end; the bytes are good until the next call. It can be called again where the
// line did not come in time.
func (w *wire) readLine() ([]byte, error) {
	for {
		bytes, err := w.reader.ReadSlice('\n')
		if err == nil && len(w.part) == 0 {
			return bytes[:len(bytes)-1], nil
		}
		if w.part = append(w.part, bytes...); len(w.part) > longestAnswer {
			return nil, errors.New("the server's line is too long")
		}
		if err == nil {
			line := w.part
			w.part = nil
			return line[:len(line)-1], nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

const (
	shortestMoment = 5 * time.Millisecond
	longestMoment  = 25 * time.Millisecond
)

// moment is the time that a caller itself may spend in one direction. Its end is moved only now and then: that costs more
// than the rest of a call.
type moment struct {
	set func(time.Time) error // nil where it cannot be
	end time.Time
}

// begin says whether there is such a moment.
func (m *moment) begin() bool {
	if m.set == nil {
		return false
	}
	now := time.Now()
	if m.end.Sub(now) >= shortestMoment {
		return true
	}
	end := now.Add(longestMoment)
	if m.set(end) != nil {
		return false
	}
	m.end = end
	return true
}

// forget takes the end away, for a goroutine that has all the time.
func (m *moment) forget() {
	m.end = time.Time{}
	_ = m.set(m.end) // what cannot be set has no end
}
