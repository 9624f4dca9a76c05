package kafka

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecret bounds a secret, in bytes.
const maxSecret = 16 << 10

// maxPEM bounds a file of certificates, in bytes; a system's whole list is a
// quarter of it.
const maxPEM = 1 << 20

// password is the password as it is now.
func (s SASL) password() (Secret, error) {
	if s.PasswordFile == "" {
		return s.Password, nil
	}
	return readSecret("password", s.PasswordFile)
}

// readSecret reads a file that holds one secret and perhaps a line's end.
func readSecret(what, path string) (Secret, error) {
	text, err := readFile(what, path)
	if err != nil {
		return "", err
	}
	return asSecret(what+" file "+path, text)
}

// asSecret checks what a file or a program gave.
func asSecret(from string, text []byte) (Secret, error) {
	secret := strings.TrimRight(string(text), "\r\n")
	switch {
	case secret == "":
		return "", fmt.Errorf("security: %s is empty", from)
	case len(secret) > maxSecret:
		return "", fmt.Errorf("security: %s gave more than %d bytes", from, maxSecret)
	case strings.ContainsAny(secret, "\r\n\x00"):
		return "", fmt.Errorf("security: %s holds more than one line: only the secret may be in it", from)
	}
	return Secret(secret), nil
}

// readFile reads a file of at most maxPEM.
func readFile(what, path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("security: read the %s file: %w", what, err)
	}
	defer func() { _ = file.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(file, maxPEM+1))
	if err == nil && len(text) > maxPEM {
		err = errors.New("it is too large")
	}
	if err != nil {
		return nil, fmt.Errorf("security: read the %s file %s: %w", what, path, err)
	}
	return text, nil
}
