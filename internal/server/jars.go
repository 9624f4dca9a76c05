package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// KafkaVersion is the Apache Kafka release that StartKafka runs.
const KafkaVersion = "4.3.1"

// ErrNoMaven says that Kafka's jars are not there yet and nothing can fetch them.
var ErrNoMaven = errors.New("mvn is needed once, to download Apache Kafka " + KafkaVersion +
	": install Maven (apt-get install maven, brew install maven)")

// jarTries is how often the download is attempted, jarPause the first wait between.
const (
	jarTries = 3
	jarPause = 2 * time.Second
)

// kafkaPOM names the broker, its tools and a logger to Maven.
const kafkaPOM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>` + KafkaVersion + `</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>` + KafkaVersion + `</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.2</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.25.2</version></dependency>
  </dependencies>
</project>
`

// kafkaLogging sends Kafka's log to its output, without the dump of all settings.
const kafkaLogging = `status = error
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %-5p %c{1} %m%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = OUT
logger.cfg.name = org.apache.kafka.common.config
logger.cfg.level = warn
`

// CacheDir returns a folder of unwind's for what is downloaded once per
// machine: in the user's cache folder, or, for a user without a home, in the
// temporary folder.
func CacheDir(name string) string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "unwind", name)
}

// ensureJars downloads Kafka's jars into dir unless they are complete. Other
// processes that want the same wait for it.
func ensureJars(ctx context.Context, dir string, progress io.Writer) error {
	complete := filepath.Join(dir, ".complete")
	if _, err := os.Stat(complete); err == nil {
		return nil
	}
	lock, err := WaitLock(ctx, filepath.Join(dir, ".lock"))
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if _, err := os.Stat(complete); err == nil {
		return nil // the one we waited for has done it
	}
	what := "downloading Apache Kafka " + KafkaVersion + " into " + dir + " (once, about 120 MB)"
	if err := Progress(progress, what, ProgressInterval, func() error { return downloadJars(ctx, dir) }); err != nil {
		return fmt.Errorf("download Apache Kafka %s: %w", KafkaVersion, err)
	}
	if err := os.WriteFile(complete, nil, 0o644); err != nil {
		return fmt.Errorf("note that the jars are complete: %w", err)
	}
	return nil
}

// downloadJars lets Maven copy the jars into dir, trying again as networks need.
func downloadJars(ctx context.Context, dir string) error {
	maven, err := exec.LookPath("mvn")
	if err != nil {
		return ErrNoMaven
	}
	pom := filepath.Join(dir, "pom.xml")
	if err := os.WriteFile(pom, []byte(kafkaPOM), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "log4j2.properties"), []byte(kafkaLogging), 0o644); err != nil {
		return err
	}
	for try := 1; ; try++ {
		cmd := exec.CommandContext(ctx, maven, "-q", "-B", "-f", pom, "dependency:copy-dependencies",
			"-DincludeScope=runtime", "-DoutputDirectory="+dir)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		if try == jarTries {
			return fmt.Errorf("mvn failed %d times: %w: %s", jarTries, err, strings.TrimSpace(string(out)))
		}
		if err := pause(ctx, time.Duration(try)*jarPause); err != nil {
			return err
		}
	}
}
