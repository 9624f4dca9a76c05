package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/unwindhq/unwind/internal/failpoint"
)

// counts say how often each fault was really hit, by "fault role".
type counts map[string]int

func (c counts) add(fault, role string) { c[fault+" "+role]++ }

// placeOf is the name in name:n.
func placeOf(arm string) string {
	name, _, _ := strings.Cut(arm, ":")
	return name
}

// group sums a fault over some roles.
func (c counts) group(fault string, of []string) int {
	n := 0
	for _, role := range of {
		n += c[fault+" "+role]
	}
	return n
}

// lacking lists the faults that were not hit often enough.
func (c counts) lacking(kills int) []string {
	var list []string
	want := func(fault string, of []string, least int) {
		if n := c.group(fault, of); n < least {
			list = append(list, fmt.Sprintf("%s of %s was hit %d times, want %d", fault, strings.Join(of, " and "), n, least))
		}
	}
	for _, role := range roles {
		want(faultKill, []string{role}, kills/len(roles))
		want(faultRestart, []string{role}, 1)
	}
	for _, role := range coordinators {
		want("taken-over", []string{role}, pausesOf(kills))
	}
	for _, of := range [][]string{coordinators, participants} {
		for _, place := range places[of[0] == coordinators[0]] {
			want(place, of, hitsOf(kills))
		}
		want(failpoint.LoseCommit, of, hitsOf(kills))
		want(failpoint.LoseSend, of, hitsOf(kills))
	}
	return list
}

// result is what is appended to the file of results.
type result struct {
	Commit  string   `json:"commit"`
	Seed    uint64   `json:"seed"`
	Kills   int      `json:"kills"`
	Sagas   int      `json:"sagas"`
	Rate    float64  `json:"sagas_per_s"`
	Counts  counts   `json:"counts"`
	Found   []string `json:"found"`
	Lacking []string `json:"lacking"`
}

// report prints the counters and the findings and writes the result.
func (w *world) report(l *load, rate float64, found []string) error {
	for _, v := range w.victims {
		for _, place := range []string{failpoint.LoseCommit, failpoint.LoseSend} {
			w.counts[place+" "+v.role] = v.lost(place)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.counts)) {
		fmt.Printf("%-30s %d\n", name, w.counts[name])
	}
	lacking := w.counts.lacking(w.config.kills)
	for _, text := range slices.Concat(found, lacking) {
		fmt.Println("FOUND:", text)
	}
	commit, _ := exec.Command("git", "rev-parse", "HEAD").Output() // empty outside a clone
	r := result{
		Commit: strings.TrimSpace(string(commit)), Seed: w.config.seed, Kills: w.config.kills, Sagas: l.count(), Rate: rate,
		Counts: w.counts, Found: found, Lacking: lacking,
	}
	if err := r.append(w.config.results); err != nil {
		return err
	}
	if n := len(found) + len(lacking); n > 0 {
		return fmt.Errorf("%w: %d findings, seed %d", errFound, n, w.config.seed)
	}
	w.good = true
	fmt.Printf("nothing found; seed %d\n", w.config.seed)
	return nil
}

// append adds the result to a file, if one is named.
func (r result) append(name string) error {
	if name == "" {
		return nil
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open the results: %w", err)
	}
	defer func() { _ = file.Close() }() // an error of Encode comes first
	return json.NewEncoder(file).Encode(r)
}
