package sagapg

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// What a function has asked for is read back as it was, byte for byte.
func TestWhatIsAskedForIsReadBack(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]saga.Event{
		"nothing":    {},
		"no data":    {Extra: &saga.EventExtra{Asked: []saga.Asked{{What: "return"}}}},
		"white":      {Extra: &saga.EventExtra{Asked: []saga.Asked{{What: "do:pay payments/charge", Data: []byte("{\"a\": 1,\n \"b\":[ ]}")}}}},
		"html":       {Extra: &saga.EventExtra{Asked: []saga.Asked{{What: "do:a b/c", Data: []byte(`"<a> & <b>"`)}, {What: "do:b b/c", Data: []byte(`{}`)}}}},
		"odd name":   {Extra: &saga.EventExtra{Asked: []saga.Asked{{What: "side:\"a\\b\"\x01 ü <", Data: []byte(`1`)}}}},
		"other also": {Hold: true, Extra: &saga.EventExtra{Signal: "paid", Asked: []saga.Asked{{What: "sleep:sleep"}}}},
		"with time":  {Extra: &saga.EventExtra{Healthy: time.Unix(7, 0).UTC(), Asked: []saga.Asked{{What: "sleep:sleep"}}}},
		"start":      {Extra: &saga.EventExtra{Definition: "trip", Version: "r1", Level: 1}},
	} {
		var read saga.Event
		require.NoError(t, decodeDetail(&read, detailText(&e)), name)
		require.Equal(t, e, read, name)
	}
}
