package authing

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

// restEnvelope wraps what the REST endpoints return.
type restEnvelope[T any] struct {
	Code wire.Int `json:"code"`
	Data *T       `json:"data"`
}

// readREST decodes the data of a response. missing names a required part that a T lacks, or returns "".
func readREST[T any](resp transport.Response, missing func(*T) string) (*T, error) {
	var env restEnvelope[T]
	err := wire.Decode(resp.Body, &env)
	switch {
	case err != nil || resp.Status != http.StatusOK || env.Code.Value != http.StatusOK:
		return nil, refusal(resp, err)
	case env.Data == nil:
		return nil, incomplete(resp, "data")
	case missing(env.Data) != "":
		return nil, incomplete(resp, missing(env.Data))
	}
	return env.Data, nil
}

func rest[T any](ctx context.Context, c *Client, req request, missing func(*T) string) (*T, error) {
	return call(ctx, c, req, func(resp transport.Response) (*T, error) { return readREST(resp, missing) })
}

func restUser(ctx context.Context, c *Client, req request, missing func(*wireUser) string) (*User, error) {
	return call(ctx, c, req, func(resp transport.Response) (*User, error) {
		user, err := readREST(resp, missing)
		if err != nil {
			return nil, err
		}
		return user.user(wire.At(resp.Body, [2]string{"data"})), nil
	})
}

// restDone makes a call that returns no data.
func restDone(ctx context.Context, c *Client, req request) error {
	_, err := call(ctx, c, req, func(resp transport.Response) (none struct{}, err error) {
		var env restEnvelope[json.RawMessage]
		if err := wire.Decode(resp.Body, &env); err != nil || resp.Status != http.StatusOK || env.Code.Value != http.StatusOK {
			return none, refusal(resp, err)
		}
		return none, nil
	})
	return err
}
