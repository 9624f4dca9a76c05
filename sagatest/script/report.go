package script

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// String says what is not as expected, for people: file, line, what, and the story.
func (r Result) String() string {
	var b strings.Builder
	verdict := "ok  "
	if r.Failed() {
		verdict = "FAIL"
	}
	fmt.Fprintln(&b, strings.TrimRight(verdict+" "+r.place(r.Line, " ")+r.Scene, " "))
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "  %s%s\n", r.place(f.Line, ": "), f)
		for line := range strings.Lines(f.Detail) {
			b.WriteString("      " + line)
		}
		if f.Detail != "" {
			b.WriteByte('\n')
		}
	}
	if r.Failed() {
		b.WriteString("  what happened:\n")
		for _, line := range r.Story {
			b.WriteString("    " + line + "\n")
		}
	}
	return b.String()
}

// place is file and line with what comes behind; empty for a scene of no file.
func (r Result) place(line int, behind string) string {
	if r.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d%s", r.File, line, behind)
}

// String returns what: want …, got ….
func (f Failure) String() string {
	text := f.What
	var parts []string
	if f.Want != "" {
		parts = append(parts, "want "+f.Want)
	}
	if f.Got != "" {
		parts = append(parts, "got "+f.Got)
	}
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text
}

// The elements of a JUnit report, as CI servers read it.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes results as JUnit XML, a suite for each file.
func WriteJUnit(w io.Writer, results []Result) error {
	var all junitSuites
	took := map[string]time.Duration{}
	for _, r := range results {
		if n := len(all.Suites); n == 0 || all.Suites[n-1].Name != r.File {
			all.Suites = append(all.Suites, junitSuite{Name: r.File})
		}
		suite := &all.Suites[len(all.Suites)-1]
		one := junitCase{Name: r.Scene, Class: r.File, File: r.File, Line: r.Line, Time: secondsOf(r.Real)}
		if r.Failed() {
			one.Failure = &junitFailure{Message: r.Failures[0].String(), Text: r.String()}
			suite.Failures++
		}
		took[r.File] += r.Real
		suite.Tests, suite.Time, suite.Cases = suite.Tests+1, secondsOf(took[r.File]), append(suite.Cases, one)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func secondsOf(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }
