package server

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// jvm builds the commands of Kafka's Java programs.
type jvm struct {
	java    java
	jars    string
	heapMB  int
	archive string // where to write a class archive at the end, if there is none yet; empty: nowhere
}

// command returns the command of a main class with its arguments.
func (v jvm) command(ctx context.Context, class string, args ...string) (*exec.Cmd, error) {
	jars, err := filepath.Glob(filepath.Join(v.jars, "*.jar"))
	if err != nil || len(jars) == 0 {
		return nil, fmt.Errorf("no jars in %s: delete the folder, the next start downloads them again", v.jars)
	}
	// A plain list: class archives do not take wildcards well.
	options := append(v.options(), "-cp", strings.Join(jars, string(os.PathListSeparator)), class)
	return exec.CommandContext(ctx, v.java.path, append(options, args...)...), nil
}

func (v jvm) options() []string {
	options := []string{
		"-Xms64m", fmt.Sprintf("-Xmx%dm", v.heapMB), "-XX:+UseSerialGC", "-XX:MaxDirectMemorySize=256m",
		"-Djava.awt.headless=true", "-Djava.net.preferIPv4Stack=true",
		"-Dlog4j2.configurationFile=" + filepath.Join(v.jars, "log4j2.properties"), "-Dlog4j2.disableJmx=true",
	}
	if _, err := os.Stat(v.archivePath()); err == nil {
		return append(options, "-XX:SharedArchiveFile="+v.archivePath(), "-Xshare:auto",
			"-Xlog:cds=off", "-Xlog:cds+dynamic=off")
	}
	if v.archive != "" {
		return append(options, "-XX:ArchiveClassesAtExit="+v.archive)
	}
	return options
}

// archivePath is the class archive that halves later starts. It is written at
// the first clean stop; one that another Java build wrote is ignored by Java.
func (v jvm) archivePath() string {
	return filepath.Join(v.jars, fmt.Sprintf("java%d.jsa", v.java.version))
}

// freshArchive is where the broker on port writes the archive: a name of its
// own, because several may stop at once.
func (v jvm) freshArchive(port int) string { return fmt.Sprintf("%s.%d", v.archivePath(), port) }

// keepArchive puts the archive of the broker on port, which has stopped, in
// its place. An archive of a broker that did not stop cleanly is dropped.
func (v jvm) keepArchive(port int, clean bool) {
	fresh := v.freshArchive(port)
	if clean {
		_ = os.Rename(fresh, v.archivePath()) // there is none usually; a failure costs speed only
		return
	}
	_ = os.Remove(fresh)
}
