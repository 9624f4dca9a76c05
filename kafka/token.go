package kafka

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// tokenTime bounds one run of the token command.
const tokenTime = 10 * time.Second

// tokens gives the tokens of OAUTHBEARER to sarama, for each connection and each
// time a session's end comes near.
type tokens struct {
	sasl SASL
	now  func() time.Time

	mu    sync.Mutex
	kept  Secret // of the command
	until time.Time
}

// Token implements sarama.AccessTokenProvider.
func (t *tokens) Token() (*sarama.AccessToken, error) {
	secret, err := t.secret()
	if err != nil {
		return nil, err
	}
	return &sarama.AccessToken{Token: string(secret)}, nil
}

// secret returns a token that has not expired, as far as one can see.
func (t *tokens) secret() (Secret, error) {
	if t.sasl.TokenFile != "" {
		return readSecret("token", t.sasl.TokenFile)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now().Before(t.until) {
		return t.kept, nil
	}
	secret, err := runTokenCommand(t.sasl.TokenCommand, tokenTime)
	if err != nil {
		return "", err
	}
	t.kept, t.until = secret, time.Time{}
	if end, ok := expiry(secret); ok {
		t.until = t.now().Add(end.Sub(t.now()) * 4 / 5)
	}
	return secret, nil
}

// runTokenCommand runs the command. What it printed is in no error: half a token
// is a secret, too.
func runTokenCommand(command []string, limit time.Duration) (Secret, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	out := &limited{left: maxSecret + 2} // and a line's end
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdout = out
	cmd.WaitDelay = time.Second // for what it started and left holding the pipe
	err := cmd.Run()
	switch {
	case out.full:
		return "", fmt.Errorf("%w: token command %s printed more than %d bytes", ErrAuthentication, command[0], maxSecret)
	case ctx.Err() != nil:
		return "", fmt.Errorf("%w: token command %s took more than %v", ErrAuthentication, command[0], limit)
	case err != nil:
		return "", fmt.Errorf("%w: token command %s: %w; run it by hand to see why", ErrAuthentication, command[0], err)
	}
	return asSecret("token command "+command[0], out.text.Bytes())
}

// limited keeps what is written to it, up to a limit.
type limited struct {
	text bytes.Buffer
	left int
	full bool
}

// Write refuses what exceeds the limit, which ends the writer.
func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		l.full = true
		return 0, errors.New("too much output")
	}
	l.left -= len(p)
	return l.text.Write(p)
}

// expiry is when a JWT says it expires. The broker checks its signature, not we.
func expiry(token Secret) (time.Time, bool) {
	parts := strings.Split(string(token), ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return time.Time{}, false
	}
	var claims struct {
		Expires float64 `json:"exp"`
	}
	if json.Unmarshal(text, &claims) != nil || claims.Expires <= 0 || claims.Expires > 1e11 {
		return time.Time{}, false
	}
	return time.Unix(int64(claims.Expires), 0), true
}
