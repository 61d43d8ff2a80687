package authingtest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
)

// Reasons why an encrypted detail is rejected. Bad padding, bad JSON and a wrong key share one error on purpose:
// distinguishing them would be a padding oracle.
var (
	errInput     = errors.New("key, iv or ciphertext is malformed")
	errDecrypt   = errors.New("the ciphertext was not encrypted with this key")
	errWatermark = errors.New("the data was encrypted for another mini program")
)

// watermark is included in everything that WeChat encrypts.
type watermark struct {
	Timestamp int64  `json:"timestamp"`
	AppID     string `json:"appid"`
}

// encrypt is WeChat's side: AES-128-CBC with PKCS#7 padding, keyed with the session key.
func encrypt(sessionKey, iv string, plain []byte) (string, error) {
	mode, err := newCBC(sessionKey, iv, cipher.NewCBCEncrypter)
	if err != nil {
		return "", err
	}
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	sealed := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(padding)}, padding)...)
	mode.CryptBlocks(sealed, sealed)
	return base64.StdEncoding.EncodeToString(sealed), nil
}

// decrypt is Authing's side. It returns the JSON inside encryptedData.
func decrypt(sessionKey, encryptedData, iv, appID string) (json.RawMessage, error) {
	mode, err := newCBC(sessionKey, iv, cipher.NewCBCDecrypter)
	if err != nil {
		return nil, err
	}
	data, err := base64.StdEncoding.DecodeString(encryptedData)
	if err != nil || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, errInput
	}
	mode.CryptBlocks(data, data)
	plain, ok := unpad(data)
	var object map[string]json.RawMessage
	if !ok || json.Unmarshal(plain, &object) != nil {
		return nil, errDecrypt
	}
	var mark watermark
	if json.Unmarshal(object["watermark"], &mark) != nil || mark.AppID != appID {
		return nil, errWatermark
	}
	return plain, nil
}

func newCBC(sessionKey, iv string, mode func(cipher.Block, []byte) cipher.BlockMode) (cipher.BlockMode, error) {
	key, keyErr := base64.StdEncoding.DecodeString(sessionKey)
	vector, ivErr := base64.StdEncoding.DecodeString(iv)
	const keySize = 16 // a longer key would silently select AES-192 or AES-256
	if keyErr != nil || ivErr != nil || len(key) != keySize || len(vector) != aes.BlockSize {
		return nil, errInput
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errInput
	}
	return mode(block, vector), nil
}

// unpad removes PKCS#7 padding after checking all of its bytes. data must not be empty.
func unpad(data []byte) ([]byte, bool) {
	padding := int(data[len(data)-1])
	if padding == 0 || padding > aes.BlockSize || padding > len(data) {
		return nil, false
	}
	plain, tail := data[:len(data)-padding], data[len(data)-padding:]
	return plain, bytes.Count(tail, tail[:1]) == padding
}

// sign returns WeChat's signature of rawData. It uses the base64 text of the session key, not the decoded bytes.
func sign(rawData, sessionKey string) string {
	sum := sha1.Sum([]byte(rawData + sessionKey))
	return hex.EncodeToString(sum[:])
}

// random16 returns 16 random bytes in base64, for a session key or an IV.
func random16() string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64())
	return base64.StdEncoding.EncodeToString(b[:])
}
