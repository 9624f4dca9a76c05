package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/sagatest/script"
)

// scriptFlags are those of def test.
type scriptFlags struct {
	run, junit string
	stories    bool
}

func scriptCommand(r *remote) *cobra.Command {
	var f scriptFlags
	cmd := &cobra.Command{
		Use: "test FILE…", Short: "Play the scenes of scripts against their definitions, in virtual time; needs no server", Args: cobra.MinimumNArgs(1),
		Long: "Play the scenes of scripts (given, what happens, expect) against their definitions, in virtual time.\n" +
			"Nothing is started, and thirty days take microseconds. See docs/def-test.md.",
		Example: "  unwind def test examples/travel/*.test.yaml\n  unwind def test travel.test.yaml --run 'no rooms' --stories",
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen, err := regexp.Compile(f.run)
			if err != nil {
				return usagef("--run: %w", err)
			}
			results, err := playAll(args, chosen.MatchString)
			if errors.Is(err, saga.ErrInvalidDefinition) {
				saidf(cmd, "%s", err)
				return silentError{}
			}
			if err != nil {
				return err
			}
			return f.report(cmd, r, results)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.run, "run", "", "only the scenes whose names this regular expression finds")
	flags.StringVar(&f.junit, "junit", "", "write the results to this file as JUnit XML, for CI servers")
	flags.BoolVar(&f.stories, "stories", false, "tell of every scene what happened, also of those that went well")
	return cmd
}

// playAll plays the scripts of files; each may name files around it.
func playAll(paths []string, chosen func(string) bool) (results []script.Result, err error) {
	for _, path := range paths {
		root, name, err := rootOf(path)
		if err != nil {
			return nil, err
		}
		played, err := script.Play(os.DirFS(root), name, chosen)
		if faults, ok := errors.AsType[saga.Faults](err); ok {
			return nil, outside(root, faults)
		}
		if err != nil {
			return nil, fmt.Errorf("play %s: %w", path, err)
		}
		for i := range played {
			played[i].File = path
		}
		results = append(results, played...)
	}
	return results, nil
}

// rootOf splits a path so that what a script names with ../ can be read, too.
func rootOf(path string) (root, name string, err error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return "", "", err
	}
	root = filepath.VolumeName(whole) + string(filepath.Separator)
	if here, err := os.Getwd(); err == nil {
		if name, err := filepath.Rel(here, whole); err == nil && filepath.IsLocal(name) {
			return here, filepath.ToSlash(name), nil
		}
	}
	name, err = filepath.Rel(root, whole)
	return root, filepath.ToSlash(name), err
}

// outside completes the names of files that are not below this folder.
func outside(root string, faults saga.Faults) saga.Faults {
	if here, err := os.Getwd(); err != nil || here != root {
		for i := range faults {
			faults[i].File = filepath.Join(root, faults[i].File)
		}
	}
	return faults
}

func (f scriptFlags) report(cmd *cobra.Command, r *remote, results []script.Result) error {
	if f.junit != "" {
		if err := writeFile(f.junit, func(w io.Writer) error { return script.WriteJUnit(w, results) }); err != nil {
			return err
		}
	}
	err := show(cmd, r.format, results, func(w io.Writer) { f.write(w, results) })
	for _, one := range results {
		if err == nil && one.Failed() {
			err = silentError{}
		}
	}
	return err
}

func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}

func (f scriptFlags) write(w io.Writer, results []script.Result) {
	failed := 0
	var virtual, took time.Duration
	for _, one := range results {
		_, _ = io.WriteString(w, one.String())
		if f.stories && !one.Failed() {
			for _, line := range one.Story {
				_, _ = fmt.Fprintln(w, "    "+line)
			}
		}
		if one.Failed() {
			failed++
		}
		virtual, took = virtual+one.Virtual, took+one.Real
	}
	_, _ = fmt.Fprintf(w, "%d scenes, %d failed; %s in %s\n", len(results), failed, virtual.Round(time.Millisecond), took.Round(time.Microsecond))
}
