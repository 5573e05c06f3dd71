package dues

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"os/exec"
	"syscall"
	"time"
)

// transport is the two directions of a connection. Both are closed when the context is over that they were made with.
type transport struct {
	reader
	writer
	closeWrite func() error // tells the server that nothing more comes
	reap       func()       // waits for the end of what was spawned
}

type reader interface {
	io.Reader
	SetReadDeadline(time.Time) error
}

type writer interface {
	io.Writer
	SetWriteDeadline(time.Time) error
}

func dial(ctx context.Context, o *Options) (*transport, error) {
	switch {
	case o.Stdio != nil:
		return openPipes(ctx, o.Stdio)
	case o.Serve != nil:
		return launch(ctx, o.Serve)
	case o.Unix != "":
		return dialSocket(ctx, "unix", o.Unix, nil)
	default:
		return dialSocket(ctx, "tcp", o.Address, o.TLS)
	}
}

func dialSocket(ctx context.Context, network, address string, config *tls.Config) (*transport, error) {
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
	go closeAfter(ctx, socket)
	half := socket.(interface{ CloseWrite() error }) // as TCP, Unix and TLS have it
	return &transport{socket, socket, half.CloseWrite, func() {}}, nil
}

func closeAfter(ctx context.Context, closers ...io.Closer) {
	<-ctx.Done()
	for _, closer := range closers {
		_ = closer.Close()
	}
}

// openPipes spawns a server to speak to over its standard streams. It ends when its input does.
func openPipes(ctx context.Context, template *exec.Cmd) (*transport, error) {
	command, input, output, err := spawn(ctx, template)
	if err != nil {
		return nil, err
	}
	return &transport{output.(reader), input.(writer), input.Close, func() { reap(command) }}, nil
}

// launch spawns a server and dials the address in the line that it writes first.
func launch(ctx context.Context, template *exec.Cmd) (*transport, error) {
	command, _, output, err := spawn(ctx, template)
	if err != nil {
		return nil, err
	}
	terminate := func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		reap(command)
	}
	var handshake struct{ TCP string }
	var t *transport
	if err = json.NewDecoder(io.LimitReader(output, 1<<16)).Decode(&handshake); err == nil {
		t, err = dialSocket(ctx, "tcp", handshake.TCP, nil)
	}
	if err != nil {
		terminate()
		return nil, err
	}
	t.reap = terminate
	return t, nil
}

// spawn starts a copy of template.
func spawn(ctx context.Context, template *exec.Cmd) (*exec.Cmd, io.WriteCloser, io.ReadCloser, error) {
	command := &exec.Cmd{
		Path: template.Path, Args: template.Args, Env: template.Env, Dir: template.Dir, Stderr: template.Stderr,
		SysProcAttr: template.SysProcAttr, Err: template.Err,
	}
	input, err := command.StdinPipe()
	if err != nil {
		return nil, nil, nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, nil, nil, err
	}
	if err := command.Start(); err != nil {
		return nil, nil, nil, err
	}
	go closeAfter(ctx, input, output)
	return command, input, output, nil
}

// reap waits for the end of a server that was told to end, and makes it come.
func reap(command *exec.Cmd) {
	timer := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
	defer timer.Stop()
	_ = command.Wait() // how it ended is no matter of ours
}
