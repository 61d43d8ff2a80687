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

// Why an encrypted detail is refused. Bad padding, bad JSON and a wrong key are one and the same on purpose: CBC with
// an answer that tells them apart can be decrypted by trial.
var (
	errInput     = errors.New("key, iv or ciphertext is malformed")
	errDecrypt   = errors.New("the ciphertext does not belong to this key")
	errWatermark = errors.New("the data was encrypted for another mini program")
)

// watermark is what WeChat stamps on everything it encrypts.
type watermark struct {
	Timestamp int64  `json:"timestamp"`
	AppID     string `json:"appid"`
}

// encrypt is what the phone does: AES-128-CBC and PKCS#7 with the session key.
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

// decrypt is what Authing does: it returns the JSON that encryptedData holds.
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

// unpad takes PKCS#7 padding off and looks at every byte of it. data is not empty.
func unpad(data []byte) ([]byte, bool) {
	padding := int(data[len(data)-1])
	if padding == 0 || padding > aes.BlockSize || padding > len(data) {
		return nil, false
	}
	plain, tail := data[:len(data)-padding], data[len(data)-padding:]
	return plain, bytes.Count(tail, tail[:1]) == padding
}

// sign is WeChat's signature of rawData. It takes the session key as the base64 text it is, not as 16 bytes.
func sign(rawData, sessionKey string) string {
	sum := sha1.Sum([]byte(rawData + sessionKey))
	return hex.EncodeToString(sum[:])
}

// mint16 returns 16 random bytes as base64: a session key or an iv.
func mint16() string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64())
	return base64.StdEncoding.EncodeToString(b[:])
}
