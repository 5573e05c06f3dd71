// Package dues is a client for Dues, the subscription billing service: JSON-RPC 2.0 lines over TCP, TLS, a Unix socket
// or the standard streams of a server that it spawns.
package dues

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"os/exec"
	"sync"
)

const (
	version         = "1.0.0"
	protocolVersion = 1
)

// Options say where the server is and who calls. Of Stdio, Serve, Unix and Address the first that is given counts.
type Options struct {
	// Stdio is a server to spawn and to speak to over its standard streams: exec.Command("dues", "stdio", …). Path,
	// Args, Env, Dir, Stderr and SysProcAttr count; what is started is a copy, a new one for each connection.
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

// Client speaks to one server, over one connection at a time, which is made when the first call needs it. It may be
// used by any number of goroutines at once.
type Client struct {
	options func() *Options // a function, so that nothing that prints a client shows its token
	calls   sync.WaitGroup  // in flight, save those that only have to stream

	mutex      sync.Mutex // guards what follows
	connection *connection
	isClosed   bool // no call begins, and no connection
}

// New makes a client. It connects when the first call needs it.
func New(options Options) *Client {
	if options.Retries == 0 {
		options.Retries = 2
	}
	if options.Address == "" {
		options.Address = "127.0.0.1:7171"
	}
	return &Client{options: func() *Options { return &options }}
}

// Call calls any method by its name on the wire. Params are what JSON makes an object of, nil for none; a _meta among
// them stands for all options. Values that a method streams are passed over.
func (c *Client) Call(ctx context.Context, method string, params any, options ...CallOption) (json.RawMessage, error) {
	call, err := c.begin(ctx, method, params, options)
	if err != nil {
		return nil, err
	}
	defer c.calls.Done()
	defer call.end()
	m := call.next()
	for m.isValue() {
		m = call.next()
	}
	if m.Error != nil {
		return nil, m.Error
	}
	return m.Result, nil
}

// begin makes a call that counts as in flight, unless the client is closing.
func (c *Client) begin(ctx context.Context, method string, params any, options []CallOption) (*call, error) {
	call, err := newCall(ctx, c, method, params, options)
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.isClosed {
		return nil, connectionLost(errClosed)
	}
	c.calls.Add(1)
	return call, nil
}

// connected gives the connection, which is made if there is none.
func (c *Client) connected() *connection {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.connection == nil || c.connection.ctx.Err() != nil {
		c.connection = connect(c.options(), c.connection)
		if c.isClosed {
			c.connection.lose(connectionLost(errClosed))
		}
	}
	return c.connection
}

// Close takes no further calls, waits ten seconds at most for those in flight, ends the connection, and reaps the
// server if the client spawned it. Streams end with what there is, and their results.
func (c *Client) Close() error {
	patient, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c.mutex.Lock()
	c.isClosed = true
	c.mutex.Unlock()
	wait(patient, c.calls.Wait)
	c.mutex.Lock()
	connection := c.connection
	c.mutex.Unlock()
	if connection != nil {
		wait(patient, connection.finish)
		connection.lose(connectionLost(errClosed))
		<-connection.gone
	}
	return nil
}

// wait waits until what ends is over, or ctx.
func wait(ctx context.Context, ends func()) {
	done := make(chan struct{})
	go func() {
		ends()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
