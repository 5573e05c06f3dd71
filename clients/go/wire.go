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
	canHurry  bool // whether a write that was broken off can go on
	reading   moment
	writing   moment
	reader    *bufio.Reader
	part      []byte // of a line whose rest has not come
}

func newWire(transport transport) *wire {
	_, isTLS := transport.(*tls.Conn)
	return &wire{
		transport: transport, canHurry: !isTLS, reader: bufio.NewReaderSize(transport, 1<<16),
		reading: moment{set: transport.SetReadDeadline}, writing: moment{set: transport.SetWriteDeadline},
	}
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
	set func(time.Time) error
	end time.Time
}

func (m *moment) begin() {
	if now := time.Now(); m.end.Sub(now) < shortestMoment {
		m.end = now.Add(longestMoment)
		_ = m.set(m.end)
	}
}

func (m *moment) forget() {
	m.end = time.Time{}
	_ = m.set(m.end)
}
