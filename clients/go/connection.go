package dues

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	longestAnswer = 64 << 20              // bytes of a line of the server's
	patience      = 10 * time.Second      // with a connection that is being made, and with what is to end
	moment        = 25 * time.Millisecond // that a caller itself reads or writes, before it leaves that to a goroutine
	idleTime      = time.Second           // after which a goroutine looks whether the server has gone
)

// connection carries calls to the server and pairs the answers with them. Where nobody reads, whoever waits for an
// answer does, for a moment: that saves handing it from one goroutine to another, which costs more than the rest of a
// call.
type connection struct {
	ctx    context.Context // over when the connection is lost
	end    context.CancelFunc
	turn   chan struct{} // to write, for whoever takes what is in it, once hello is answered or the connection is lost
	gone   chan struct{} // closed when all is released
	lastID atomic.Int64
	lines  *bufio.Reader
	part   []byte // of a line whose rest has not come
	*transport
	reading sync.Mutex // held by who reads

	mutex sync.Mutex // guards what follows
	err   *Error     // why it is lost
	calls map[int64]chan<- *message
}

// message is a line of the server's, or an error that the client itself answers a call with.
type message struct {
	ID     *int64
	Method string
	Params struct {
		ID    int64
		Value json.RawMessage
	}
	Result json.RawMessage
	Error  *Error
}

func (m *message) isValue() bool { return m.Method == "rpc.stream" }

// connect begins to make a connection, as soon as the last one is gone.
func connect(o *Options, last *connection) *connection {
	k := &connection{turn: make(chan struct{}, 1), gone: make(chan struct{}), calls: map[int64]chan<- *message{}}
	k.reading.Lock()
	k.ctx, k.end = context.WithCancel(context.Background())
	go k.run(o, last)
	return k
}

func (k *connection) run(o *Options, last *connection) {
	defer close(k.gone)
	if last != nil {
		<-last.gone
	}
	impatient := time.AfterFunc(patience, func() { k.lose(connectionLost(os.ErrDeadlineExceeded)) })
	var err error
	if k.transport, err = dial(k.ctx, o); err != nil {
		k.lose(connectionLost(err))
	} else {
		defer k.reap()
		k.lines = bufio.NewReaderSize(k, 1<<16)
		k.hello(o.Token)
	}
	impatient.Stop()
	k.turn <- struct{}{}
	for k.ctx.Err() == nil { // that the server has gone shall not first be noticed by the next call
		select {
		case <-time.After(idleTime):
		case <-k.ctx.Done():
		}
		k.reading.Lock()
		k.readOn()
	}
}

func (k *connection) hello(token Secret) {
	params := HelloParams{Client: "dues-go/" + version, Protocol: Int64(protocolVersion)}
	if token != "" {
		params.Authorization = "Bearer " + token
	}
	id, answers := k.lastID.Add(1), make(chan *message, 1)
	if k.enter(id, answers) {
		if _, err := k.Write(request(id, "rpc.hello", params)); err != nil {
			k.lose(connectionLost(err))
		}
		k.readOn()
	}
	if m := <-answers; m.Error != nil {
		k.lose(m.Error)
	}
}

// request is the line of a call. Its params have been JSON before, or are strings and numbers, and cannot fail.
func request(id int64, method string, params any) []byte {
	line, _ := json.Marshal(struct {
		Version string `json:"jsonrpc"`
		ID      int64  `json:"id,omitempty"`
		Method  string `json:"method"`
		Params  any    `json:"params"`
	}{"2.0", id, method, params})
	return append(line, '\n')
}

// lose ends the connection, and all that is in flight.
func (k *connection) lose(err *Error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.err == nil {
		k.err = err
		for _, answers := range k.calls {
			answers <- &message{Error: err}
		}
		k.calls = nil
		k.end()
	}
}

// enter makes a call known, so that it is answered whatever happens; false if it is already.
func (k *connection) enter(id int64, answers chan<- *message) bool {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.err != nil {
		answers <- &message{Error: k.err}
		return false
	}
	k.calls[id] = answers
	return true
}

// leave cancels a call, if it is not over.
func (k *connection) leave(id int64) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.calls[id] != nil {
		delete(k.calls, id)
		go k.cancel(id)
	}
}

// cancel tells the server that nobody waits for the call any more.
func (k *connection) cancel(id int64) {
	<-k.turn
	k.send(request(0, "rpc.cancel", map[string]int64{"id": id}))
}

// send begins to write a line. It is the caller's turn, which ends when the line is written.
func (k *connection) send(line []byte) {
	if _, isTLS := k.writer.(*tls.Conn); isTLS { // which does not go on after a write that was broken off
		go k.write(line)
	} else {
		_ = k.SetWriteDeadline(time.Now().Add(moment))
		k.write(line)
	}
}

// write writes a line, and leaves to a goroutine what takes longer than a moment.
func (k *connection) write(line []byte) {
	count, err := k.Write(line)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = k.SetWriteDeadline(time.Time{})
		go k.write(line[count:])
		return
	}
	if err != nil {
		k.lose(connectionLost(err))
	}
	k.turn <- struct{}{}
}

// lead reads, if nobody does, until there is an answer or the moment is over.
func (k *connection) lead(answers <-chan *message) {
	if len(answers) > 0 || !k.reading.TryLock() {
		return
	}
	_ = k.SetReadDeadline(time.Now().Add(moment))
	for len(answers) == 0 && k.readLine() {
	}
	if !k.isDone() {
		go k.readOn()
	}
}

// readOn reads until no answer is awaited. It is the caller who reads.
func (k *connection) readOn() {
	_ = k.SetReadDeadline(time.Time{})
	for isDone := false; !isDone; isDone = k.isDone() {
		k.readLine()
	}
}

// isDone ends the reading if no answer is awaited.
func (k *connection) isDone() bool {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if len(k.calls) > 0 {
		return false
	}
	k.reading.Unlock()
	return true
}

// readLine takes in a line; false if it did not come in time, or the connection is lost.
func (k *connection) readLine() bool {
	part, err := k.lines.ReadSlice('\n')
	k.part = append(k.part, part...)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false
	case err == bufio.ErrBufferFull && len(k.part) < longestAnswer:
		return true
	case err == nil:
		m := &message{}
		if json.Unmarshal(k.part, m) == nil || json.Valid(k.part) {
			k.deliver(m)
			k.part = k.part[:0]
			return true
		}
		err = errors.New("the server's line is not JSON")
	}
	k.lose(connectionLost(err))
	return false
}

// deliver gives a message to the call that it belongs to. Whoever is too slow for a stream is taken off it.
func (k *connection) deliver(m *message) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	var id int64
	switch {
	case m.isValue():
		id = m.Params.ID
	case m.Method != "":
	case m.ID != nil:
		id = *m.ID
	case m.Error != nil && len(k.calls) == 1: // a line whose id the server did not understand
		for id = range k.calls {
		}
	}
	answers := k.calls[id]
	switch {
	case answers == nil || m.isValue() && cap(answers) == 1: // nobody waits for it
		return
	case !m.isValue():
		delete(k.calls, id)
	case len(answers) == mostValues:
		m = &message{Error: errOverflow}
		delete(k.calls, id)
		go k.cancel(id)
	}
	answers <- m
}

// finish tells the server that nothing more comes, at which it ends its streams and then the connection.
func (k *connection) finish() {
	<-k.turn
	if k.ctx.Err() == nil {
		_ = k.closeWrite()
	}
	for k.ctx.Err() == nil {
		k.reading.Lock()
		k.readOn()
	}
	k.turn <- struct{}{}
}
