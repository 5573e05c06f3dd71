package dues

import (
	"encoding/json"
	"errors"
)

// mostValues of a stream wait for their reader.
const mostValues = 256

// exchange is one attempt at a call: values if it streams, and then its end.
type exchange struct {
	connection *connection
	id         int64
	isStream   bool
	messages   chan message // has room for all that may come
}

// message is a line of the server's, or the end of an exchange that the connection makes itself.
type message struct {
	ID     *int64
	Method string
	Params struct {
		ID    int64
		Value json.RawMessage
	}
	Result json.RawMessage
	Error  json.RawMessage
	lost   error
}

// errOverflow ends the exchange of a stream whose reader is too slow.
var errOverflow = errors.New("dues: the values wait for their reader")

// err is why the exchange that message ends has failed, if it has.
func (m *message) err() error {
	if m.Error == nil {
		return m.lost
	}
	failure := &Error{ErrorData: ErrorData{Status: "UNKNOWN", Reason: ReasonUnspecified}}
	_ = json.Unmarshal(m.Error, failure) // what does not fit is left out
	return failure
}

// receive waits for the next message. Where nobody reads, the caller does for a moment, which saves handing the answer from
// one goroutine to another; an answer that takes longer is left to a goroutine, so that the caller can be cancelled.
func (x *exchange) receive(call *call) (message, error) {
	k := x.connection
	k.mutex.Lock()
	isReader := !k.isReading
	k.isReading = true
	k.mutex.Unlock()
	if isReader {
		if k.wire.reading.begin() {
			for len(x.messages) == 0 && k.readLine() {
			}
		}
		k.mutex.Lock()
		if k.isReading = len(k.exchanges) > 0; k.isReading {
			go k.read()
		}
		k.mutex.Unlock()
	}
	if len(x.messages) > 0 {
		return <-x.messages, nil
	}
	return receive(call, x.messages)
}

// leave ends the exchange, and cancels the call at the server, if it is not over.
func (x *exchange) leave() {
	k := x.connection
	k.mutex.Lock()
	isOver := k.exchanges[x.id] == nil
	delete(k.exchanges, x.id)
	k.mutex.Unlock()
	if !isOver {
		k.cancel(x.id)
	}
}
