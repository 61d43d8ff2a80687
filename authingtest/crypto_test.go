package authingtest

import (
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vectors are samples from WeChat's documentation and additional ones.
type vectors struct {
	Decrypt, DecryptNegative []struct {
		Name, AppID, SessionKey, IV, EncryptedData string
		Plaintext, PlaintextSHA256                 string
		StrictPkcs7Block16                         string
		Expect                                     string
	}
	Signature []struct {
		Name, RawData, SessionKey, Signature string
		Valid                                bool
	}
	HTTPSignature []struct{ Name, Body, SessionKey, Signature string }
}

func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("testdata/wechat-vectors.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &v))
	return v
}

func TestDecryptVectors(t *testing.T) {
	t.Parallel()
	all := readVectors(t).Decrypt
	require.Len(t, all, 8)
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			plain, err := decrypt(v.SessionKey, v.EncryptedData, v.IV, v.AppID)
			if v.StrictPkcs7Block16 == "reject" {
				assert.ErrorIs(t, err, errDecrypt)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, v.Plaintext, string(plain))
			sum := sha256.Sum256(plain)
			assert.Equal(t, v.PlaintextSHA256, hex.EncodeToString(sum[:]))

			encrypted, err := encrypt(v.SessionKey, v.IV, plain)
			require.NoError(t, err)
			assert.Equal(t, v.EncryptedData, encrypted)
		})
	}
}

func TestDecryptNegativeVectors(t *testing.T) {
	t.Parallel()
	all := readVectors(t).DecryptNegative
	require.Len(t, all, 15)
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			plain, err := decrypt(v.SessionKey, v.EncryptedData, v.IV, v.AppID)
			assert.Nil(t, plain)
			want := map[string]error{
				"input-error": errInput, "decrypt-error": errDecrypt, "watermark-error": errWatermark,
			}[v.Expect]
			require.Error(t, want)
			assert.Equal(t, want, err)
		})
	}
}

// The plaintext is valid JSON even if only the last byte of the padding is checked.
func TestDecryptChecksAllPadding(t *testing.T) {
	t.Parallel()
	const key, iv = "AAECAwQFBgcICQoLDA0ODw==", "EBESExQVFhcYGRobHB0eHw=="
	for tail, want := range map[string]error{"\x02\x02": nil, "\x01\x02": errDecrypt, "\x03\x02": errDecrypt} {
		data := []byte(`{"watermark":{"appid":"wx0000"}}` + strings.Repeat(" ", 14) + tail)
		mode, err := newCBC(key, iv, cipher.NewCBCEncrypter)
		require.NoError(t, err)
		mode.CryptBlocks(data, data)
		_, err = decrypt(key, base64.StdEncoding.EncodeToString(data), iv, "wx0000")
		assert.Equal(t, want, err, "%q", tail)
	}
}

func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	all := readVectors(t).Signature
	require.Len(t, all, 5)
	for _, v := range all {
		assert.Equal(t, v.Valid, sign(v.RawData, v.SessionKey) == v.Signature, v.Name)
	}
}

// WeChat signs HTTP bodies with the same MAC that the server uses for its tokens.
func TestHTTPSignatureVectors(t *testing.T) {
	t.Parallel()
	all := readVectors(t).HTTPSignature
	require.Len(t, all, 2)
	for _, v := range all {
		assert.Equal(t, v.Signature, hex.EncodeToString(hmacSHA256(v.SessionKey, v.Body)), v.Name)
	}
}

func FuzzDecrypt(f *testing.F) {
	v := readVectors(f)
	for _, s := range append(v.Decrypt, v.DecryptNegative...) {
		f.Add(s.SessionKey, s.EncryptedData, s.IV, s.AppID)
	}
	f.Add("", "", "", "")
	f.Fuzz(func(t *testing.T, sessionKey, encryptedData, iv, appID string) {
		plain, err := decrypt(sessionKey, encryptedData, iv, appID)
		if err != nil {
			if plain != nil {
				t.Error("plaintext returned with an error")
			}
			return
		}
		encrypted, err := encrypt(sessionKey, iv, plain)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decrypt(sessionKey, encrypted, iv, appID)
		if err != nil || string(again) != string(plain) {
			t.Error("plaintext changed in a round trip")
		}
	})
}
