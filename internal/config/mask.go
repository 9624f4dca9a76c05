package config

import "regexp"

// Mask stands for a secret.
const Mask = "****"

var (
	// urlPassword is the password between a URL's user and its last @.
	urlPassword = regexp.MustCompile(`(?s)(://[^:/?#@]*:)(.+)(@)`)
	// barePassword is the same where the scheme was forgotten.
	barePassword = regexp.MustCompile(`(?s)^([^:/?#@\s=]*:)([^/].*)(@)`)
	// namedPassword is that of a URL's query or of libpq's key=value form, in quotes
	// or not, or in quotes that nobody closed.
	namedPassword = regexp.MustCompile(`(?is)((?:^|[?&\s])(?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'?|[^\s&']+)`)
)

// HasPassword says whether a text is a URL, or a connection string of libpq,
// with a password in it.
func HasPassword(text string) bool {
	return urlPassword.MatchString(text) || barePassword.MatchString(text) || namedPassword.MatchString(text)
}

// MaskPassword replaces the passwords that HasPassword finds.
func MaskPassword(text string) string {
	text = urlPassword.ReplaceAllString(text, "${1}"+Mask+"${3}")
	text = barePassword.ReplaceAllString(text, "${1}"+Mask+"${3}")
	return namedPassword.ReplaceAllString(text, "${1}"+Mask)
}
