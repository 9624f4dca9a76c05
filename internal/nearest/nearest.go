// Package nearest finds the word that was probably meant, for "did you mean".
package nearest

import (
	"slices"
	"strings"
)

// MaxWord is the longest word that is compared, in bytes; a longer one is near
// to nothing.
const MaxWord = 64

// Word returns the one of words that word is likely to be meant for, whatever
// the case of its letters, or "" if none is near. Of two that are as near, the
// first in alphabetical order wins.
func Word(word string, words []string) string {
	best, least := "", min(len(word), max(1, len(word)/3)+1)
	for _, w := range slices.Sorted(slices.Values(words)) {
		if d := distance(strings.ToLower(word), strings.ToLower(w)); d < least {
			best, least = w, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with the next.
func distance(a, b string) int {
	if len(a) > MaxWord || len(b) > MaxWord {
		return MaxWord
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			rows[i][j] = cell(rows, a, b, i, j)
		}
	}
	return rows[len(a)][len(b)]
}

func cell(rows [][]int, a, b string, i, j int) int {
	cost := 1
	if a[i-1] == b[j-1] {
		cost = 0
	}
	d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
	if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
		d = min(d, rows[i-2][j-2]+1)
	}
	return d
}
