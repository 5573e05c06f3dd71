// Command conformance is a JSON-RPC server on standard streams, which makes each call that comes in by the client, and
// answers what the client says: for the tests that every client is held to.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"reflect"
	"sync"
	"time"

	"dues"
)

func main() {
	tcp := flag.String("tcp", "", "dial `HOST:PORT`")
	authorities := flag.String("tls-ca", "", "trust the authorities of `FILE`, and speak TLS")
	unix := flag.String("unix", "", "dial the socket at `PATH`")
	stdio := flag.String("stdio", "", "spawn `COMMAND`, and speak to its standard streams")
	serve := flag.String("serve", "", "spawn `COMMAND`, and dial what it says")
	token := flag.String("token", "", "`TOKEN` for the server")
	retries := flag.Int("retries", 0, "make a call again `N` times")
	flag.Parse()

	options := dues.Options{Address: *tcp, Unix: *unix, Token: dues.Secret(*token), Retries: *retries}
	if *retries == 0 {
		options.Retries = -1
	}
	if *stdio != "" {
		options.Stdio = command(*stdio)
	}
	if *serve != "" {
		options.Serve = command(*serve)
	}
	if *authorities != "" {
		pem, err := os.ReadFile(*authorities)
		if err != nil {
			log.Fatal(err)
		}
		options.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
		options.TLS.RootCAs.AppendCertsFromPEM(pem)
	}
	d := &driver{client: dues.New(options), cancels: map[string]context.CancelFunc{}}
	d.run()
}

func command(line string) *exec.Cmd {
	command := exec.Command("/bin/sh", "-c", "exec "+line)
	command.Stderr = os.Stderr
	return command
}

type driver struct {
	client *dues.Client

	mutex   sync.Mutex // guards what follows, and keeps the lines of the output whole
	cancels map[string]context.CancelFunc
}

// request is a line that comes in.
type request struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`

	settle func() // to be called when the client may be closed
}

// run serves until the input ends, and then until all is answered: a stream once its server hears that nothing more comes.
func (d *driver) run() {
	var unsettled, unanswered sync.WaitGroup
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			d.answer(json.RawMessage("null"), nil, err)
			continue
		}
		if r.Method == "rpc.cancel" {
			d.cancel(r.Params)
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		d.mutex.Lock()
		d.cancels[string(r.ID)] = cancel
		d.mutex.Unlock()
		unsettled.Add(1)
		unanswered.Add(1)
		var once sync.Once
		r.settle = func() { once.Do(unsettled.Done) }
		go func() {
			defer unanswered.Done()
			defer r.settle()
			defer cancel()
			result, err := d.call(ctx, r)
			d.answer(r.ID, result, err)
		}()
	}
	unsettled.Wait()
	d.client.Close()
	unanswered.Wait()
}

func (d *driver) cancel(params json.RawMessage) {
	var given struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(params, &given) != nil {
		return
	}
	d.mutex.Lock()
	cancel := d.cancels[string(given.ID)]
	d.mutex.Unlock()
	if cancel != nil {
		cancel()
	}
}

// call makes the call, by the client's own method if there is one that can say it.
func (d *driver) call(ctx context.Context, r request) (any, error) {
	params, timeout, options, ok := options(r.Params)
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	if call := typed(r.Method); call != nil && ok {
		result, err := call(d, ctx, r, params, options)
		if !errors.Is(err, errInexpressible) {
			return result, err
		}
	}
	return d.client.Call(ctx, r.Method, params, options...)
}

// errInexpressible is why a call is made without types: they cannot say its params.
var errInexpressible = errors.New("the types cannot say this")

// handler makes a call by a method of the client's.
type handler func(d *driver, ctx context.Context, r request, params json.RawMessage, options []dues.CallOption) (any, error)

func unary[P, R any](method func(*dues.Client, context.Context, P, ...dues.CallOption) (R, error)) handler {
	return func(d *driver, ctx context.Context, r request, params json.RawMessage, options []dues.CallOption) (any, error) {
		given, err := express[P](params)
		if err != nil {
			return nil, err
		}
		return method(d.client, ctx, given, options...)
	}
}

func bare[R any](method func(*dues.Client, context.Context, ...dues.CallOption) (R, error)) handler {
	return func(d *driver, ctx context.Context, r request, params json.RawMessage, options []dues.CallOption) (any, error) {
		if _, err := express[struct{}](params); err != nil {
			return nil, err
		}
		return method(d.client, ctx, options...)
	}
}

func stream[P, V, R any](method func(*dues.Client, context.Context, P, ...dues.CallOption) *dues.Stream[V, R]) handler {
	return func(d *driver, ctx context.Context, r request, params json.RawMessage, options []dues.CallOption) (any, error) {
		given, err := express[P](params)
		if err != nil {
			return nil, err
		}
		values := method(d.client, ctx, given, options...)
		defer values.Close()
		r.settle()
		for seq := 1; values.Next(); seq++ {
			d.write(map[string]any{"jsonrpc": "2.0", "method": "rpc.stream", "params": map[string]any{
				"id": r.ID, "seq": seq, "value": values.Value(),
			}})
		}
		return values.Result(), values.Err()
	}
}

// express gives wire, an object, its type, if that says all of it and nothing more.
func express[T any](wire json.RawMessage) (value T, err error) {
	if json.Unmarshal(wire, &value) != nil {
		return value, errInexpressible
	}
	again, err := json.Marshal(value)
	if err == nil && !reflect.DeepEqual(exact(wire), exact(again)) {
		err = errInexpressible
	}
	return value, err
}

// exact is what text says, with its numbers as they are written.
func exact(text []byte) (value any) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return nil
	}
	return value
}

// meta is what the client's options can say.
type meta struct {
	TimeoutMs      int64       `json:"timeoutMs,omitempty"`
	IdempotencyKey string      `json:"idempotencyKey,omitempty"`
	Authorization  dues.Secret `json:"authorization,omitempty"`
	Traceparent    string      `json:"traceparent,omitempty"`
	Verbose        bool        `json:"verbose,omitempty"`
}

// options takes the _meta out of params and makes it a timeout and the client's options; false if they cannot say it.
func options(params json.RawMessage) (json.RawMessage, time.Duration, []dues.CallOption, bool) {
	if len(params) == 0 {
		params = json.RawMessage("{}")
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(params, &members) != nil || members == nil {
		return params, 0, nil, false
	}
	given, isThere := members["_meta"]
	if !isThere {
		return params, 0, nil, true
	}
	m, err := express[meta](given)
	if err != nil || m.TimeoutMs < 0 || m.TimeoutMs > 600_000 {
		return params, 0, nil, false
	}
	delete(members, "_meta")
	if params, err = json.Marshal(members); err != nil {
		return params, 0, nil, false
	}
	var options []dues.CallOption
	if m.IdempotencyKey != "" {
		options = append(options, dues.WithIdempotencyKey(m.IdempotencyKey))
	}
	if m.Authorization != "" {
		options = append(options, dues.WithAuthorization(m.Authorization))
	}
	if m.Traceparent != "" {
		options = append(options, dues.WithTraceparent(m.Traceparent))
	}
	if m.Verbose {
		options = append(options, dues.WithVerbose())
	}
	return params, time.Duration(m.TimeoutMs) * time.Millisecond, options, true
}

func (d *driver) answer(id json.RawMessage, result any, err error) {
	d.mutex.Lock()
	delete(d.cancels, string(id))
	d.mutex.Unlock()
	line := map[string]any{"jsonrpc": "2.0", "id": id}
	var failure *dues.Error
	switch {
	case errors.As(err, &failure):
		line["error"] = failure
	case err != nil:
		line["error"] = map[string]any{"code": -32603, "message": fmt.Sprintf("The driver fails: %v.", err)}
	default:
		line["result"] = result
	}
	d.write(line)
}

func (d *driver) write(message any) {
	line, err := json.Marshal(message)
	if err != nil {
		log.Fatal(err)
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if _, err := os.Stdout.Write(append(line, '\n')); err != nil {
		log.Fatal(err)
	}
}
