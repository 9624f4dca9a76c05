package definition

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Change is one difference between two definitions.
type Change struct {
	Path string // Path says where: steps.charge.timeout. Steps go by their names.
	Old  string // Old is the JSON that was there; empty: nothing.
	New  string // New is the JSON that is there now; empty: nothing.
}

// String returns path: old → new.
func (c Change) String() string {
	switch {
	case c.Old == "":
		return c.Path + ": added " + c.New
	case c.New == "":
		return c.Path + ": removed, was " + c.Old
	}
	return c.Path + ": " + c.Old + " → " + c.New
}

// Diff compares the canonical forms of two definitions, option by option, in the
// order of the paths.
func Diff(older, newer *File) ([]Change, error) {
	before, err := leaves(older.Canonical)
	if err != nil {
		return nil, err
	}
	after, err := leaves(newer.Canonical)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(before)
	maps.Copy(all, after)
	var changes []Change
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if before[path] != after[path] {
			changes = append(changes, Change{Path: path, Old: before[path], New: after[path]})
		}
	}
	return changes, nil
}

// leaves lists the values of a canonical form by their paths.
func leaves(canonical []byte) (map[string]string, error) {
	var document any
	if err := json.Unmarshal(canonical, &document); err != nil {
		return nil, fmt.Errorf("read a canonical definition: %w", err)
	}
	found := map[string]string{}
	collect(document, "", found)
	return found, nil
}

func collect(value any, path string, found map[string]string) {
	switch v := value.(type) {
	case map[string]any:
		for name, item := range v {
			collect(item, join(path, name), found)
		}
		if len(v) == 0 {
			found[path] = "{}"
		}
	case []any:
		if path == "steps" {
			collectSteps(v, found)
			return
		}
		found[path] = text(v)
	default:
		found[path] = text(v)
	}
}

// collectSteps lists the steps by their names, and their order.
func collectSteps(steps []any, found map[string]string) {
	var order []string
	for i, item := range steps {
		step, _ := item.(map[string]any)
		name, ok := step["step"].(string)
		if !ok {
			name = strconv.Itoa(i)
		}
		order = append(order, name)
		collect(item, join("steps", name), found)
	}
	found["steps"] = strings.Join(order, ", ")
}

func text(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("what was read from JSON is JSON: %v", err))
	}
	return string(data)
}
