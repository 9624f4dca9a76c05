package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

const (
	// prefix begins every key, so that scanners for leaked secrets find them:
	// unwind_[a-z2-7]{8}_[a-z2-7]{52}.
	prefix = "unwind_"
	// idLength and secretLength are in characters; the secret has 256 bits.
	idLength, secretLength = 8, 52
	// secretBytes is what the secret is made of.
	secretBytes = 32
)

// letters are those of ids and secrets: readable aloud, no case, nothing that a
// shell or a URL would change.
var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newKey makes a key; the text is shown once and kept nowhere.
func newKey() (id, text string) {
	id, secret := random(idLength*5/8), random(secretBytes)
	return id, prefix + id + "_" + secret
}

func random(bytes int) string {
	data := make([]byte, bytes)
	_, _ = rand.Read(data) // it never fails
	return letters.EncodeToString(data)
}

// split takes a key apart. Whatever is not shaped like a key is none, and nobody
// need be asked about it.
func split(text string) (id string, hash [sha256.Size]byte, ok bool) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(rest) != idLength+1+secretLength || rest[idLength] != '_' {
		return "", hash, false
	}
	id, secret := rest[:idLength], rest[idLength+1:]
	if strings.Trim(id+secret, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return "", hash, false
	}
	return id, sha256.Sum256([]byte(secret)), true
}
