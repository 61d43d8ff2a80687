// Package passwd encrypts passwords as Authing's servers expect: RSA with PKCS#1 v1.5 padding, encoded as base64.
package passwd

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// PublishedKey is the 1024-bit public key of Authing's hosted service.
const PublishedKey = `-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC4xKeUgQ+Aoz7TLfAfs9+paePb
5KIofVthEopwrXFkp8OCeocaTHt9ICjTT2QeJh6cZaDaArfZ873GPUn00eOIZ7Ae
+TiA2BKHbCvloW3w5Lnqm70iSsUi5Fmu9/2+68GZRH9L7Mlh8cFksCicW2Y2W2uM
GKl64GDcIq3au+aqJQIDAQAB
-----END PUBLIC KEY-----
`

// ParseKey parses an RSA public key in PEM format, either PKIX or PKCS#1.
func ParseKey(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the key is not in PEM format: it must start with -----BEGIN PUBLIC KEY-----")
	}
	if strings.Contains(block.Type, "PRIVATE") {
		return nil, errors.New("the key is a private key: use the public key")
	}
	var parsed any
	var err error
	if block.Type == "RSA PUBLIC KEY" {
		parsed, err = x509.ParsePKCS1PublicKey(block.Bytes)
	} else {
		parsed, err = x509.ParsePKIXPublicKey(block.Bytes)
	}
	if err != nil {
		return nil, fmt.Errorf("the key cannot be parsed: %w", err)
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the key is a %T, not an RSA public key", parsed)
	}
	if key.Size() < 128 {
		return nil, errors.New("the key is shorter than 1024 bits")
	}
	return key, nil
}

// Limit returns the maximum length in bytes of a password encrypted with key: 117 for 1024 bits.
func Limit(key *rsa.PublicKey) int {
	const padding = 11
	return key.Size() - padding
}

// Encrypt encrypts password and encodes the ciphertext, which is always as long as the key, in standard base64.
func Encrypt(key *rsa.PublicKey, password string) (string, error) {
	cipher, err := rsa.EncryptPKCS1v15(rand.Reader, key, []byte(password))
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(cipher), nil
}
