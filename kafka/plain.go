package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/IBM/sarama"
)

// The requests of SASL, by Kafka's numbers.
const (
	keyHandshake    = 17
	keyAuthenticate = 36
	saslVersion     = 1
	maxAnswer       = 64 << 10 // of a broker that has not proved who it is
)

// plain authenticates a fresh connection with the password as it is now. When a
// broker limits sessions (connections.max.reauth.ms) it ends this connection in
// time, and the next one authenticates anew.
func plain(conn io.ReadWriter, clientID string, sasl SASL) error {
	password, err := sasl.password()
	if err != nil {
		return err
	}
	answer, err := ask(conn, keyHandshake, clientID, shortText(nil, string(Plain)))
	if err == nil {
		err = answered(answer, nil)
	}
	if err != nil {
		return fmt.Errorf("agree on PLAIN: %w", err)
	}
	token := "\x00" + sasl.User + "\x00" + string(password)
	body := binary.BigEndian.AppendUint32(nil, uint32(len(token)))
	if answer, err = ask(conn, keyAuthenticate, clientID, append(body, token...)); err != nil {
		return fmt.Errorf("authenticate with PLAIN: %w", err)
	}
	return answered(answer, readText)
}

// ask sends one request and returns the body of its answer.
func ask(conn io.ReadWriter, key uint16, clientID string, body []byte) ([]byte, error) {
	request := binary.BigEndian.AppendUint16(make([]byte, 4), key)
	request = binary.BigEndian.AppendUint16(request, saslVersion)
	request = binary.BigEndian.AppendUint32(request, uint32(key)) // the correlation id
	request = append(shortText(request, clientID), body...)
	binary.BigEndian.PutUint32(request, uint32(len(request)-4))
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	var head [8]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size < 4 || size > maxAnswer || binary.BigEndian.Uint32(head[4:]) != uint32(key) {
		return nil, errors.New("the answer is none of Kafka's: is this a broker's port, and without TLS?")
	}
	answer := make([]byte, size-4)
	_, err := io.ReadFull(conn, answer)
	return answer, err
}

// shortText appends a text with its length in two bytes.
func shortText(to []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16(to, uint16(len(text))), text...)
}

// answered is the error in an answer, with the broker's words where it has some.
func answered(answer []byte, words func([]byte) string) error {
	if len(answer) < 2 {
		return sarama.ErrIncompleteResponse
	}
	code := sarama.KError(binary.BigEndian.Uint16(answer))
	if code == sarama.ErrNoError {
		return nil
	}
	if words == nil {
		return code
	}
	return fmt.Errorf("%w (%s)", code, words(answer[2:]))
}

// readText reads a text that shortText could have written, "" if it is none.
func readText(from []byte) string {
	if len(from) < 2 {
		return ""
	}
	size := int(int16(binary.BigEndian.Uint16(from)))
	if size < 0 || size > len(from)-2 {
		return ""
	}
	return string(from[2 : 2+size])
}
