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
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func pemOf(t *testing.T, key any) string {
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
	key, err := ParseKey(pemOf(t, &own.PublicKey))
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

// The original drops leading zero bytes; a full-length text is what the servers expect. With a modulus of one bit more than
// whole bytes the first byte of a ciphertext is 0 or 1, so that many begin with a zero.
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
	assert.Len(t, seen, tries, "random padding: the same password never looks the same")
}

func TestEncryptLimit(t *testing.T) {
	t.Parallel()
	key, err := ParseKey(PublishedKey)
	require.NoError(t, err)
	_, err = Encrypt(key, strings.Repeat("x", 117))
	require.NoError(t, err)
	for _, long := range []string{strings.Repeat("x", 118), strings.Repeat("密", 40)} {
		encrypted, err := Encrypt(key, long)
		require.Error(t, err, "bytes count, not characters")
		assert.Empty(t, encrypted)
		assert.NotContains(t, err.Error(), long)
	}
}

func TestParseKeyRefuses(t *testing.T) {
	t.Parallel()
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	block, _ := pem.Decode([]byte(PublishedKey))
	for name, tt := range map[string]struct{ text, want string }{
		"empty":       {"", "the key is not PEM text: it begins with -----BEGIN PUBLIC KEY-----"},
		"bare base64": {base64.StdEncoding.EncodeToString(block.Bytes), "the key is not PEM text"},
		"cut":         {PublishedKey[:100], "the key is not PEM text"},
		"not DER":     {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "the key cannot be read"},
		"not RSA":     {pemOf(t, &elliptical.PublicKey), "the key is a *ecdsa.PublicKey, not an RSA public key"},
		"private":     {"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "the key is a private one: give the public key"},
	} {
		key, err := ParseKey(tt.text)
		assert.Nil(t, key, name)
		assert.ErrorContains(t, err, tt.want, name)
	}
}

// White space around the text, as an environment variable or a YAML file brings it along, does no harm.
func TestParseKeyTolerates(t *testing.T) {
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
