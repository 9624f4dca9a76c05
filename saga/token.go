package saga

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Key is one secret of the reply tokens.
type Key struct {
	ID     string // ID is the prefix of the tokens made with it, such as k1.
	Secret []byte // Secret is at least 32 random bytes.
}

// Keys makes and checks the tokens that bind a reply to its command: the first
// key signs, every key verifies, so that a key can be replaced while sagas that
// used the old one are under way.
type Keys []Key

// ErrToken says that a reply's token does not belong to the command it names:
// it is forged, or meant for another coordinator.
var ErrToken = errors.New("the reply's token does not match the command it names")

// Token returns keyID.mac over namespace, command id, epoch and participant.
// Keys must not be empty.
func (k Keys) Token(namespace string, id CommandID, epoch int, participant string) string {
	return k[0].ID + "." + mac(k[0].Secret, namespace, id, epoch, participant)
}

// Verify returns ErrToken unless the reply carries the token of its command.
func (k Keys) Verify(r Reply) error {
	keyID, sum, _ := strings.Cut(r.Route.Token, ".")
	for _, key := range k {
		if key.ID == keyID {
			want := mac(key.Secret, r.Route.Namespace, r.ID, r.Epoch, r.Participant)
			if hmac.Equal([]byte(want), []byte(sum)) {
				return nil
			}
		}
	}
	return fmt.Errorf("reply to %s from %s: %w", r.ID, r.Participant, ErrToken)
}

// mac is HMAC-SHA256 cut to 128 bits. The parts cannot run into each other:
// a namespace and a participant hold no line feed.
func mac(secret []byte, namespace string, id CommandID, epoch int, participant string) string {
	h := hmac.New(sha256.New, secret)
	for _, part := range []string{namespace, id.String(), strconv.Itoa(epoch), participant} {
		h.Write([]byte(part))
		h.Write([]byte{'\n'})
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}
