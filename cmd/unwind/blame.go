package main

import (
	"errors"
	"regexp"
	"strings"

	"github.com/unwindhq/unwind/internal/app"
)

// blame says of faults of app.Config which setting they are about and where it
// was written.
func (p *program) blame(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var faults []error
	for _, one := range joined.Unwrap() {
		faults = append(faults, p.blameOne(one))
	}
	return errors.Join(faults...)
}

func (p *program) blameOne(err error) error {
	f, ok := errors.AsType[*app.Fault](err)
	if !ok {
		return err
	}
	name := settingOf(f.Field)
	if _, known := p.sources[name]; !known {
		return err // such as one that is about several
	}
	return p.sources.Fault(name, f.Problem)
}

var wordStart = regexp.MustCompile(`([a-z])\.?([A-Z])`)

// settingOf is the setting of a field of app.Config.
func settingOf(field string) string {
	names := map[string]string{
		"DatabaseURL": "database-url", "Brokers": "kafka-brokers", "Prefix": "topic-prefix", "Partitions": "command-partitions",
		"Security": "kafka-sasl", "TLSCertFile": "tls-cert-file",
	}
	if name, ok := names[field]; ok {
		return name
	}
	return strings.ToLower(wordStart.ReplaceAllString(field, "$1-$2"))
}
