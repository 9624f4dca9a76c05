package travel

import (
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga/definition"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

func TestDefinitionsFitTheContracts(t *testing.T) {
	t.Parallel()
	var contracts []definition.Contract
	names, err := fs.Glob(Files(), "contracts/*.yaml")
	require.NoError(t, err)
	for _, name := range names {
		data, err := fs.ReadFile(Files(), name)
		require.NoError(t, err)
		c, err := definition.LoadContract(name, data)
		require.NoError(t, err)
		require.Contains(t, Participants(), c.Participant)
		contracts = append(contracts, *c)
	}
	require.Len(t, contracts, 3)
	for _, name := range []string{"travel.yaml", "weekend.yaml"} {
		data, err := fs.ReadFile(Files(), name)
		require.NoError(t, err)
		f, err := definition.Load(name, data, definition.Options{Contracts: contracts})
		require.NoError(t, err)
		require.NoError(t, f.CheckInput([]byte(`{"traveller":"Ada","flight":"LH100","hotel":"Astoria","nights":2,"card":"gold","cents":100}`)))
	}
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	faults, err := ParseFaults("slow:2s, reserve=silent,charge=off,*=lost")
	require.NoError(t, err)
	require.Equal(t, []Fault{
		{Command: "*", Mode: Slow, Delay: 2 * time.Second}, {Command: "reserve", Mode: Silent}, {Command: "charge", Mode: Off}, {Command: "*", Mode: Lost},
	}, faults)
	for _, bad := range []string{"slow", "slow:x", "slow:-1s", "fail:2s", "broken", "reserve="} {
		_, err := ParseFaults(bad)
		require.Error(t, err, bad)
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	get := func(values map[string]string) func(string) string {
		return func(name string) string { return values[name] }
	}
	cfg, err := Environment(get(map[string]string{
		"UNWIND_DATABASE_URL": "postgres://x", "UNWIND_KAFKA_BROKERS": "a:1, b:2", "TRAVEL_SESSION": "2s", "TRAVEL_FAULT": "fail",
	}))
	require.NoError(t, err)
	require.Equal(t, Config{DatabaseURL: "postgres://x", Brokers: []string{"a:1", "b:2"}, Session: 2 * time.Second, Faults: []Fault{{"*", Fail, 0}}}, cfg)
	_, err = Environment(get(nil))
	require.ErrorContains(t, err, "UNWIND_DATABASE_URL")
}

// whole are the effects of a completed saga "a" and of a compensated saga "b".
func whole() []Effect {
	return []Effect{
		{Flights, "a", "booked", true},
		{Hotels, "a", "booked", true},
		{Payments, "a", "charged", true},
		{Flights, "b", "released", false},
		{Hotels, "b", "released", false},
	}
}

func TestCompareFindsDoctoredTables(t *testing.T) {
	t.Parallel()
	ended := []Ended{{Saga: "a", Status: "completed"}, {Saga: "b", Status: "compensated"}}
	require.Empty(t, Compare(ended, whole()))
	for name, c := range map[string]struct {
		doctor func([]Effect) []Effect
		want   string
	}{
		"lost effect":      {func(e []Effect) []Effect { return e[1:] }, "saga a is completed, and flights has no effect where one must be"},
		"undone effect":    {func(e []Effect) []Effect { e[1].Live, e[1].Status = false, "released"; return e }, "saga a is completed, and hotels has an effect that was undone (released)"},
		"left over":        {func(e []Effect) []Effect { e[3].Live, e[3].Status = true, "booked"; return e }, "saga b is compensated, and flights has an effect that still stands (booked)"},
		"charged after":    {func(e []Effect) []Effect { return append(e, Effect{Payments, "b", "charged", true}) }, "saga b is compensated, and payments has an effect that still stands (charged)"},
		"done twice":       {func(e []Effect) []Effect { return append(e, e[2]) }, "saga a is completed, and payments has 2 effects (charged, charged) where one may be"},
		"done and undone":  {func(e []Effect) []Effect { return append(e, e[4]) }, "saga b is compensated, and hotels has 2 effects (released, released) where one may be"},
		"somebody's other": {func(e []Effect) []Effect { e[0].Saga = "c"; return e }, "saga a is completed, and flights has no effect where one must be"},
	} {
		require.Equal(t, []string{c.want}, Compare(ended, c.doctor(whole())), name)
	}
	require.Equal(t, []string{"saga a is running: it must be completed or compensated"}, Compare([]Ended{{Saga: "a", Status: "running"}}, nil))
	require.Empty(t, Compare([]Ended{{Saga: "d", Status: "completed", Steps: []string{Payments}}}, []Effect{{Payments, "d", "charged", true}}))
}

func TestBalanceFindsDoctoredStocks(t *testing.T) {
	t.Parallel()
	require.Empty(t, Balance([]Stock{{Flights, "LH100", 3, 3}}))
	require.Equal(t, []string{"flights has given 4 of LH100, and its live bookings add up to 3"}, Balance([]Stock{{Flights, "LH100", 4, 3}}))
}
