package dues

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	longestUnsent = 8 << 20     // bytes that may wait for a server that does not read
	idleTime      = time.Second // after which a goroutine looks whether the server has gone
)

// connection carries calls to the server and pairs the answers with them.
type connection struct {
	ready chan struct{} // closed when hello is answered, or the connection is lost before
	stop  func()        // ends what makes it
	ended func()        // called once it holds nothing any more
	ids   atomic.Int64
	wire  *wire // nil until it is made

	mutex     sync.Mutex // guards what follows: a call is either ended by fail, or it does not begin
	err       error      // why it is lost
	exchanges map[int64]*exchange
	unsent    []byte
	isSending bool        // while anything is unsent, somebody writes
	isReading bool        // while answers are awaited, somebody reads
	isEnding  bool        // once all is sent, the server is told that nothing more comes
	idle      *time.Timer // calls watch
	watched   int64       // the last id when watch was called
}

// connect begins to make a connection.
func (c *Client) connect() *connection {
	ctx, stop := context.WithCancel(context.Background())
	k := &connection{ready: make(chan struct{}), stop: stop, ended: c.open.Done, exchanges: map[int64]*exchange{}}
	c.open.Add(1)
	go func() {
		defer close(k.ready)
		transport, err := c.dial(ctx)
		if err != nil {
			k.fail(connectionLost(err))
			k.ended()
		} else if !k.adopt(transport) {
			_ = transport.Close()
			k.ended()
		} else if err := k.hello(ctx, c.options().Token); err != nil {
			k.fail(err)
		}
	}()
	return k
}

// adopt gives the connection its transport, unless it was ended before.
func (k *connection) adopt(transport transport) bool {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.err != nil {
		return false
	}
	k.wire = newWire(transport)
	k.idle = time.AfterFunc(idleTime, k.watch)
	return true
}

func (k *connection) hello(ctx context.Context, token Secret) error {
	params := HelloParams{Client: "dues-go/" + version, Protocol: Int64(protocolVersion)}
	if token != "" {
		params.Authorization = "Bearer " + token
	}
	call, err := newCall(ctx, "rpc.hello", params, nil)
	if err != nil {
		return err
	}
	defer call.end()
	x, err := k.begin(call, false)
	if err != nil {
		return err
	}
	message, err := x.receive(call)
	if err != nil {
		return err
	}
	return message.err()
}

// fail ends the connection, and all that is in flight with err.
func (k *connection) fail(err error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.end(err)
}

func (k *connection) end(err error) {
	if k.err != nil {
		return
	}
	k.err = err
	k.stop()
	for id, x := range k.exchanges {
		delete(k.exchanges, id)
		x.messages <- message{lost: err}
	}
	if k.wire != nil {
		k.idle.Stop()
		go func() {
			_ = k.wire.transport.Close()
			k.ended()
		}()
	}
}

func (k *connection) isLost() bool {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.err != nil
}

// begin sends a call.
func (k *connection) begin(call *call, isStream bool) (*exchange, error) {
	x := &exchange{connection: k, id: k.ids.Add(1), isStream: isStream}
	line, err := call.line(x.id)
	if err != nil {
		return nil, err
	}
	room := 1
	if isStream {
		room += mostValues
	}
	x.messages = make(chan message, room)
	k.mutex.Lock()
	if err := k.err; err != nil {
		k.mutex.Unlock()
		return nil, err
	}
	k.exchanges[x.id] = x
	if isStream && !k.isReading {
		k.isReading = true
		go k.read()
	}
	k.mutex.Unlock()
	k.send(line)
	return x, nil
}

// cancel tells the server that nobody waits for the call any more.
func (k *connection) cancel(id int64) {
	line := strconv.AppendInt([]byte(`{"jsonrpc":"2.0","method":"rpc.cancel","params":{"id":`), id, 10)
	k.send(append(line, "}}\n"...))
}

// send writes a line behind those that wait. A server that does not read keeps nobody waiting for longer than a moment.
func (k *connection) send(line []byte) {
	k.mutex.Lock()
	k.unsent = append(k.unsent, line...)
	if len(k.unsent) > longestUnsent {
		k.end(connectionLost(errors.New("the server does not read")))
	}
	isWriter := !k.isSending
	k.isSending = true
	k.mutex.Unlock()
	switch {
	case !isWriter:
	case k.wire.writing.begin():
		k.write()
	default:
		go k.write()
	}
}

// write writes all that is unsent, and leaves to a goroutine what takes longer than a moment.
func (k *connection) write() {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	for len(k.unsent) > 0 && k.err == nil {
		lines := k.unsent
		k.unsent = nil
		k.mutex.Unlock()
		count, err := k.wire.transport.Write(lines)
		k.mutex.Lock()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			k.unsent = append(lines[count:], k.unsent...)
			k.wire.writing.forget()
			go k.write()
			return
		}
		if err != nil {
			k.end(connectionLost(err))
		}
	}
	k.isSending = false
	if k.isEnding && k.err == nil {
		_ = k.wire.transport.CloseWrite()
	}
}

// closeWrite tells the server that nothing more comes.
func (k *connection) closeWrite() {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.wire != nil && k.err == nil {
		k.isEnding = true
		if !k.isSending {
			k.isSending = true
			go k.write()
		}
	}
}

// read takes in lines as long as answers are awaited, but at least one.
func (k *connection) read() {
	k.wire.reading.forget()
	for k.readLine() {
		k.mutex.Lock()
		if len(k.exchanges) == 0 {
			k.isReading = false
			k.idle.Reset(idleTime)
			k.mutex.Unlock()
			return
		}
		k.mutex.Unlock()
	}
}

// watch begins to read a connection that was idle for a while, so that its end is not first noticed by the next call.
func (k *connection) watch() {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	last := k.ids.Load()
	switch {
	case k.err != nil:
	case last == k.watched && !k.isReading:
		k.isReading = true
		go k.read()
	default:
		k.watched = last
		k.idle.Reset(idleTime)
	}
}

// readLine takes in one line; false if it did not come in time, or the connection is lost.
func (k *connection) readLine() bool {
	line, err := k.wire.readLine()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	var message message
	if err == nil && len(line) > 0 {
		err = json.Unmarshal(line, &message)
	}
	var mismatch *json.UnmarshalTypeError
	if err != nil && !errors.As(err, &mismatch) { // JSON that has another form is not for us
		k.fail(connectionLost(err))
		return false
	}
	k.deliver(message)
	return true
}

// deliver gives a message to the exchange that it belongs to. Whoever is too slow for a stream is taken off it.
func (k *connection) deliver(message message) {
	k.mutex.Lock()
	x := k.recipient(&message)
	if x == nil {
		k.mutex.Unlock()
		return
	}
	isTooMuch := message.Method != "" && len(x.messages) >= mostValues
	if isTooMuch {
		message.lost = errOverflow
	}
	if isTooMuch || message.Method == "" {
		delete(k.exchanges, x.id)
	}
	x.messages <- message
	k.mutex.Unlock()
	if isTooMuch {
		k.cancel(x.id)
	}
}

// recipient is the exchange that message belongs to; nil if there is none any more.
func (k *connection) recipient(message *message) *exchange {
	switch {
	case message.Method == "rpc.stream":
		if x := k.exchanges[message.Params.ID]; x != nil && x.isStream {
			return x
		}
	case message.Method != "":
	case message.ID != nil:
		return k.exchanges[*message.ID]
	case message.Error != nil && len(k.exchanges) == 1: // a line whose id the server did not understand
		for _, x := range k.exchanges {
			return x
		}
	}
	return nil
}
