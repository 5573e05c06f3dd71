package dues

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Stream is a call that is answered with values before its result:
//
//	for stream.Next() {
//		use(stream.Value())
//	}
//	if err := stream.Err(); err != nil { … }
//
// A stream that is not read to its end is to be closed. It is for one goroutine at a time; its context's cancellation ends
// it from anywhere.
type Stream[V, R any] struct {
	client   *Client
	call     *call
	exchange *exchange
	failure  error  // why there is no exchange
	attempts int    // in a row without a value
	after    *int64 // the place of the last value that was taken
	value    *V
	result   *R
	err      error
	isOver   bool
}

func newStream[V, R any](ctx context.Context, c *Client, method string, params any, options []CallOption) *Stream[V, R] {
	s := &Stream[V, R]{client: c}
	if !c.enter(&c.calls, &c.streams) {
		s.isOver, s.err = true, connectionLost(errClosed)
		return s
	}
	defer c.calls.Done() // from here on it may be told that nothing more comes
	if s.call, s.err = newCall(ctx, method, params, options); s.err != nil {
		s.finish(s.err)
		return s
	}
	// Begun at once, so that nothing is missed between here and the first Next.
	s.exchange, s.failure = c.begin(s.call, true)
	return s
}

// Next waits for the next value, and says whether there is one. A stream that was lost goes on behind its last value.
func (s *Stream[V, R]) Next() bool {
	s.value = nil
	for !s.isOver {
		message, err := s.take()
		switch {
		case err != nil:
			if err = s.resume(err); err != nil {
				s.finish(err)
			}
		case message.Method == "":
			s.result, err = decode[R](message.Result)
			s.finish(err)
		default:
			if s.value, err = s.open(message.Params.Value); err == nil {
				return true
			}
			s.finish(err)
		}
	}
	return false
}

// Value is what Next has found; nil where it found none.
func (s *Stream[V, R]) Value() *V { return s.value }

// Result is the call's result, once there is no next value; nil where the stream failed or was closed before.
func (s *Stream[V, R]) Result() *R { return s.result }

// Err is why the stream failed; nil where it did not.
func (s *Stream[V, R]) Err() error { return s.err }

// Close leaves the stream, and cancels the call if it is not over.
func (s *Stream[V, R]) Close() error {
	if !s.isOver {
		s.finish(nil)
	}
	return nil
}

// take gives the next message of the stream, on whatever connection it comes.
func (s *Stream[V, R]) take() (message, error) {
	if s.exchange == nil && s.failure == nil {
		s.exchange, s.failure = s.client.begin(s.call, true)
	}
	if err := s.failure; err != nil {
		s.failure = nil
		return message{}, err
	}
	message, err := s.exchange.receive(s.call)
	if err != nil {
		return message, err
	}
	return message, message.err()
}

// open gives a value its type, and takes note of its place.
func (s *Stream[V, R]) open(raw json.RawMessage) (*V, error) {
	value, err := decode[V](raw)
	if err != nil {
		return nil, err
	}
	var place struct{ Seq *int64 }
	if json.Unmarshal(raw, &place) == nil && place.Seq != nil {
		s.after = place.Seq
	}
	s.attempts = 0
	return value, nil
}

// resume makes the call ready to be made again after err, behind the last value; it gives the error that stands if it is not.
func (s *Stream[V, R]) resume(err error) error {
	var params map[string]json.RawMessage
	if json.Unmarshal(s.call.params, &params) != nil || s.after == nil && params["after"] == nil {
		return err
	}
	if !errors.Is(err, errOverflow) {
		if err := s.call.again(err, s.attempts, s.client.options().Retries); err != nil {
			return err
		}
		s.attempts++
	}
	if s.after != nil {
		params["after"] = json.RawMessage(fmt.Sprint(*s.after))
	}
	s.exchange = nil
	return s.call.encode(params)
}

// finish ends the stream, and leaves its call if that is not over.
func (s *Stream[V, R]) finish(err error) {
	s.isOver, s.err = true, err
	if s.exchange != nil {
		s.exchange.leave()
	}
	if s.call != nil {
		s.call.end()
	}
	s.client.streams.Done()
}
