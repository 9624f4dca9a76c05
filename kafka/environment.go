package kafka

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// SecurityFromEnv reads a Security from the variables UNWIND_KAFKA_TLS (true or
// false), UNWIND_KAFKA_TLS_CA_FILE, UNWIND_KAFKA_TLS_CERT_FILE,
// UNWIND_KAFKA_TLS_KEY_FILE, UNWIND_KAFKA_TLS_SERVER_NAME, UNWIND_KAFKA_SASL
// (plain, scram-sha-256, scram-sha-512 or oauthbearer), UNWIND_KAFKA_USER,
// UNWIND_KAFKA_PASSWORD or UNWIND_KAFKA_PASSWORD_FILE, UNWIND_KAFKA_TOKEN_FILE and
// UNWIND_KAFKA_TOKEN_COMMAND (a program and its arguments, separated by spaces):
// those of the unwind program, for participants. get is os.Getenv. The error names
// all faults of the result.
func SecurityFromEnv(get func(name string) string) (Security, error) {
	enabled, fault := false, error(nil)
	if text := get("UNWIND_KAFKA_TLS"); text != "" {
		var err error
		if enabled, err = strconv.ParseBool(text); err != nil {
			fault = fmt.Errorf("UNWIND_KAFKA_TLS %q: write true or false", text)
		}
	}
	s := Security{
		TLS: TLS{
			Enabled: enabled, CAFile: get("UNWIND_KAFKA_TLS_CA_FILE"), CertFile: get("UNWIND_KAFKA_TLS_CERT_FILE"),
			KeyFile: get("UNWIND_KAFKA_TLS_KEY_FILE"), ServerName: get("UNWIND_KAFKA_TLS_SERVER_NAME"),
		},
		SASL: SASL{
			Mechanism: MechanismOf(get("UNWIND_KAFKA_SASL")), User: get("UNWIND_KAFKA_USER"),
			Password: Secret(get("UNWIND_KAFKA_PASSWORD")), PasswordFile: get("UNWIND_KAFKA_PASSWORD_FILE"),
			TokenFile: get("UNWIND_KAFKA_TOKEN_FILE"), TokenCommand: words(get("UNWIND_KAFKA_TOKEN_COMMAND")),
		},
	}
	if fault != nil {
		return s, errors.Join(fault, s.SASL.validate())
	}
	return s, s.Validate()
}

// MechanismOf returns the mechanism of a name in upper or lower case; Validate
// refuses what is none.
func MechanismOf(name string) Mechanism { return Mechanism(strings.ToUpper(name)) }

// words are the words of a text; nil without any, as in the zero Security.
func words(text string) []string {
	if list := strings.Fields(text); len(list) > 0 {
		return list
	}
	return nil
}
