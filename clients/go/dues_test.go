package dues

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const accessAnswer = `{"allowed":true,"reason":"ACTIVE","status":"active","subscriptionId":null}`

// visit is a connection to a server that a test has written.
type visit struct {
	net.Conn
	lines  *bufio.Scanner
	number int
}

type asked struct {
	ID     int64
	Method string
	Params map[string]any
}

// next gives the next call; hello is answered. False when the client has gone.
func (v *visit) next() (call asked, ok bool) {
	for v.lines.Scan() {
		call = asked{}
		if json.Unmarshal(v.lines.Bytes(), &call) != nil {
			return call, false
		}
		if call.Method != "rpc.hello" {
			return call, true
		}
		v.answer(call, `{"server":"dues"}`)
	}
	return call, false
}

func (v *visit) answer(call asked, result string) {
	fmt.Fprintf(v, `{"jsonrpc":"2.0","id":%d,"result":%s}`+"\n", call.ID, result)
}

func (v *visit) value(call asked, seq int) {
	fmt.Fprintf(v, `{"jsonrpc":"2.0","method":"rpc.stream","params":{"id":%d,"seq":1,"value":{"seq":%d,`+
		`"created":"2026-04-16T00:00:02Z","object":{}}}}`+"\n", call.ID, seq)
}

// connected gives a client of a server that does what script says on every connection. All must be released at the end.
func connected(t *testing.T, retries int, script func(v *visit)) *Client {
	t.Helper()
	before := runtime.NumGoroutine()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for number := 0; ; number++ {
			socket, err := listener.Accept()
			if err != nil {
				return
			}
			lines := bufio.NewScanner(socket)
			lines.Buffer(nil, 2*longestCall)
			v := &visit{Conn: socket, lines: lines, number: number}
			go func() {
				defer socket.Close()
				script(v)
			}()
		}
	}()
	client := New(Options{Address: listener.Addr().String(), Retries: retries, Token: "tok_secret"})
	t.Cleanup(func() {
		client.Close()
		listener.Close()
		for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				stacks := make([]byte, 1<<16)
				t.Fatalf("goroutines are left:\n%s", stacks[:runtime.Stack(stacks, true)])
			}
		}
		if _, err := client.Health(context.Background()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a closed client says %v", err)
		}
	})
	return client
}

// answering answers every call at once.
func answering(v *visit) {
	for call, ok := v.next(); ok; call, ok = v.next() {
		v.answer(call, accessAnswer)
	}
}

// silent reads and says nothing.
func silent(v *visit) {
	for _, ok := v.next(); ok; _, ok = v.next() {
	}
}

func ask(ctx context.Context, client *Client) error {
	_, err := client.CheckAccess(ctx, CheckAccessParams{CustomerID: "cus_1", ProductID: "prod_1"})
	return err
}

func TestContextEndsCalls(t *testing.T) {
	client := connected(t, 2, silent)
	canceled, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	late, cancelLate := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancelLate()
	for _, c := range []struct {
		ctx    context.Context
		is     error
		reason string
		within time.Duration
	}{
		{canceled, context.Canceled, ReasonCallerCancelled, 300 * time.Millisecond},
		{canceled, context.Canceled, ReasonCallerCancelled, 100 * time.Millisecond},
		{late, context.DeadlineExceeded, ReasonNoAnswer, 1500 * time.Millisecond},
		{late, context.DeadlineExceeded, ReasonNoAnswer, 100 * time.Millisecond},
	} {
		begun := time.Now()
		err := ask(c.ctx, client)
		var failure *Error
		if !errors.Is(err, c.is) || !errors.As(err, &failure) || failure.Reason != c.reason {
			t.Errorf("%v is not %v", err, c.is)
		}
		if elapsed := time.Since(begun); elapsed > c.within {
			t.Errorf("%v came after %v", err, elapsed)
		}
	}
}

func TestManyCallersShareOneConnection(t *testing.T) {
	var visits atomic.Int64
	client := connected(t, -1, func(v *visit) {
		visits.Add(1)
		for call, ok := v.next(); ok; call, ok = v.next() {
			call := call
			answer := func() { v.answer(call, fmt.Sprintf(`{"productId":"%v"}`, call.Params["productId"])) }
			if call.ID%10 == 0 {
				time.AfterFunc(60*time.Millisecond, answer)
			} else {
				answer()
			}
		}
	})
	var callers sync.WaitGroup
	for caller := 0; caller < 20; caller++ {
		caller := caller
		callers.Add(1)
		go func() {
			defer callers.Done()
			for count := 0; count < 50; count++ {
				product := fmt.Sprintf("prod_%d_%d", caller, count)
				access, err := client.CheckAccess(context.Background(), CheckAccessParams{ProductID: product})
				if err != nil || *access.ProductID != product {
					t.Errorf("%s: %v, %v", product, access, err)
					return
				}
			}
		}()
	}
	callers.Wait()
	if visits.Load() != 1 {
		t.Errorf("%d connections", visits.Load())
	}
}

func TestServerThatDoesNotReadHoldsNobody(t *testing.T) {
	leave := make(chan struct{})
	client := connected(t, -1, func(v *visit) {
		v.next()
		<-leave
	})
	defer close(leave)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(context.Background())
	if time.AfterFunc(100*time.Millisecond, cancel); !errors.Is(ask(ctx, client), context.Canceled) {
		t.Error("the first call is not cancelled")
	}
	params := IngestWebhookParams{Payload: Secret(strings.Repeat("x", 1_000_000))}
	for count := 0; count < 30; count++ {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(10*time.Millisecond, cancel)
		begun := time.Now()
		_, err := client.IngestWebhook(ctx, params)
		if elapsed := time.Since(begun); !errors.Is(err, context.Canceled) || elapsed > 500*time.Millisecond {
			t.Errorf("call %d: %v after %v", count, err, elapsed)
		}
	}
	if count := runtime.NumGoroutine(); count > before+10 {
		t.Errorf("%d goroutines are more than before", count-before)
	}
}

func TestIdleConnectionThatIsLostIsNotUsed(t *testing.T) {
	client := connected(t, -1, func(v *visit) {
		call, _ := v.next()
		v.answer(call, accessAnswer)
		if v.number > 0 {
			silent(v)
		}
	})
	for count := 0; count < 2; count++ {
		if err := ask(context.Background(), client); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * idleTime / 2)
	}
}

func TestStreamOfSlowReaderIsAskedForAgain(t *testing.T) {
	const all = 3*mostValues + 7
	var begun, cancelled atomic.Int64
	client := connected(t, -1, func(v *visit) {
		for call, ok := v.next(); ok; call, ok = v.next() {
			if call.Method == "rpc.cancel" {
				cancelled.Add(1)
				continue
			}
			begun.Add(1)
			after, _ := call.Params["after"].(float64)
			for seq := int(after) + 1; seq <= all; seq++ {
				v.value(call, seq)
			}
			v.answer(call, fmt.Sprintf(`{"after":%d}`, all))
		}
	})
	stream := client.WatchEvents(context.Background(), WatchEventsParams{})
	defer stream.Close()
	time.Sleep(200 * time.Millisecond)
	taken := 0
	for stream.Next() {
		if taken++; stream.Value().Seq != int64(taken) {
			t.Fatalf("value %d has the place %d", taken, stream.Value().Seq)
		}
		if taken%mostValues == 1 {
			time.Sleep(200 * time.Millisecond)
		}
	}
	if stream.Err() != nil || taken != all || stream.Result().After != all {
		t.Errorf("%d values, %v, %v", taken, stream.Result(), stream.Err())
	}
	if begun.Load() < 2 || cancelled.Load() != begun.Load()-1 {
		t.Errorf("asked %d times, cancelled %d times", begun.Load(), cancelled.Load())
	}
}

func TestStreamGoesOnBehindItsLastValue(t *testing.T) {
	places := make(chan any, 10)
	client := connected(t, 2, func(v *visit) {
		call, ok := v.next()
		if !ok {
			return
		}
		places <- call.Params["after"]
		if v.number == 0 {
			v.value(call, 7)
		}
	})
	stream := client.WatchEvents(context.Background(), WatchEventsParams{After: Int64(0)})
	defer stream.Close()
	var seen []int64
	for stream.Next() {
		seen = append(seen, stream.Value().Seq)
	}
	asked := []any{<-places, <-places, <-places}
	if stream.Err() == nil || fmt.Sprint(seen, asked) != "[7] [0 7 7]" {
		t.Errorf("%v, asked after %v: %v", seen, asked, stream.Err())
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	client := connected(t, -1, func(v *visit) {
		for call, ok := v.next(); ok; call, ok = v.next() {
			v.answer(call, `{"subscriptionId":"sub_1","clientSecret":"pi_1_secret_2"}`)
		}
	})
	result, err := client.CreateSubscription(context.Background(), CreateSubscriptionParams{CustomerID: "cus_1"})
	if err != nil || *result.ClientSecret != "pi_1_secret_2" || !strings.Contains(string(result.Raw), "secret_2") {
		t.Fatal(result, err)
	}
	params := IngestWebhookParams{Payload: "a_secret_2", Signature: "a_secret_2"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{*result, result, *result.ClientSecret, result.Raw, params, Options{Token: "a_secret_2"}, New(Options{Token: "a_secret_2"})} {
			shown := fmt.Sprintf(verb, value)
			if strings.Contains(shown, "secret_2") || strings.Contains(shown, fmt.Sprintf("%x", "secret_2")) ||
				strings.Contains(shown, strings.Trim(fmt.Sprint([]byte("secret_2")), "[]")) {
				t.Errorf("%s shows %s", verb, shown)
			}
		}
	}
}

func TestCallThatIsTooLongIsNotSent(t *testing.T) {
	client := connected(t, 2, answering)
	_, err := client.Call(context.Background(), "CreateCustomer", map[string]string{"name": strings.Repeat("x", longestCall)})
	var failure *Error
	if !errors.As(err, &failure) || failure.Reason != ReasonLineTooLong {
		t.Error(err)
	}
	if _, err := client.Call(context.Background(), "CreateCustomer", []int{1}); err == nil {
		t.Error("an array is no params")
	}
	if err := ask(context.Background(), client); err != nil {
		t.Error(err)
	}
}
