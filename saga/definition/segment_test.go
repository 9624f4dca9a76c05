package definition

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want []segment
	}{
		{"", nil},
		{"plain", []segment{{"plain", false}}},
		{"${a}", []segment{{"a", true}}},
		{"x ${a} y ${b}", []segment{{"x ", false}, {"a", true}, {" y ", false}, {"b", true}}},
		{"$${a} $$ $", []segment{{"${a} $$ $", false}}},
		{"${ {'a': {}} }", []segment{{" {'a': {}} ", true}}},
		{"${'}' + \"}\" + '''}'''}", []segment{{"'}' + \"}\" + '''}'''", true}}},
		{`${'\'}' + r'\'}`, []segment{{`'\'}' + r'\'`, true}}},
		{"${a // }\n}", []segment{{"a // }\n", true}}},
		{"${a}}", []segment{{"a", true}, {"}", false}}},
	} {
		got, err := split(tt.text)
		require.NoError(t, err, tt.text)
		require.Equal(t, tt.want, got, tt.text)
	}
	for _, text := range []string{"${", "${a", "${'}", "${{}", "${a // }", `${'''}`} {
		_, err := split(text)
		require.ErrorIs(t, err, errOpen, text)
	}
}

func TestNamesInCures(t *testing.T) {
	t.Parallel()
	require.Equal(t, "reserveStock", camel("reserve-stock"))
	require.Equal(t, "reserveStock", camel("Reserve stock"))
	require.Equal(t, "did you mean title?", didYouMean("titel", []string{"title", "owner"}))
	require.Equal(t, "known are owner, title", didYouMean("zzz", []string{"title", "", "owner"}))
}
