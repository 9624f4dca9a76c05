package tidy

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxFileBytes is the largest file that may be tracked.
const maxFileBytes = 1 << 20

// machinePaths and registryHosts must not be named in any file. They are put
// together from parts, so that this file does not name them either.
var (
	machinePaths  = []string{"/" + "work/", "/" + "root/", "/" + "home/", "../" + "shared", "/" + ".library"}
	registryHosts = []string{
		"proxy." + "golang.org", "sum." + "golang.org", "repo1." + "maven.org", "repo." + "maven.apache.org",
		"registry." + "npmjs.org", "pypi" + ".org", "crates" + ".io", "deb." + "debian.org",
	}
	// executables begin with these bytes: ELF, PE, Mach-O, Java classes, zip and jar, gzip, ar, static web assembly.
	executables = []string{"\x7fELF", "MZ\x90", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe", "PK\x03\x04", "\x1f\x8b", "!<arch>\n", "\x00asm"}
)

// checkText finds files that name one machine or one registry.
func checkText(files tree) []fault {
	var faults []fault
	for _, name := range files.names() {
		for _, banned := range append(machinePaths, registryHosts...) {
			if at := bytes.Index(files[name], []byte(banned)); at >= 0 {
				what := "names " + banned + ": use a relative path, a temporary folder, or the client's own setting"
				faults = append(faults, fault{name, lineOf(files[name], at), what})
			}
		}
	}
	return faults
}

// checkWeight finds binaries and files that are too large.
func checkWeight(files tree) []fault {
	var faults []fault
	for _, name := range files.names() {
		if len(files[name]) > maxFileBytes {
			faults = append(faults, fault{name, 1, "is larger than 1 MiB: make it when it is needed, or add it to .gitignore"})
		}
		for _, magic := range executables {
			if bytes.HasPrefix(files[name], []byte(magic)) {
				faults = append(faults, fault{name, 1, "is a binary or an archive: build it when it is needed"})
			}
		}
	}
	return faults
}

func TestTextFails(t *testing.T) {
	t.Parallel()
	for _, banned := range append(machinePaths, registryHosts...) {
		requireFaults(t, checkText(tree{"a.md": []byte("one\ntwo " + banned + "x\n")}), "a.md:2: names "+banned)
	}
	require.Empty(t, checkText(tree{"a.md": []byte("the framework/works, https://example.org, at home, ./shared\n")}))
}

func TestWeightFails(t *testing.T) {
	t.Parallel()
	requireFaults(t, checkWeight(tree{"big": []byte(strings.Repeat("x", maxFileBytes+1)), "fits": []byte(strings.Repeat("x", maxFileBytes))}), "big:1: is larger")
	for _, magic := range executables {
		requireFaults(t, checkWeight(tree{"web": []byte(magic + "rest")}), "web:1: is a binary")
	}
}
