package access

import "errors"

// ErrNoKey says that a key is not valid: unknown, revoked or expired.
var ErrNoKey = errors.New("this API key is not valid")
