package dues

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"time"
)

const (
	longestCall  = 1 << 20          // bytes of a line, as the server takes it
	mostValues   = 256              // of a stream that wait for their reader
	silence      = 90 * time.Second // after which a call without a deadline is given up
	grace        = time.Second      // how much longer than the server the client waits for a deadline
	longestPause = 5 * time.Second  // between attempts, where the server asks for none
	longestTold  = 600_000          // milliseconds until a deadline, as the server takes them
)

// call is one call, in all its attempts.
type call struct {
	client   *Client
	ctx      context.Context
	stop     context.CancelFunc // of ctx, once it ends with the call's time: see await
	limit    time.Time          // when the call's time is over; zero for never
	isTimed  bool               // whether the server is told
	method   string
	params   json.RawMessage
	meta     CallMetadata
	hasMeta  bool // params have a _meta of their own, which stands for all of meta
	isSafe   bool // to repeat
	attempts int  // in a row without a value

	// The attempt that is made; answers, which has room for all that may come, is nil where there is none.
	connection *connection
	id         int64
	answers    chan *message
}

func newCall(ctx context.Context, c *Client, method string, params any, options []CallOption) (*call, error) {
	encoded, err := json.Marshal(params)
	if string(encoded) == "null" {
		encoded = []byte("{}")
	}
	var given struct {
		Meta  json.RawMessage `json:"_meta"`
		After json.RawMessage `json:"after"`
	}
	if err == nil {
		err = json.Unmarshal(encoded, &given)
	}
	if err != nil {
		return nil, fmt.Errorf("dues: the params of %s: %w", method, err)
	}
	call := &call{client: c, ctx: ctx, method: method, params: encoded, hasMeta: given.Meta != nil}
	for _, option := range options {
		option(&call.meta)
	}
	if takesKey(method) && call.meta.IdempotencyKey == "" {
		var key [16]byte
		_, _ = rand.Read(key[:])
		call.meta.IdempotencyKey = hex.EncodeToString(key[:])
	}
	call.isSafe = isSafeToRepeat(method) || call.meta.IdempotencyKey != "" && !call.hasMeta
	call.limit, call.isTimed = ctx.Deadline()
	if streams(method) {
		call.isSafe = given.After != nil
	} else if !call.isTimed {
		call.limit = time.Now().Add(silence - grace)
	}
	return call, nil
}

// await takes what comes, unless the call's time is over before. Only who has to wait pays for a timer.
func await[T any](c *call, from <-chan T) (value T, isThere bool) {
	select {
	case value = <-from:
		return value, true
	default:
	}
	if c.stop == nil && !c.limit.IsZero() {
		c.ctx, c.stop = context.WithDeadline(c.ctx, c.limit)
	}
	select {
	case value = <-from:
		return value, true
	case <-c.ctx.Done():
		return value, false
	}
}

// next gives what comes next: a value, the result, or the error that stands when no attempt is left.
func (c *call) next() *message {
	for {
		m := c.receive()
		if m.isValue() {
			c.taken(m.Params.Value)
		}
		if m.Error == nil {
			return m
		}
		if err := c.again(m.Error); err != nil {
			return &message{Error: err}
		}
	}
}

// receive gives what comes next in this attempt, which is begun if it was not yet.
func (c *call) receive() *message {
	if c.answers == nil {
		if c.ctx.Err() != nil {
			return &message{Error: gaveUp(c.ctx)}
		}
		c.begin()
	}
	c.connection.lead(c.answers)
	if m, isThere := await(c, c.answers); isThere {
		return m
	}
	if errors.Is(c.ctx.Err(), context.DeadlineExceeded) { // on which the server may still say a word
		select {
		case m := <-c.answers:
			return m
		case <-time.After(grace):
		}
	}
	return &message{Error: gaveUp(c.ctx)}
}

// begin sends the call, when it is its turn. What prevents it is the answer.
func (c *call) begin() {
	c.answers = make(chan *message, 1)
	if streams(c.method) {
		c.answers = make(chan *message, mostValues+1)
	}
	c.connection = c.client.connected()
	c.id = c.connection.lastID.Add(1)
	if _, isTurn := await(c, c.connection.turn); !isTurn {
		return
	}
	params := c.params
	if left := time.Until(c.limit).Milliseconds(); c.isTimed && left > 0 && left <= longestTold {
		c.meta.TimeoutMilliseconds = &left
	}
	if !c.hasMeta && c.meta != (CallMetadata{}) {
		params = with(params, "_meta", c.meta)
	}
	switch line := request(c.id, c.method, params); {
	case len(line) > longestCall:
		c.answers <- &message{Error: lineTooLong(len(line))}
	case c.connection.enter(c.id, c.answers):
		c.connection.send(line)
		return
	}
	c.connection.turn <- struct{}{}
}

// with gives object with a member more, or another value of it.
func with(object json.RawMessage, name string, value any) json.RawMessage {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(object, &members)
	members[name], _ = json.Marshal(value)
	object, _ = json.Marshal(members)
	return object
}

// taken notes the place of a stream's value, behind which it may be asked for again.
func (c *call) taken(value json.RawMessage) {
	var place struct{ Seq json.RawMessage }
	if json.Unmarshal(value, &place) == nil && place.Seq != nil && streams(c.method) {
		c.params, c.isSafe = with(c.params, "after", place.Seq), true
	}
	c.attempts = 0
}

// again waits until the call may be made again after err, and gives the error that stands if it may not.
func (c *call) again(err *Error) *Error {
	if !c.isSafe || !err.Retryable || err.Reason == ReasonNoAnswer {
		return err
	}
	c.answers = nil
	if err == errOverflow {
		return nil
	}
	if c.attempts >= c.client.options().Retries {
		return err
	}
	pause := err.RetryAfter()
	if pause == 0 {
		pause = randomPause(c.attempts)
	}
	c.attempts++
	if !c.limit.IsZero() && time.Until(c.limit) < pause {
		return err
	}
	if _, isOver := await(c, time.After(pause)); !isOver {
		return gaveUp(c.ctx)
	}
	return nil
}

func randomPause(attempt int) time.Duration {
	most := longestPause
	if attempt < 6 { // 2^6 times 100 ms are more than 5 s
		most = 100 * time.Millisecond << attempt
	}
	part, _ := rand.Int(rand.Reader, big.NewInt(int64(most)))
	return time.Duration(part.Int64())
}

// end cancels the call at the server, if it is not over.
func (c *call) end() {
	if c.stop != nil {
		c.stop()
	}
	if c.answers != nil {
		c.connection.leave(c.id)
	}
}
