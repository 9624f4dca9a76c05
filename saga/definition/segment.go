package definition

import (
	"errors"
	"strings"
)

// segment is a piece of a text: literal, or the expression inside ${…}.
type segment struct {
	text       string
	expression bool
}

var errOpen = errors.New("${ is never closed")

// split takes a text apart: "Trip ${input.id}" is a literal and an expression.
// $${ is a literal ${.
func split(text string) ([]segment, error) {
	var segments []segment
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			segments = append(segments, segment{text: literal.String()})
			literal.Reset()
		}
	}
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			literal.WriteString(text)
			flush()
			return segments, nil
		}
		if i > 0 && text[i-1] == '$' {
			literal.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		literal.WriteString(text[:i])
		end := closing(text[i+2:])
		if end < 0 {
			return nil, errOpen
		}
		flush()
		segments = append(segments, segment{text: text[i+2 : i+2+end], expression: true})
		text = text[i+2+end+1:]
	}
}

// closing returns where the } that ends an expression is, -1 if nowhere: not in
// CEL's texts and comments, and not where it closes a { of the expression.
func closing(cel string) int {
	depth := 0
	for i := 0; i < len(cel); i++ {
		switch b := cel[i]; b {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		case '/':
			if strings.HasPrefix(cel[i:], "//") {
				i = skipTo(cel, i, "\n")
			}
		case '"', '\'':
			i = skipText(cel, i)
		}
		if i < 0 {
			return -1
		}
	}
	return -1
}

// skipText returns the last byte of the CEL text that starts at i, -1 without end.
func skipText(cel string, i int) int {
	raw := i > 0 && (cel[i-1] == 'r' || cel[i-1] == 'R')
	quote := cel[i : i+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(cel[i:], triple) {
		quote = triple
	}
	for j := i + len(quote); j < len(cel); j++ {
		if cel[j] == '\\' && !raw {
			j++
			continue
		}
		if strings.HasPrefix(cel[j:], quote) {
			return j + len(quote) - 1
		}
	}
	return -1
}

// skipTo returns where end is from i on, -1 if nowhere.
func skipTo(cel string, i int, end string) int {
	if j := strings.Index(cel[i:], end); j >= 0 {
		return i + j
	}
	return -1
}
