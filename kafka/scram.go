package kafka

import (
	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
)

// scramClient is one conversation of SCRAM, in sarama's words.
type scramClient struct {
	sasl         SASL
	conversation *scram.ClientConversation
}

var _ sarama.SCRAMClient = (*scramClient)(nil)

// Begin implements sarama.SCRAMClient. The password is read here, once for each
// conversation, so sarama's copy of it is not looked at.
func (c *scramClient) Begin(user, _, authzID string) error {
	hash := scram.SHA512
	if c.sasl.Mechanism == ScramSHA256 {
		hash = scram.SHA256
	}
	password, err := c.sasl.password()
	if err != nil {
		return err
	}
	client, err := hash.NewClient(user, string(password), authzID)
	if err != nil {
		return err
	}
	c.conversation = client.NewConversation()
	return nil
}

// Step implements sarama.SCRAMClient. It fails, too, when the broker cannot prove
// that it knows the password's hash.
func (c *scramClient) Step(challenge string) (string, error) { return c.conversation.Step(challenge) }

// Done implements sarama.SCRAMClient.
func (c *scramClient) Done() bool { return c.conversation.Done() }
