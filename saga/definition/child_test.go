package definition_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

const withChildren = `unwind: v1
saga: order
steps:
  - {step: reserve, command: stock/reserve, compensation: release}
  - {step: settle, child: settleOrder, version: r3, input: {cents: "${input.cents}"}}
  - {step: notify, after: reserve, child: sendMails, noCompensation: mails stay sent}
  - {step: close, after: [settle, notify], child: closeOrder, kind: pivot}
  - {step: ship, child: shipOrder, kind: retriable, retry: {backoff: 2s, cap: 1m}, input: "${steps.settle.output.id}"}
  - {step: thank, child: thank, kind: retriable}
`

func TestChildren(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("order.yaml", []byte(withChildren), definition.Options{})
	require.NoError(t, err)
	steps := f.Definition.Steps
	require.Equal(t, &saga.Child{Definition: "settleOrder", Version: "r3"}, steps[1].Child)
	require.True(t, steps[1].UndoesChild())
	require.False(t, steps[2].UndoesChild())
	require.Equal(t, saga.Policy{Backoff: 2 * time.Second, Cap: time.Minute}, steps[4].Do)
	require.Equal(t, saga.Policy{Backoff: time.Second, Cap: time.Minute}, steps[5].Do)
	require.Empty(t, steps[1].Participant)
	require.Equal(t, []string{"stock"}, f.Definition.Participants())

	again, err := definition.Load("x", f.Canonical, definition.Options{})
	require.NoError(t, err)
	require.Equal(t, f.Hash, again.Hash)
	require.NoError(t, compiled(t, definition.Schema()).Validate(fromYAML(t, []byte(withChildren))))
	require.NoError(t, compiled(t, definition.Schema()).Validate(fromYAML(t, f.Canonical)))
	require.Contains(t, definition.Mermaid(&f.Definition), "settle<br/>saga settleOrder r3")
}

func TestFaultsOfChildren(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ step, want string }{
		{`{step: a, child: Settle}`, `w.yaml:4: steps[0].child: "Settle" is not a name; write settle`},
		{`{step: a, child: s, version: 3}`, "w.yaml:4: steps[0].version: want a text, found the number 3; put it in quotes"},
		{`{step: a, child: s, version: v3}`, `w.yaml:4: steps[0].version: "v3" is not a version; write one such as r3, or leave it out for the latest`},
		{`{step: a, command: x/y, noCompensation: no, version: r3}`, "w.yaml:4: steps[0].version: only a child has a version; write child: and the name of a definition"},
		{`{step: a, child: s, command: x/y}`, "w.yaml:4: steps[0].command: the step has a child too; make two steps of it"},
		{`{step: a, child: s, sleep: 1h}`, "w.yaml:4: steps[0].child: the step waits too; make two steps of it"},
		{`{step: a, child: s, compensation: undo}`, "w.yaml:4: steps[0].compensation: a child is undone by its own compensations; remove compensation and undo"},
		{`{step: a, child: s, undo: {timeout: 1s}}`, "w.yaml:4: steps[0].compensation: a child is undone by its own compensations; remove compensation and undo"},
		{`{step: a, child: s, timeout: 1s}`, "w.yaml:4: steps[0].timeout: a child has its own times; write a deadline into the child's definition, and no timeout and no attempts here"},
		{`{step: a, child: s, forEach: "${input.lines}", limit: {items: 3000}}`, "w.yaml:4: steps[0].limit.items: 3000 items; write 1 to 1000; let child sagas take the parts of a longer list"},
		{`{step: a, child: s, kind: pivot, forEach: "${input.lines}"}`, "w.yaml:4: steps[0].forEach: a pivot runs once"},
		{`{step: a, child: s, limit: {concurrency: 3}}`, "w.yaml:4: steps[0].limit: a limit of no list; write forEach:"},
		{`{step: a, child: s, heartbeat: 1m}`, "w.yaml:4: steps[0].heartbeat: a child says by itself how it ends; remove it, or write a deadline into the child's definition"},
		{`{step: a, child: s, retry: {attempts: 3}}`, "w.yaml:4: steps[0].retry: a child is begun again only behind the pivot; remove retry, or make it kind: retriable"},
		{`{step: a, child: s, kind: retriable}`, "w.yaml:4: steps[0].kind: a retriable step that does not come after the pivot could not be undone"},
		{`{step: a, child: s, kind: pivot, noCompensation: no}`, "w.yaml:4: steps[0].compensation: a pivot step is never undone; remove compensation and noCompensation"},
	} {
		_, err := definition.Load("w.yaml", []byte("unwind: v1\nsaga: w\nsteps:\n  - "+tt.step+"\n"), definition.Options{})
		require.ErrorIs(t, err, saga.ErrInvalidDefinition, tt.step)
		require.True(t, strings.HasPrefix(err.Error(), tt.want), "%s\nwant %s\ngot  %s", tt.step, tt.want, err)
	}
}
