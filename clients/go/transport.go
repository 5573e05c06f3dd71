package dues

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// transport is the two directions of a connection. Close may wait, at most patience, for what was spawned.
type transport interface {
	io.ReadWriteCloser
	CloseWrite() error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// dial makes what the options say.
func (c *Client) dial(ctx context.Context) (transport, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	o := c.options()
	switch {
	case o.Stdio != nil:
		return openPipes(o.Stdio)
	case o.Serve != nil:
		if c.server != nil && c.server.hasExited() {
			c.server.reap()
			c.server = nil
		}
		if c.server == nil {
			server, err := launch(ctx, o.Serve)
			if err != nil {
				return nil, err
			}
			c.server = server
		}
		return dialSocket(ctx, "tcp", c.server.address, nil)
	case o.Unix != "":
		return dialSocket(ctx, "unix", o.Unix, nil)
	case o.Address != "":
		return dialSocket(ctx, "tcp", o.Address, o.TLS)
	default:
		return dialSocket(ctx, "tcp", "127.0.0.1:7171", o.TLS)
	}
}

func dialSocket(ctx context.Context, network, address string, config *tls.Config) (transport, error) {
	var dialer interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	} = &net.Dialer{}
	if config != nil {
		dialer = &tls.Dialer{Config: config}
	}
	socket, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return socket.(transport), nil // TCP, Unix and TLS can all close one direction
}

// process is a server that the client has spawned.
type process struct {
	command *exec.Cmd
	output  *os.File
	exited  chan struct{}
	address string // where it listens, if it is to be dialled
}

// spawn starts a copy of template, whose standard output is to be read.
func spawn(template *exec.Cmd, input *os.File) (*process, error) {
	output, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	p := &process{output: output, exited: make(chan struct{}), command: &exec.Cmd{
		Path: template.Path, Args: template.Args, Env: template.Env, Dir: template.Dir, Stderr: template.Stderr,
		SysProcAttr: template.SysProcAttr, Err: template.Err, Stdout: theirs,
	}}
	if input != nil {
		p.command.Stdin = input
	}
	if err := p.command.Start(); err != nil {
		output.Close()
		return nil, err
	}
	go func() {
		_ = p.command.Wait() // how it ended is no matter of ours
		close(p.exited)
	}()
	return p, nil
}

func (p *process) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// reap waits for its end, which it was asked for, and makes it come.
func (p *process) reap() {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		_ = p.command.Process.Kill()
		<-p.exited
	}
	p.output.Close()
}

// end asks it to end.
func (p *process) end() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	p.reap()
}

// launch spawns a server and takes its address from the line that it writes first.
func launch(ctx context.Context, template *exec.Cmd) (*process, error) {
	p, err := spawn(template, nil)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	_ = p.output.SetReadDeadline(deadline)
	line, err := bufio.NewReaderSize(io.LimitReader(p.output, 1<<16), 1<<12).ReadBytes('\n')
	var handshake struct{ TCP string }
	if err == nil {
		err = json.Unmarshal(line, &handshake)
	}
	if err == nil && handshake.TCP == "" {
		err = errors.New("it listens on no TCP port")
	}
	if err != nil {
		p.end()
		return nil, fmt.Errorf("the server did not say where it listens: %w", err)
	}
	p.address = handshake.TCP
	return p, nil
}

// pipes is the transport to a server that the client has spawned, over its standard streams.
type pipes struct {
	*process
	input *os.File
	once  sync.Once
}

func openPipes(template *exec.Cmd) (transport, error) {
	theirs, input, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	process, err := spawn(template, theirs)
	if err != nil {
		input.Close()
		return nil, err
	}
	return &pipes{process: process, input: input}, nil
}

func (p *pipes) Read(bytes []byte) (int, error)  { return p.output.Read(bytes) }
func (p *pipes) Write(bytes []byte) (int, error) { return p.input.Write(bytes) }
func (p *pipes) CloseWrite() error               { return p.input.Close() }

func (p *pipes) SetReadDeadline(end time.Time) error  { return p.output.SetReadDeadline(end) }
func (p *pipes) SetWriteDeadline(end time.Time) error { return p.input.SetWriteDeadline(end) }

// Close ends the server's input, and so the server.
func (p *pipes) Close() error {
	p.once.Do(func() {
		_ = p.input.Close()
		go io.Copy(io.Discard, p.output) // lest it waits for somebody to read its last words
		p.reap()
	})
	return nil
}
