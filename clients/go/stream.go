package dues

import "context"

// Stream is a call that is answered with values before its result:
//
//	for stream.Next() {
//		use(stream.Value())
//	}
//	if err := stream.Err(); err != nil { … }
//
// A stream that is not read to its end is to be closed. It is for one goroutine at a time; its context's cancellation
// ends it from anywhere.
type Stream[V, R any] struct {
	call   *call // nil when it is over
	value  *V
	result *R
	err    error
}

func newStream[V, R any](
	ctx context.Context, c *Client, method string, params any, options []CallOption,
) *Stream[V, R] {
	call, err := c.begin(ctx, method, params, options)
	if err == nil {
		call.begin()   // at once, so that nothing is missed between here and the first Next
		c.calls.Done() // from here on it may be told that nothing more comes
	}
	return &Stream[V, R]{call: call, err: err}
}

// Next waits for the next value, and says whether there is one. A stream that was lost goes on behind its last value.
func (s *Stream[V, R]) Next() bool {
	s.value = nil
	if s.call == nil {
		return false
	}
	switch m := s.call.next(); {
	case m.Error != nil:
		s.err = m.Error
	case m.isValue():
		s.value, s.err = decode[V](m.Params.Value)
	default:
		s.result, s.err = decode[R](m.Result)
	}
	if s.value == nil {
		s.Close()
	}
	return s.value != nil
}

// Value is what Next has found; nil where it found none.
func (s *Stream[V, R]) Value() *V { return s.value }

// Result is the call's result, once there is no next value; nil where the stream failed or was closed before.
func (s *Stream[V, R]) Result() *R { return s.result }

// Err is why the stream failed; nil where it did not.
func (s *Stream[V, R]) Err() error { return s.err }

// Close leaves the stream, and cancels the call if it is not over.
func (s *Stream[V, R]) Close() error {
	if s.call != nil {
		s.call.end()
		s.call = nil
	}
	return nil
}
