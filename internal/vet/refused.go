package vet

import (
	"go/types"
	"slices"
	"strings"
)

// rule refuses what some packages have.
type rule struct {
	packages []string // packages are import paths; "x/..." takes those below too
	only     []string // only are the names of functions that are refused; empty for all of them
	not      []string // not are names that are fine: functions, or types with all their methods
	types    bool     // types says that types are refused too, besides functions and variables
	said     bool     // said: it is fine where the function is not run again
	cure     string   // cure is what to write instead
}

const ioCure = "it is not to do I/O; move this into a step (a local one has a transaction), or into code.SideEffect if it is quick"

var rules = []rule{
	{
		packages: []string{"time"}, only: []string{"Now", "Since", "Until"},
		cure: "the clock says something else when it is run again; write c.Now()",
	},
	{
		packages: []string{"time"}, only: []string{"Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
		cure: "it holds up the coordinator and is lost in a restart; write c.Sleep or c.Timer",
	},
	{
		packages: []string{"context"}, only: []string{"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause", "AfterFunc"},
		cure: "it is a clock and a goroutine; write code.First with a c.Timer, or give the step a timeout",
	},
	{
		packages: []string{"math/rand", "math/rand/v2"}, not: []string{"New", "NewSource", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "Source", "Source64", "PCG", "ChaCha8", "Zipf"},
		cure: "it gives something else when it is run again; write c.Float64(), or rand.New(c) of math/rand/v2",
	},
	{
		packages: []string{"crypto/rand"}, types: true,
		cure: "it gives something else when it is run again; write c.NewID() or c.Uint64(), or code.SideEffect for what must be a secret",
	},
	{
		packages: []string{"github.com/google/uuid"}, only: []string{"New", "NewString", "NewRandom", "NewRandomFromReader", "NewUUID", "NewV6", "NewV7", "NewV7FromReader"},
		cure: "it gives something else when it is run again; write c.NewID()",
	},
	{
		packages: []string{"sync", "sync/atomic", "golang.org/x/sync/..."}, types: true,
		cure: "branches of code.Go take turns, so they need no locks; wait with a future's Get or code.First",
	},
	{
		packages: []string{"fmt", "log", "log/slog"}, said: true,
		only: []string{
			"Print", "Printf", "Println", "Scan", "Scanf", "Scanln", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln", "Output",
			"Debug", "DebugContext", "Info", "InfoContext", "Warn", "WarnContext", "Error", "ErrorContext", "Log", "LogAttrs",
		},
		cure: "it is said again each time that the function is run again; write if !c.Replaying() { … } around it, or say it in a step",
	},
	{
		packages: []string{"net"}, not: []string{"CIDRMask", "IPv4", "IPv4Mask", "JoinHostPort", "SplitHostPort", "ParseCIDR", "ParseIP", "ParseMAC", "HardwareAddr", "IP", "IPMask", "IPNet"},
		cure: ioCure,
	},
	{
		packages: []string{"net/http/...", "net/rpc/...", "net/smtp", "os/...", "io/ioutil", "database/sql", "github.com/jackc/pgx/..."},
		not: []string{
			"IsExist", "IsNotExist", "IsPermission", "IsTimeout", "Expand", "StatusText", "CanonicalHeaderKey", "Header", "Cookie", // of os and net/http
			"NullString", "NullTime", "NullBool", "NullInt64", "NullFloat64", "Identifier", "PgError", // of the databases
		},
		cure: ioCure,
	},
}

// refused is what to write instead of obj, empty if obj is fine. once says that it is used
// where the function is not run again.
func refused(obj types.Object, once bool) string {
	for _, r := range rules {
		if r.names(obj.Pkg().Path()) && r.refuses(obj) && (!r.said || !once) {
			return r.cure
		}
	}
	return ""
}

func (r rule) names(path string) bool {
	return slices.ContainsFunc(r.packages, func(p string) bool {
		root, deep := strings.CutSuffix(p, "/...")
		return path == root || deep && strings.HasPrefix(path, root+"/")
	})
}

func (r rule) refuses(obj types.Object) bool {
	recv := receiver(obj)
	if slices.Contains(r.not, obj.Name()) && recv == "" || slices.Contains(r.not, recv) {
		return false
	}
	if len(r.only) > 0 {
		return isFunc(obj, obj.Pkg().Path(), obj.Name()) && slices.Contains(r.only, obj.Name())
	}
	switch obj := obj.(type) {
	case *types.Func:
		return obj.Name() != "Error" && obj.Name() != "String" && obj.Name() != "Unwrap" // errors and values are told about
	case *types.Var:
		return !obj.IsField() && !isError(obj.Type())
	case *types.TypeName:
		return r.types
	default:
		return false
	}
}

func isError(t types.Type) bool {
	return types.Identical(t, types.Universe.Lookup("error").Type())
}
