package failpoint

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLoseEachNthAnswer(t *testing.T) { // not parallel: the arming is the process's
	require.NoError(t, Arm(LoseSend+":3"))
	defer func() { require.NoError(t, Arm("")) }()
	var lost []int
	for i := range 9 {
		if err := Lose(LoseSend, nil); err != nil {
			require.ErrorIs(t, err, ErrLost)
			lost = append(lost, i)
		}
		require.NoError(t, Lose(LoseCommit, nil), "another place")
	}
	require.Equal(t, []int{2, 5, 8}, lost)
	broken := errors.New("broken")
	require.Equal(t, broken, Lose(LoseSend, broken), "what failed is told as it is")
}
