package authing

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/authing-wxapp/authing/internal/api"
	"github.com/authing-wxapp/authing/internal/transport"
	"github.com/authing-wxapp/authing/internal/wire"
)

// restEnvelope wraps what the REST endpoints return.
type restEnvelope[T any] struct {
	Code wire.Int `json:"code"`
	Data *T       `json:"data"`
}

// decodeREST decodes the data of a successful response, which may be nil.
func decodeREST[T any](resp transport.Response) (*T, error) {
	var env restEnvelope[T]
	err := wire.Decode(resp.Body, &env)
	if err != nil || resp.Status != http.StatusOK || env.Code.Value != http.StatusOK {
		return nil, refusal(resp, err)
	}
	return env.Data, nil
}

// readREST requires data. missing names a required part that a T lacks, or returns "".
func readREST[T any](resp transport.Response, missing func(*T) string) (*T, error) {
	data, err := decodeREST[T](resp)
	switch {
	case err != nil:
		return nil, err
	case data == nil:
		return nil, incomplete(resp, "data")
	case missing(data) != "":
		return nil, incomplete(resp, missing(data))
	}
	return data, nil
}

func rest[T any](ctx context.Context, c *Client, req api.Request, missing func(*T) string) (*T, error) {
	return call(ctx, c, req, func(resp transport.Response) (*T, error) { return readREST(resp, missing) })
}

func restUser(ctx context.Context, c *Client, req api.Request, missing func(*wireUser) string) (*User, error) {
	return call(ctx, c, req, func(resp transport.Response) (*User, error) {
		user, err := readREST(resp, missing)
		if err != nil {
			return nil, err
		}
		return user.user(wire.At(resp.Body, [2]string{"data"})), nil
	})
}

// restDone makes a call that returns no data.
func restDone(ctx context.Context, c *Client, req api.Request) error {
	_, err := call(ctx, c, req, decodeREST[json.RawMessage])
	return err
}
