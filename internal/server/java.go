package server

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// ErrNoJava says that there is no JDK that Kafka can run on.
var ErrNoJava = errors.New("no Java 17 or newer found: install a JDK " +
	"(apt-get install openjdk-17-jdk-headless, brew install openjdk) or put its java on the PATH")

// minJava is the oldest Java release that Kafka 4 runs on.
const minJava = 17

// javaPlaces are the usual places of a java program besides the PATH.
var javaPlaces = []string{
	"/opt/homebrew/opt/openjdk*/bin/java",
	"/usr/local/opt/openjdk*/bin/java",
	"/Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java",
	"/usr/lib/jvm/*/bin/java",
}

// javaPattern finds the major version in: openjdk version "17.0.15" 2025-04-15.
var javaPattern = regexp.MustCompile(`version "(\d+)`)

// java is a Java program and its major version.
type java struct {
	path    string
	version int
}

// findJava returns a Java that Kafka can run on, or ErrNoJava with what was
// found instead.
func findJava(ctx context.Context) (java, error) {
	var paths, tooOld []string
	if path, err := exec.LookPath("java"); err == nil {
		paths = append(paths, path)
	}
	for _, pattern := range javaPlaces {
		found, _ := filepath.Glob(pattern) // fails only for a bad pattern
		paths = append(paths, found...)
	}
	for _, path := range paths {
		version := javaVersion(ctx, path)
		if version >= minJava {
			return java{path: path, version: version}, nil
		}
		tooOld = append(tooOld, fmt.Sprintf("%s is version %d", path, version))
	}
	if len(tooOld) > 0 {
		return java{}, fmt.Errorf("%w (%s)", ErrNoJava, strings.Join(tooOld, ", "))
	}
	return java{}, ErrNoJava
}

// javaVersion returns the major version of a java program, 0 if it does not say.
func javaVersion(ctx context.Context, path string) int {
	out, err := exec.CommandContext(ctx, path, "-version").CombinedOutput()
	found := javaPattern.FindSubmatch(out)
	if err != nil || found == nil {
		return 0
	}
	version, _ := strconv.Atoi(string(found[1]))
	return version
}
