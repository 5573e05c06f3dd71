// Package dues is a client for Dues, the subscription billing service: JSON-RPC 2.0 lines over TCP, TLS, a Unix socket or
// the standard streams of a server that it spawns.
package dues

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

const (
	version         = "1.0.0"
	protocolVersion = 1
	patience        = 10 * time.Second // with a connection that is being made, and with what is to end
)

// Options say where the server is and who calls. Of Stdio, Serve, Unix and Address the first that is given counts.
type Options struct {
	// Stdio is a server to spawn and to speak to over its standard streams: exec.Command("dues", "stdio", …). Path, Args,
	// Env, Dir, Stderr and SysProcAttr count; what is started is a copy, so that a server that is lost can be replaced.
	Stdio *exec.Cmd

	// Serve is a server to spawn likewise, and to dial at the address in the line that it writes first:
	// exec.Command("dues", "serve", "--tcp", "127.0.0.1:0", …).
	Serve *exec.Cmd

	// Unix is the path of a Unix socket.
	Unix string

	// Address is HOST:PORT; 127.0.0.1:7171 unless given.
	Address string

	// TLS is used for Address where it is given.
	TLS *tls.Config

	// Token is what the server asks of its callers.
	Token Secret

	// Retries is how often a call is made again at most, where that is safe; 0 means 2, less than 0 never.
	Retries int
}

// Client speaks to one server, over one connection at a time, which is made when the first call needs it. It may be used by
// any number of goroutines at once.
type Client struct {
	options func() *Options // a function, so that nothing that prints a client shows its token
	calls   sync.WaitGroup  // in flight, save those that only have to stream
	streams sync.WaitGroup
	open    sync.WaitGroup // connections that hold something
	server  *process       // of options.Serve; touched by the one connection that is being made, and at the end

	mutex      sync.Mutex // guards what follows: a call has begun before Close looks, or it does not begin
	connection *connection
	isClosing  bool // no call begins
	isClosed   bool // no connection begins
}

// New makes a client. It connects when the first call needs it.
func New(options Options) *Client {
	if options.Retries == 0 {
		options.Retries = 2
	}
	return &Client{options: func() *Options { return &options }}
}

// Close takes no further calls, waits ten seconds at most for those in flight, ends the connection, and reaps the server if
// the client spawned it. Streams end with what there is, and their results.
func (c *Client) Close() error {
	c.mutex.Lock()
	c.isClosing = true
	c.mutex.Unlock()
	patient := time.NewTimer(patience)
	defer patient.Stop()
	isOver := !wait(&c.calls, patient.C)
	c.mutex.Lock()
	c.isClosed = true
	connection := c.connection
	c.mutex.Unlock()
	if connection != nil {
		// A server that hears no more ends its streams, with their results.
		if connection.closeWrite(); !isOver {
			wait(&c.streams, patient.C)
		}
		connection.fail(connectionLost(errClosed))
	}
	c.open.Wait()
	if c.server != nil {
		c.server.end()
	}
	return nil
}

// wait waits for group; false if the time is over before.
func wait(group *sync.WaitGroup, over <-chan time.Time) bool {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-over:
		return false
	}
}

// Call calls any method by its name on the wire. Params are what JSON makes an object of, nil for none; a _meta among them
// stands for all options. Values that a method streams are passed over.
func (c *Client) Call(ctx context.Context, method string, params any, options ...CallOption) (json.RawMessage, error) {
	if !c.enter(&c.calls) {
		return nil, connectionLost(errClosed)
	}
	defer c.calls.Done()
	call, err := newCall(ctx, method, params, options)
	if err != nil {
		return nil, err
	}
	defer call.end()
	for attempt := 0; ; attempt++ {
		result, err := c.attempt(call)
		if err == nil {
			return result, nil
		}
		if err := call.again(err, attempt, c.options().Retries); err != nil {
			return nil, err
		}
	}
}

func (c *Client) attempt(call *call) (json.RawMessage, error) {
	exchange, err := c.begin(call, false)
	if err != nil {
		return nil, err
	}
	message, err := exchange.receive(call)
	if err != nil {
		exchange.leave()
		return nil, err
	}
	return message.Result, message.err()
}

// begin sends a call on the connection, which is made if there is none.
func (c *Client) begin(call *call, isStream bool) (*exchange, error) {
	if err := call.gaveUp(); err != nil {
		return nil, err
	}
	c.mutex.Lock()
	if c.connection == nil || c.connection.isLost() {
		if c.isClosed {
			c.mutex.Unlock()
			return nil, connectionLost(errClosed)
		}
		c.connection = c.connect()
	}
	connection := c.connection
	c.mutex.Unlock()
	select {
	case <-connection.ready:
	default:
		if _, err := receive(call, connection.ready); err != nil {
			return nil, err
		}
	}
	return connection.begin(call, isStream)
}

// enter counts a call in groups, unless the client is closing.
func (c *Client) enter(groups ...*sync.WaitGroup) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.isClosing {
		return false
	}
	for _, group := range groups {
		group.Add(1)
	}
	return true
}

// invoke makes a call whose result has a type.
func invoke[R any](ctx context.Context, c *Client, method string, params any, options []CallOption) (*R, error) {
	raw, err := c.Call(ctx, method, params, options...)
	if err != nil {
		return nil, err
	}
	return decode[R](raw)
}

// decode makes an object with a type, which has Received in it, of what came.
func decode[T any](raw json.RawMessage) (*T, error) {
	value := new(T)
	if err := json.Unmarshal(raw, value); err != nil {
		return nil, fmt.Errorf("dues: what the server said is no %T: %w", *value, err)
	}
	any(value).(interface{ keep(json.RawMessage) }).keep(raw)
	return value, nil
}

// Received is what every result has, and every value of a stream.
type Received struct {
	// Raw is the whole object as it came, also what this client does not know.
	Raw Raw `json:"-"`

	// Meta is what the server did, where WithVerbose asked for it.
	Meta *ResultMetadata `json:"_meta,omitempty"`
}

func (r *Received) keep(raw json.RawMessage) { r.Raw = Raw(raw) }

// Raw is a JSON object as it came. It does not show when it is printed: it may hold secrets.
type Raw []byte

// Format shows nothing.
func (Raw) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "[raw]") }

// Secret is a string that does not show when it is printed. As JSON it is itself, and so is string(secret).
type Secret string

// Format shows nothing.
func (Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "[secret]") }

// String shows nothing.
func (Secret) String() string { return "[secret]" }

// Int64 gives a pointer to value, for params that may be left out.
func Int64(value int64) *int64 { return &value }

// Bool gives a pointer to value, for params that may be left out.
func Bool(value bool) *bool { return &value }
