package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/examples/travel"
	"github.com/unwindhq/unwind/internal/dev"
	"github.com/unwindhq/unwind/internal/embedded"
)

const aboutDev = `Run a coordinator to play with, on an own Postgres and Kafka, until it is interrupted.

The definitions and contracts of a folder are applied, and applied again when a file
changes; what is wrong with a file is printed with its line. Every participant that
they name is a stub that answers as its contract says, unless --no-stub names it:
then start the real one. unwind dev break makes a stub misbehave.`

func devCommand() *cobra.Command {
	var cfg dev.Config
	cmd := &cobra.Command{
		Use: "dev", Short: "Run a world to play with: stubs, hot reload, faults on demand", Long: aboutDev, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := &devView{out: cmd.OutOrStdout(), paint: paintFor(cmd.OutOrStdout()), cfg: &cfg}
			cfg.Out, cfg.Started, cfg.OnSaga = v.out, v.greet, v.saga
			cfg.Example, cfg.ExampleDir = travel.Files(), filepath.Join("examples", "travel")
			cfg.World.Progress, cfg.World.Version = cmd.ErrOrStderr(), buildVersion()
			return dev.Run(cmd.Context(), cfg)
		},
	}
	flags := cmd.Flags()
	devDir(cmd, &cfg.World.Dir)
	flags.StringVar(&cfg.World.Listen, "listen", "", "the address of the REST API; default "+dev.DefaultListen+", or a free port where that is taken")
	flags.StringVar(&cfg.World.DatabaseURL, "database-url", "", "use this Postgres instead of an own one")
	flags.StringSliceVar(&cfg.World.Brokers, "kafka-brokers", nil, "use this Kafka instead of an own one")
	flags.StringVar(&cfg.Definitions, "definitions", "", "the folder of definitions to watch; default . if it has some, else examples/travel")
	flags.StringSliceVar(&cfg.NoStub, "no-stub", nil, "participants that run elsewhere, such as flights,hotels")
	flags.BoolVar(&cfg.Reset, "reset", false, "wipe the state of the own servers first")
	fromEnv(flags, "listen", "kafka-brokers")
	password(flags, "database-url")
	cmd.AddCommand(devBreakCommand())
	return cmd
}

func devDir(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "dir", embedded.DefaultDir, "the folder of the state")
}

// devBreakCommand tells a running dev to make a command misbehave.
func devBreakCommand() *cobra.Command {
	var dir string
	var late time.Duration
	chosen := map[dev.Mode]*bool{}
	cmd := &cobra.Command{
		Use: "break PARTICIPANT/COMMAND", Short: "Make a stub of the running dev misbehave", Args: cobra.ExactArgs(1),
		Long: "Make a stub of the running unwind dev misbehave, until --off. An undo goes by its\ncompensation's name, such as flights/release.",
		RunE: func(cmd *cobra.Command, args []string) error {
			fault, err := chosenFault(args[0], late, chosen)
			if err != nil {
				return err
			}
			if err := dev.Break(cmd.Context(), dir, fault); err != nil {
				return err
			}
			saidf(cmd, "%s: %s", fault.Command, fault.Mode)
			return nil
		},
	}
	flags := cmd.Flags()
	devDir(cmd, &dir)
	for mode, use := range map[dev.Mode]string{
		dev.Reject: "refuse it, a business no", dev.Fail: "fail, a technical error", dev.Timeout: "answer nothing",
		dev.Duplicate: "answer twice", dev.Off: "end the fault",
	} {
		chosen[mode] = flags.Bool(string(mode), false, use)
	}
	flags.DurationVar(&late, "late", 0, "answer so much later, such as 30s")
	return cmd
}

// chosenFault is the one fault that the flags name.
func chosenFault(command string, late time.Duration, chosen map[dev.Mode]*bool) (dev.Fault, error) {
	var modes []dev.Mode
	for mode, is := range chosen {
		if *is {
			modes = append(modes, mode)
		}
	}
	if late != 0 {
		modes = append(modes, dev.Late)
	}
	if len(modes) != 1 {
		return dev.Fault{}, usagef("say how: one of --reject, --fail, --timeout, --late TIME, --duplicate and --off")
	}
	fault := dev.Fault{Command: command, Mode: modes[0], Delay: late}
	if err := fault.Validate(); err != nil {
		return fault, usageError{err}
	}
	return fault, nil
}

// devView is what dev shows.
type devView struct {
	out   io.Writer
	paint paint
	cfg   *dev.Config
	say   func(text string)
}

// greet tells where everything is and what to try.
func (v *devView) greet(s *dev.Session) {
	v.say = s.Print
	var names, inputs []string
	for _, a := range s.Applied() {
		names = append(names, a.Name+" "+a.Version)
		inputs = append(inputs, fmt.Sprintf("  %s saga start %s%s --wait end --input '%s'", self(), a.Name, v.urlFlag(s), a.Input))
	}
	lines := []string{
		v.paint.bold("unwind dev is running at " + s.URL()), "",
		"  Postgres     " + s.DatabaseURL(),
		"  Kafka        " + strings.Join(s.Brokers(), ","),
		"  state        " + v.cfg.World.Dir + "  (--reset wipes it)",
		"  definitions  " + s.Dir() + ": " + listed(names) + "  (watched: save a file and it is applied)",
		"  stubs        " + listed(s.Stubs()) + "  (they answer as their contracts say)",
	}
	if len(v.cfg.NoStub) > 0 {
		lines = append(lines, "  yours        "+listed(v.cfg.NoStub)+"  (give them Postgres and Kafka as UNWIND_DATABASE_URL and UNWIND_KAFKA_BROKERS)")
	}
	if len(inputs) > 0 {
		lines = append(lines, "", "try, in another terminal:", inputs[0])
	}
	if command := s.Broken(); command != "" {
		lines = append(lines, "  "+self()+" dev break "+command+v.dirFlag()+" --reject      and start it again, to see it turn back")
	}
	s.Print(strings.Join(append(lines, ""), "\n"))
}

func (v *devView) urlFlag(s *dev.Session) string {
	if s.URL() == "http://"+dev.DefaultListen {
		return ""
	}
	return " --url " + s.URL()
}

func (v *devView) dirFlag() string {
	if v.cfg.World.Dir == embedded.DefaultDir {
		return ""
	}
	return " --dir " + v.cfg.World.Dir
}

// listed is a list for people.
func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// self is how the person calls this program.
func self() string {
	exe, err := os.Executable()
	if err == nil && strings.Contains(exe, string(filepath.Separator)+"go-build") {
		return "go run ./cmd/unwind"
	}
	return "unwind"
}

// saga shows a saga that changed: in a line while it runs, as a tree when it has
// ended or needs attention.
func (v *devView) saga(s client.Saga) {
	if s.Ended() || len(s.Attention) > 0 {
		v.say(v.tree(s))
		return
	}
	v.say(time.Now().Format("15:04:05 ") + v.line(s))
}

// line is a saga in one line.
func (v *devView) line(s client.Saga) string {
	var line strings.Builder
	line.WriteString(s.Definition + " " + short(s.ID))
	for _, step := range s.Steps {
		line.WriteString("  " + strings.TrimRight(stepCell(step, v.paint), " "))
	}
	return line.String() + "  " + v.paint.status(s.Status, s.Status)
}

// tree is a saga with a line for each step.
func (v *devView) tree(s client.Saga) string {
	var b strings.Builder
	head := s.Definition + " " + s.ID + "  " + s.Status
	if s.Cause != "" {
		head += ": " + s.Cause
	}
	b.WriteString(time.Now().Format("15:04:05 ") + v.paint.status(s.Status, head))
	for _, a := range s.Attention {
		b.WriteString("\n         " + v.paint.bad("needs attention: "+strings.TrimSpace(a.Reason+" "+a.Step+" "+a.Text)))
	}
	for i, step := range s.Steps {
		branch := "├─ "
		if i == len(s.Steps)-1 {
			branch = "└─ "
		}
		b.WriteString("\n         " + branch + v.paint.phase(step.Phase, pad(marks[step.Phase]+" "+step.Step, 14)+pad(step.Phase, 10)))
		b.WriteString(" " + strings.TrimRight(step.Command+step.Waits+"  "+stepNote(step), " "))
	}
	return b.String()
}

// short is the end of an id, enough to tell sagas apart: their beginnings are the time.
func short(id string) string { return "…" + id[max(0, len(id)-6):] }
