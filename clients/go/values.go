package dues

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
)

// invoke makes a call whose result has a type.
func invoke[R any](ctx context.Context, c *Client, method string, params any, options []CallOption) (*R, error) {
	raw, err := c.Call(ctx, method, params, options...)
	if err != nil {
		return nil, err
	}
	return decode[R](raw)
}

// decode makes an object with a type, which has Received in it, of what came.
func decode[T any](raw json.RawMessage) (*T, error) {
	value := new(T)
	if err := json.Unmarshal(raw, value); err != nil {
		return nil, fmt.Errorf("dues: what the server said is no %T: %w", *value, err)
	}
	any(value).(interface{ keep(json.RawMessage) }).keep(raw)
	return value, nil
}

// Received is what every result has, and every value of a stream.
type Received struct {
	// Raw is the whole object as it came, also what this client does not know.
	Raw Raw `json:"-"`

	// Meta is what the server did, where WithVerbose asked for it.
	Meta *ResultMetadata `json:"_meta,omitempty"`
}

func (r *Received) keep(raw json.RawMessage) { r.Raw = Raw(raw) }

// Raw is a JSON object as it came. It does not show when it is printed: it may hold secrets.
type Raw []byte

// Format shows nothing.
func (Raw) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "[raw]") }

// Secret is a string that does not show when it is printed. As JSON it is itself, and so is string(secret).
type Secret string

// Format shows nothing.
func (Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "[secret]") }

// Int64 gives a pointer to value, for params that may be left out.
func Int64(value int64) *int64 { return &value }

// Bool gives a pointer to value, for params that may be left out.
func Bool(value bool) *bool { return &value }
