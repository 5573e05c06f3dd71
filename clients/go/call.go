package dues

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"time"
)

const (
	longestCall    = 1 << 20          // bytes of a line, as the server takes it
	longestTimeout = 10 * time.Minute // that the server takes
	silence        = 90 * time.Second // after which a call without a deadline is given up
	grace          = time.Second      // how much longer than the server the client waits for a deadline
	longestPause   = 5 * time.Second  // between attempts, where the server asks for none
)

// CallOption says something about one call. Its deadline is the context's.
type CallOption func(*metadata)

// metadata is a call's _meta on the wire.
type metadata struct {
	TimeoutMs      int64  `json:"timeoutMs,omitempty"`
	IdempotencyKey string `json:"idempotencyKey,omitempty"`
	Authorization  Secret `json:"authorization,omitempty"`
	Traceparent    string `json:"traceparent,omitempty"`
	Verbose        bool   `json:"verbose,omitempty"`
}

// WithIdempotencyKey makes a changing call give the answer of the first with this key and the same params, and change
// nothing more. Without it the client makes a key of its own for each changing call.
func WithIdempotencyKey(key string) CallOption {
	return func(m *metadata) { m.IdempotencyKey = key }
}

// WithTraceparent names the W3C trace context that the call belongs to.
func WithTraceparent(traceparent string) CallOption {
	return func(m *metadata) { m.Traceparent = traceparent }
}

// WithAuthorization gives the call an authorization of its own, "Bearer TOKEN".
func WithAuthorization(authorization Secret) CallOption {
	return func(m *metadata) { m.Authorization = authorization }
}

// WithVerbose asks what the server did; the result's Meta says it.
func WithVerbose() CallOption { return func(m *metadata) { m.Verbose = true } }

// call is one call, in all its attempts.
type call struct {
	ctx          context.Context
	method       string
	params       json.RawMessage
	hasMeta      bool // params have a _meta of their own
	meta         metadata
	isRepeatable bool
	limit        time.Time   // when its time is over; zero for never
	isLimitTold  bool        // whether the server is told of it
	timer        *time.Timer // when the client gives up; nil until it waits
}

func newCall(ctx context.Context, method string, params any, options []CallOption) (*call, error) {
	c := &call{ctx: ctx, method: method}
	if err := c.encode(params); err != nil {
		return nil, err
	}
	for _, option := range options {
		option(&c.meta)
	}
	if takesKey(method) && c.meta.IdempotencyKey == "" {
		c.meta.IdempotencyKey = newKey()
	}
	c.isRepeatable = isSafeToRepeat(method) || c.meta.IdempotencyKey != "" && !c.hasMeta
	if c.limit, c.isLimitTold = ctx.Deadline(); !c.isLimitTold && !streams(method) {
		c.limit = time.Now().Add(silence)
	}
	return c, nil
}

func newKey() string {
	var bytes [16]byte
	_, _ = rand.Read(bytes[:])
	return hex.EncodeToString(bytes[:])
}

func (c *call) encode(params any) error {
	c.params = json.RawMessage("{}")
	if params == nil {
		return nil
	}
	encoded, err := json.Marshal(params)
	if err == nil && encoded[0] != '{' {
		err = errors.New("they are no object")
	}
	if err != nil {
		return fmt.Errorf("dues: the params of %s: %w", c.method, err)
	}
	c.params = encoded
	if bytes.Contains(encoded, []byte(`"_meta":`)) {
		var given struct {
			Meta json.RawMessage `json:"_meta"`
		}
		c.hasMeta = json.Unmarshal(encoded, &given) == nil && given.Meta != nil
	}
	return nil
}

// line is the request with the number id.
func (c *call) line(id int64) ([]byte, error) {
	method, _ := json.Marshal(c.method) // a string cannot fail
	line := append(make([]byte, 0, len(c.params)+256), `{"jsonrpc":"2.0","id":`...)
	line = append(strconv.AppendInt(line, id, 10), `,"method":`...)
	line = append(append(line, method...), `,"params":`...)
	meta := c.meta
	if left := time.Until(c.limit); c.isLimitTold && left <= longestTimeout {
		if meta.TimeoutMs = left.Milliseconds(); meta.TimeoutMs < 1 {
			meta.TimeoutMs = 1
		}
	}
	if c.hasMeta || meta == (metadata{}) {
		line = append(line, c.params...)
	} else {
		encoded, _ := json.Marshal(meta) // strings and numbers cannot fail
		line = append(line, c.params[:len(c.params)-1]...)
		if len(c.params) > len("{}") {
			line = append(line, ',')
		}
		line = append(append(append(line, `"_meta":`...), encoded...), '}')
	}
	if line = append(line, "}\n"...); len(line) > longestCall {
		return nil, lineTooLong(len(line))
	}
	return line, nil
}

// gaveUp is the error of a call whose context is over; nil if it is not.
func (c *call) gaveUp() error {
	switch err := c.ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return noAnswer()
	default:
		return callerCancelled(err)
	}
}

// over tells when the call is given up; nil for never.
func (c *call) over() <-chan time.Time {
	if c.limit.IsZero() {
		return nil
	}
	if c.timer == nil {
		giveUp := c.limit
		if c.isLimitTold {
			giveUp = giveUp.Add(grace)
		}
		c.timer = time.NewTimer(time.Until(giveUp))
	}
	return c.timer.C
}

// end releases what the call holds.
func (c *call) end() {
	if c.timer != nil {
		c.timer.Stop()
	}
}

// receive takes what comes next, unless the call is given up before.
func receive[T any](c *call, from <-chan T) (value T, err error) {
	done, over := c.ctx.Done(), c.over()
	for {
		select {
		case value = <-from:
			return value, nil
		case <-done:
			if err := c.gaveUp(); !errors.Is(err, context.DeadlineExceeded) {
				return value, err
			}
			done = nil // what the server says to that has its time
		case <-over:
			return value, noAnswer()
		}
	}
}

// again waits until the call may be made again after err, and gives the error that stands if it may not.
func (c *call) again(err error, attempt, retries int) error {
	var failure *Error
	mayHelp := errors.As(err, &failure) && failure.Retryable && failure.Reason != ReasonNoAnswer
	if !mayHelp || !c.isRepeatable || attempt >= retries {
		return err
	}
	pause := failure.RetryAfter()
	if pause == 0 {
		pause = randomPause(attempt)
	}
	if !c.limit.IsZero() && time.Until(c.limit) < pause {
		return err
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	_, err = receive(c, timer.C)
	return err
}

func randomPause(attempt int) time.Duration {
	most := longestPause
	if attempt < 6 { // 2^6 times 100 ms are more than 5 s
		most = 100 * time.Millisecond << attempt
	}
	part, err := rand.Int(rand.Reader, big.NewInt(int64(most)))
	if err != nil {
		return most
	}
	return time.Duration(part.Int64())
}
