package saga_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
)

// TestParseIsTheInverse of String, for everything that has a text form.
func TestParseIsTheInverse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := commandIDs.Draw(t, "command")
		parsed, err := saga.ParseCommandID(id.String())
		require.NoError(t, err)
		require.Equal(t, id, parsed)
		sagaID, err := saga.ParseID(id.Saga.String())
		require.NoError(t, err)
		require.Equal(t, id.Saga, sagaID)
		ref, err := saga.ParseStepRef(id.Step.String())
		require.NoError(t, err)
		require.Equal(t, id.Step, ref)
		sent := saga.Sent{
			Step: id.Step, Direction: id.Direction, Attempt: rapid.Int().Draw(t, "attempt"),
			Name: names.Draw(t, "participant") + "/" + names.Draw(t, "name"), Hash: rapid.Uint64().Draw(t, "hash"),
		}
		again, err := saga.ParseSent(sent.String())
		require.NoError(t, err)
		require.Equal(t, sent, again)
	})
}

// TestParseAcceptsOnlyTheCanonicalForm: what is accepted is written back the same.
func TestParseAcceptsOnlyTheCanonicalForm(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[a-z]{1,3}(\[-?[0-9+]{0,20}\]?)?(#-?[0-9+]{0,20})?`), rapid.String()).Draw(t, "text")
		if ref, err := saga.ParseStepRef(text); err == nil {
			require.Equal(t, text, ref.String())
		}
		if id, err := saga.ParseCommandID(storyID.String() + "/" + text + "/do"); err == nil {
			require.Equal(t, storyID.String()+"/"+text+"/do", id.String())
		}
	})
	for _, text := range []string{
		"", strings.ToUpper(storyID.String()), "{" + storyID.String() + "}", strings.ReplaceAll(storyID.String(), "-", ""),
		"0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5g", "0190a1b2+c3d4-7e5f-8a9b-0c1d2e3f4a5b", "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b0",
	} {
		_, err := saga.ParseID(text)
		require.Error(t, err, text)
	}
	for _, text := range []string{"", "Ship", "ship[", "ship[]", "ship[x]", "ship[-1]", "ship[01]", "ship#", "ship#1", "ship#0", "ship#2[1]", "ship[1]]"} {
		_, err := saga.ParseStepRef(text)
		require.Error(t, err, text)
	}
	for _, text := range []string{"", "ship", storyID.String() + "/ship", storyID.String() + "/ship/redo", "x/ship/do", storyID.String() + "/Ship/do", storyID.String() + "/ship/do/"} {
		_, err := saga.ParseCommandID(text)
		require.Error(t, err, text)
	}
	for _, text := range []string{"", "ship/do a/b 1", "ship/redo a/b 1 0", "Ship/do a/b 1 0", "ship/do a/b x 0", "ship/do a/b 1 xyz"} {
		_, err := saga.ParseSent(text)
		require.Error(t, err, text)
	}
}

// TestWords: each word on the wire, in the API and in logs is read back.
func TestWords(t *testing.T) {
	t.Parallel()
	for _, d := range []saga.Direction{saga.Do, saga.Undo} {
		got, err := saga.ParseDirection(d.String())
		require.NoError(t, err)
		require.Equal(t, d, got)
	}
	for o := saga.Succeeded; o <= saga.Ongoing; o++ {
		got, err := saga.ParseOutcome(o.String())
		require.NoError(t, err)
		require.Equal(t, o, got)
	}
	for s := saga.Running; s <= saga.Abandoned; s++ {
		got, ok := saga.ParseStatus(s.String())
		require.True(t, ok)
		require.Equal(t, s, got)
	}
	_, ok := saga.ParseStatus("none")
	require.False(t, ok)
	_, err := saga.ParseOutcome("none")
	require.Error(t, err)
	require.Equal(t, "none", saga.Direction(0).String()+"", "a zero direction has no word of its own")
	require.Equal(t, "unknown", saga.Kind(9).String())
	require.Equal(t, "unknown", saga.Status(9).String())
	require.Equal(t, "unknown-phase", saga.Phase(99).String())
}
