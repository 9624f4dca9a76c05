package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/unwindhq/unwind/client"
)

func (p *program) quotaCommand() *cobra.Command {
	var r remote
	cmd := group("quota", "Bound what a namespace may start and keep", quotaShowCommand(&r), quotaSetCommand(&r))
	r.flags(cmd)
	return cmd
}

func quotaShowCommand(r *remote) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "show", Short: "Show a namespace's quotas and how much of them is used", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			q, err := c.Quotas(cmd.Context(), all)
			if err != nil {
				return err
			}
			return show(cmd, r.format, q, func(w io.Writer) { writeQuotas(w, q) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also the last changes")
	return cmd
}

func quotaSetCommand(r *remote) *cobra.Command {
	var reason string
	var texts quotaTexts
	cmd := destructive(&cobra.Command{
		Use: "set", Short: "Set quotas of a namespace; what is not named stays as it is", Args: cobra.NoArgs,
		Example: `  unwind quota set --namespace shop --starts 50/s --burst 200 --open 100000 --bytes 20GB --reason "the contract of May"
  unwind quota set --namespace shop --bytes none --reason "counted by others"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set := client.SetQuotas{Reason: reason}
			if err := texts.read(cmd, &set); err != nil {
				return err
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			q, err := c.SetQuotas(cmd.Context(), set)
			if err != nil {
				return err
			}
			return show(cmd, r.format, q, func(w io.Writer) { writeQuotas(w, q) })
		},
	})
	f := cmd.Flags()
	f.StringVar(&texts.starts, "starts", "", "how many sagas may be started in a second, such as 50/s; none takes it away")
	f.StringVar(&texts.burst, "burst", "", "how many of them may come at once; none: as many as in a second")
	f.StringVar(&texts.open, "open", "", "how many sagas may be running or compensating; none takes it away")
	f.StringVar(&texts.bytes, "bytes", "", "what the histories of its sagas may hold, such as 20GB or 512MiB; none takes it away")
	f.StringVar(&reason, "reason", "", "why; kept. Required")
	_ = cmd.MarkFlagRequired("reason") // the flag is there
	return cmd
}

// quotaTexts are quotas as they are written.
type quotaTexts struct{ starts, burst, open, bytes string }

// read reads those that were named.
func (q quotaTexts) read(cmd *cobra.Command, set *client.SetQuotas) error {
	named := false
	for _, one := range []struct {
		name, text string
		take       func(int64)
	}{
		{"starts", strings.TrimSuffix(q.starts, "/s"), func(n int64) { set.Starts = new(int(n)) }},
		{"burst", q.burst, func(n int64) { set.Burst = new(int(n)) }},
		{"open", q.open, func(n int64) { set.Open = &n }},
		{"bytes", q.bytes, func(n int64) { set.Bytes = &n }},
	} {
		if !cmd.Flags().Changed(one.name) {
			continue
		}
		n, err := parseQuota(one.text, one.name == "bytes")
		if err != nil {
			return usagef("--%s %q: write a number such as 50000, or none", one.name, one.text)
		}
		one.take(n)
		named = true
	}
	if !named {
		return usagef("name a quota: --starts, --burst, --open or --bytes")
	}
	return nil
}

// units are those of bytes, the longer names before those they end with.
var units = []struct {
	name string
	size int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// parseQuota reads a number, of bytes perhaps with a unit; none is 0.
func parseQuota(text string, bytes bool) (int64, error) {
	if text == "none" {
		return 0, nil
	}
	size := int64(1)
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.name); bytes && ok {
			text, size = number, u.size
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && (n < 0 || n > (1<<62)/size) {
		err = strconv.ErrRange
	}
	return n * size, err
}

// byteText is a number of bytes for people.
func byteText(n int64) string {
	for _, u := range []int{7, 6, 5, 4} {
		if unit := units[u]; n >= unit.size {
			return strconv.FormatFloat(float64(n)/float64(unit.size), 'f', 1, 64) + " " + unit.name
		}
	}
	return strconv.FormatInt(n, 10) + " B"
}

func writeQuotas(w io.Writer, q client.Quotas) {
	t := table{head: []string{"QUOTA OF " + strings.ToUpper(q.Namespace), "USED", "MOST"}}
	t.add("starts a second", "", startsText(q.QuotaLimits))
	t.add("open sagas", q.Used.Open, mostText(q.Open, strconv.FormatInt(q.Open, 10)))
	t.add("bytes in histories", byteText(q.Used.Bytes), mostText(q.Bytes, byteText(q.Bytes)))
	t.write(w)
	if q.Actor != "" && len(q.Changes) == 0 {
		_, _ = fmt.Fprintf(w, "set by %s %s: %s\n", q.Actor, stamp(q.At), q.Reason)
	}
	if len(q.Changes) == 0 {
		return
	}
	changes := table{head: []string{"SET", "BY", "STARTS", "OPEN", "BYTES", "REASON"}}
	for _, c := range q.Changes {
		changes.add(stamp(&c.At), c.Actor, startsText(c.QuotaLimits), mostText(c.Open, strconv.FormatInt(c.Open, 10)), mostText(c.Bytes, byteText(c.Bytes)), c.Reason)
	}
	_, _ = fmt.Fprintln(w)
	changes.write(w)
}

func mostText(limit int64, text string) string {
	if limit == 0 {
		return "any"
	}
	return text
}

func startsText(l client.QuotaLimits) string {
	if l.Starts == 0 {
		return "any"
	}
	text := strconv.Itoa(l.Starts)
	if l.Burst > 0 {
		text += fmt.Sprintf(", %d at once", l.Burst)
	}
	return text
}
