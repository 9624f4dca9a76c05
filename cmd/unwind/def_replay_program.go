package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/unwindhq/unwind/internal/config"
	"github.com/unwindhq/unwind/internal/recording"
	"github.com/unwindhq/unwind/internal/replay"
)

// ask has the program behind -- run the histories of its functions' sagas again. The
// database is told by the environment, since the URL may have a password in it.
func (p *replaying) ask(ctx context.Context, errs io.Writer, d replay.Declared) (*recording.Report, error) {
	args := append(slices.Clone(p.program[1:]), "-json", "-schema", d.Schema, "-namespace", d.Namespace, "-since", d.Since.String())
	if d.Definition != "" {
		args = append(args, "-definition", d.Definition)
	}
	cmd := exec.CommandContext(ctx, p.program[0], args...)
	cmd.Env = append(os.Environ(), config.Variable("database-url")+"="+d.DatabaseURL)
	cmd.Stderr = errs
	text, err := cmd.Output()
	if err != nil && len(bytes.TrimSpace(text)) == 0 {
		return nil, fmt.Errorf("%s could not look at its sagas: %w", strings.Join(p.program, " "), err)
	}
	report, err := readReport(text) // it has failed, too, if it has found something
	if err != nil {
		return nil, fmt.Errorf("%s does not say what its sagas would do: %w; let the command behind -- call node.ReplayMain", strings.Join(p.program, " "), err)
	}
	return report, nil
}

// readReport reads the last line of what the program has printed.
func readReport(text []byte) (*recording.Report, error) {
	text = bytes.TrimSpace(text)
	text = text[bytes.LastIndexByte(text, '\n')+1:]
	var report recording.Report
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, fmt.Errorf("the last line of its output is %.200q", text)
	}
	return &report, nil
}
