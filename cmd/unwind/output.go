package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"
)

func formatFlag(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVarP(format, "output", "o", "table", "table or json")
}

// show prints a result as JSON or for people, whom nothing in it can trick.
func show(cmd *cobra.Command, format string, result any, people func(io.Writer)) error {
	switch format {
	case "table":
		var text strings.Builder
		people(&text)
		_, err := io.WriteString(cmd.OutOrStdout(), harmless(text.String()))
		return err
	case "json":
		enc := json.NewEncoder(cmd.OutOrStdout())
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(result)
	}
	return usagef("-o %q: write table or json", format)
}

// table prints aligned columns.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...any) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = fmt.Sprint(c)
	}
	t.rows = append(t.rows, row)
}

func (t *table) write(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{t.head}, t.rows...) {
		_, _ = fmt.Fprintln(tw, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	_ = tw.Flush() // a terminal that has gone hears nothing
}

// harmless is text without what moves the cursor of a terminal, colours it or turns
// its direction: causes, reasons and headers come from whoever wrote a record.
func harmless(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			_, _ = fmt.Fprintf(&b, `\u%04x`, r) // a Builder never fails
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
