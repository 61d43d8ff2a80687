package passwd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func encodePEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestPublishedKey(t *testing.T) {
	t.Parallel()
	key, err := ParseKey(PublishedKey)
	require.NoError(t, err)
	assert.Equal(t, 1024, key.N.BitLen())
	assert.Equal(t, 65537, key.E)
	assert.Equal(t, 117, Limit(key))

	block, _ := pem.Decode([]byte(PublishedKey))
	sum := sha256.Sum256(block.Bytes)
	assert.Equal(t, "b82ffaca93fee64c09015e45768f61a274fc5483cf25b4c56889e30d5a9e0f27", hex.EncodeToString(sum[:]))
}

func TestEncryptRoundTrip(t *testing.T) {
	t.Parallel()
	own, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	key, err := ParseKey(encodePEM(t, &own.PublicKey))
	require.NoError(t, err)
	for _, password := range []string{"", "1", "password123", "密码😀", " with spaces\n", strings.Repeat("x", 117), strings.Repeat("密", 39)} {
		encrypted, err := Encrypt(key, password)
		require.NoError(t, err)
		cipher, err := base64.StdEncoding.DecodeString(encrypted)
		require.NoError(t, err)
		plain, err := rsa.DecryptPKCS1v15(nil, own, cipher)
		require.NoError(t, err)
		assert.Equal(t, password, string(plain))
	}
}

// The servers expect a full-length ciphertext, but the original drops leading zero bytes. A modulus of 1025 bits makes
// the first byte of a ciphertext 0 or 1, so that leading zeros are frequent.
func TestEncryptLength(t *testing.T) {
	t.Parallel()
	own, err := rsa.GenerateKey(rand.Reader, 1025)
	require.NoError(t, err)
	seen, zeros := map[string]bool{}, 0
	const tries = 100
	for range tries {
		encrypted, err := Encrypt(&own.PublicKey, "password123")
		require.NoError(t, err)
		cipher, err := base64.StdEncoding.DecodeString(encrypted)
		require.NoError(t, err)
		require.Len(t, cipher, 129)
		if cipher[0] == 0 {
			zeros++
		}
		seen[encrypted] = true
	}
	assert.NotZero(t, zeros)
	assert.Len(t, seen, tries, "the padding is random")
}

func TestEncryptLimit(t *testing.T) {
	t.Parallel()
	key, err := ParseKey(PublishedKey)
	require.NoError(t, err)
	_, err = Encrypt(key, strings.Repeat("x", 117))
	require.NoError(t, err)
	for _, long := range []string{strings.Repeat("x", 118), strings.Repeat("密", 40)} {
		encrypted, err := Encrypt(key, long)
		require.Error(t, err, "the limit is in bytes, not characters")
		assert.Empty(t, encrypted)
		assert.NotContains(t, err.Error(), long)
	}
}

func TestParseKeyRejects(t *testing.T) {
	t.Parallel()
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	short := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1015), E: 65537} // 1016 bits
	block, _ := pem.Decode([]byte(PublishedKey))
	for name, tt := range map[string]struct{ text, want string }{
		"empty":       {"", "the key is not in PEM format: it must start with -----BEGIN PUBLIC KEY-----"},
		"bare base64": {base64.StdEncoding.EncodeToString(block.Bytes), "the key is not in PEM format"},
		"truncated":   {PublishedKey[:100], "the key is not in PEM format"},
		"not DER":     {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "the key cannot be parsed"},
		"not RSA":     {encodePEM(t, &ecKey.PublicKey), "the key is a *ecdsa.PublicKey, not an RSA public key"},
		"short":       {encodePEM(t, short), "the key is shorter than 1024 bits"},
		"private":     {"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "the key is a private key: use the public key"},
	} {
		key, err := ParseKey(tt.text)
		assert.Nil(t, key, name)
		assert.ErrorContains(t, err, tt.want, name)
	}
}

// Environment variables and YAML files often add white space.
func TestParseKeyIgnoresWhiteSpace(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"\n\n" + PublishedKey, strings.TrimSpace(PublishedKey), strings.ReplaceAll(PublishedKey, "\n", "\r\n")} {
		_, err := ParseKey(text)
		assert.NoError(t, err)
	}
}

func TestParsePKCS1Key(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&private.PublicKey)})
	key, err := ParseKey(string(text))
	require.NoError(t, err)
	assert.True(t, key.Equal(&private.PublicKey))
}
