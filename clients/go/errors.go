package dues

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// The reasons of errors that the client itself makes; CALLER_CANCELLED is the third.
const (
	// UNAVAILABLE: the connection was lost, or could not be made. Whether the call had its effect is not known.
	ReasonConnectionLost = "CONNECTION_LOST"

	// DEADLINE_EXCEEDED: the server was silent a second past the deadline.
	ReasonNoAnswer = "NO_ANSWER"
)

// Error is how calls fail, whether the server says so or the client itself. Errors of the client's own wrap what they
// come from, so that errors.Is tells context.Canceled and context.DeadlineExceeded. As JSON it is what the wire has.
type Error struct {
	// Code is JSON-RPC's: -32000 less gRPC's number of the status, where JSON-RPC has none of its own.
	Code int64 `json:"code"`

	// Message is a sentence for a person.
	Message string `json:"message"`

	ErrorData `json:"data"`

	cause error
}

func (e *Error) Error() string {
	return fmt.Sprintf("dues: %s %s: %s", e.Status, e.Reason, e.Message)
}

// Unwrap gives what an error of the client's own comes from.
func (e *Error) Unwrap() error { return e.cause }

// RetryAfter is how long to wait before the call is made again; 0 where the server does not know.
func (e *Error) RetryAfter() time.Duration {
	if e.RetryAfterMilliseconds == nil {
		return 0
	}
	return time.Duration(*e.RetryAfterMilliseconds) * time.Millisecond
}

func connectionLost(cause error) *Error {
	return &Error{-32014, fmt.Sprintf("The connection is lost: %v.", cause),
		ErrorData{Status: "UNAVAILABLE", Reason: ReasonConnectionLost, Retryable: true}, cause}
}

// gaveUp is the error of a call whose context is over.
func gaveUp(ctx context.Context) *Error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Error{-32004, "The server did not answer in time.",
			ErrorData{Status: "DEADLINE_EXCEEDED", Reason: ReasonNoAnswer, Retryable: true}, ctx.Err()}
	}
	return &Error{-32001, "The caller cancelled the call.",
		ErrorData{Status: "CANCELLED", Reason: ReasonCallerCancelled}, ctx.Err()}
}

func lineTooLong(length int) *Error {
	return &Error{-32600, fmt.Sprintf("The call is %d bytes long; a line may have %d.", length, longestCall),
		ErrorData{Status: "RESOURCE_EXHAUSTED", Reason: ReasonLineTooLong}, nil}
}

// errOverflow ends an attempt at a stream whose values wait for their reader; it is made again when they are taken.
var errOverflow = &Error{-32008, "The values wait for their reader.",
	ErrorData{Status: "RESOURCE_EXHAUSTED", Retryable: true}, nil}

// errClosed is why nothing is called through a client that is closed.
var errClosed = fmt.Errorf("the client is closed: %w", net.ErrClosed)
