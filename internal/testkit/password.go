package testkit

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"
)

// passwordKey takes the place of Authing's, whose private half is not known.
var passwordKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 1024) })

// PublicKeyPEM returns the key that [DecryptPassword] decrypts for.
func PublicKeyPEM(t require.TestingT) string {
	key, err := passwordKey()
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	var text strings.Builder
	require.NoError(t, pem.Encode(&text, &pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return text.String()
}

// DecryptPassword returns the plain text of a password on the wire.
func DecryptPassword(t require.TestingT, onWire string) string {
	const length = 172 // of 128 bytes in base64, even if the first of them are zero
	require.Len(t, onWire, length)
	key, err := passwordKey()
	require.NoError(t, err)
	cipher, err := base64.StdEncoding.DecodeString(onWire)
	require.NoError(t, err)
	plain, err := rsa.DecryptPKCS1v15(nil, key, cipher)
	require.NoError(t, err)
	return string(plain)
}
