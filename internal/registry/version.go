package registry

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Entry describes one version of a definition.
type Entry struct {
	Name     string    // Name is the definition's name.
	Version  string    // Version is what people call it, such as r12.
	Hash     string    // Hash identifies its content.
	At       time.Time // At is when it was last applied, by the database's clock.
	Disabled string    // Disabled is why it starts no sagas; empty: it does. Only List has it.
}

// versionName returns what people call a version's number.
func versionName(number int) string { return "r" + strconv.Itoa(number) }

// versionNumber is the inverse of versionName. It takes the canonical form only.
func versionNumber(text string) (int, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(text, "r"), 10, 32)
	if err != nil || n < 1 || versionName(int(n)) != text {
		return 0, fmt.Errorf("version %.20q: want one like r12", text)
	}
	return int(n), nil
}
