package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/hold"
	"github.com/unwindhq/unwind/saga"
)

// Holds keeps what operators hold back. *hold.Store implements it.
type Holds interface {
	// Hold lets nothing of a target leave until Release.
	Hold(ctx context.Context, c hold.Change) (hold.Hold, error)
	// Release lets what is held of a target go.
	Release(ctx context.Context, c hold.Change) (hold.Hold, error)
	// List returns how everything stands that was ever held.
	List(ctx context.Context) ([]hold.Hold, error)
	// History returns the last changes of a target, the newest first.
	History(ctx context.Context, t hold.Target) ([]hold.Hold, error)
}

// HoldBody says why something is held.
type HoldBody struct {
	Reason string `json:"reason" minLength:"1" maxLength:"1024" doc:"why; shown with every saga that waits for it"`
}

// ReleaseBody says how something is released.
type ReleaseBody struct {
	Reason string `json:"reason,omitempty" maxLength:"1024" doc:"why; kept"`
	Rate   int    `json:"rate,omitempty" minimum:"1" maximum:"100000" doc:"how many of the commands held back may leave a second, in all processes together; default as after a breaker"`
}

// RequestKey makes a change happen once.
type RequestKey struct {
	Key string `header:"Idempotency-Key" maxLength:"256" doc:"the same key again changes nothing"`
}

// ParticipantTarget is the participant that a request is about.
type ParticipantTarget struct {
	Participant string `path:"participant" maxLength:"64" pattern:"^[a-z][A-Za-z0-9]*$"`
}

type (
	holdParticipantInput struct {
		ParticipantTarget
		RequestKey
		Body HoldBody
	}
	releaseParticipantInput struct {
		ParticipantTarget
		RequestKey
		Body ReleaseBody
	}
	holdDefinitionInput struct {
		DefinitionTarget
		RequestKey
		Body HoldBody
	}
	releaseDefinitionInput struct {
		DefinitionTarget
		RequestKey
		Body ReleaseBody
	}
	holdNamespaceInput struct {
		NamespaceInput
		RequestKey
		Body HoldBody
	}
	releaseNamespaceInput struct {
		NamespaceInput
		RequestKey
		Body ReleaseBody
	}
	holdsInput struct {
		NamespaceInput
		All bool `query:"all" doc:"also what was released, with the last changes of each"`
	}
	holdOutput  struct{ Body client.Hold }
	holdsOutput struct{ Body client.Holds }
)

// holdRoutes registers what holds commands back.
func (s *Server) holdRoutes() {
	if s.cfg.Holds == nil {
		return
	}
	errors := []int{404, 409, 413, 422}
	handle(s, "GET /v1/holds", route{"listHolds", "List what is held, in a namespace or for all of them", HoldsRead, []int{404, 422}}, s.listHolds)
	handle(s, "POST /v1/participants/{participant}/hold", route{"holdParticipant", "Let no command to a participant leave", ParticipantsHold, errors}, s.holdParticipant)
	handle(s, "POST /v1/participants/{participant}/release", route{"releaseParticipant", "Let the commands to a held participant go, at a rate", ParticipantsHold, errors}, s.releaseParticipant)
	handle(s, "POST /v1/definitions/{name}/hold", route{"holdDefinition", "Let no command of a definition's sagas leave", HoldsWrite, errors}, s.holdDefinition)
	handle(s, "POST /v1/definitions/{name}/release", route{"releaseDefinition", "Let the commands of a held definition's sagas go, at a rate", HoldsWrite, errors}, s.releaseDefinition)
	handle(s, "POST /v1/namespace/hold", route{"holdNamespace", "Let no command of a namespace's sagas leave", HoldsWrite, errors}, s.holdNamespace)
	handle(s, "POST /v1/namespace/release", route{"releaseNamespace", "Let the commands of a held namespace's sagas go, at a rate", HoldsWrite, errors}, s.releaseNamespace)
}

func (s *Server) holdParticipant(ctx context.Context, in *holdParticipantInput) (*holdOutput, error) {
	return s.changeHold(ctx, s.cfg.Holds.Hold, s.holdChange(ctx, participantTarget(in.Participant), in.Key, ReleaseBody{Reason: in.Body.Reason}))
}

func (s *Server) releaseParticipant(ctx context.Context, in *releaseParticipantInput) (*holdOutput, error) {
	return s.changeHold(ctx, s.cfg.Holds.Release, s.holdChange(ctx, participantTarget(in.Participant), in.Key, in.Body))
}

func (s *Server) holdDefinition(ctx context.Context, in *holdDefinitionInput) (*holdOutput, error) {
	target, err := s.definitionTarget(ctx, in.DefinitionTarget)
	if err != nil {
		return nil, err
	}
	return s.changeHold(ctx, s.cfg.Holds.Hold, s.holdChange(ctx, target, in.Key, ReleaseBody{Reason: in.Body.Reason}))
}

func (s *Server) releaseDefinition(ctx context.Context, in *releaseDefinitionInput) (*holdOutput, error) {
	target, err := s.definitionTarget(ctx, in.DefinitionTarget)
	if err != nil {
		return nil, err
	}
	return s.changeHold(ctx, s.cfg.Holds.Release, s.holdChange(ctx, target, in.Key, in.Body))
}

func (s *Server) holdNamespace(ctx context.Context, in *holdNamespaceInput) (*holdOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	return s.changeHold(ctx, s.cfg.Holds.Hold, s.holdChange(ctx, namespaceTarget(namespace), in.Key, ReleaseBody{Reason: in.Body.Reason}))
}

func (s *Server) releaseNamespace(ctx context.Context, in *releaseNamespaceInput) (*holdOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	return s.changeHold(ctx, s.cfg.Holds.Release, s.holdChange(ctx, namespaceTarget(namespace), in.Key, in.Body))
}

func participantTarget(name string) hold.Target {
	return hold.Target{Kind: hold.Participant, Name: name}
}

func namespaceTarget(name string) hold.Target {
	return hold.Target{Kind: hold.Namespace, Namespace: name, Name: name}
}

// definitionTarget is a definition that there is.
func (s *Server) definitionTarget(ctx context.Context, in DefinitionTarget) (hold.Target, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return hold.Target{}, err
	}
	if _, _, err := s.cfg.Registry.Latest(ctx, namespace, in.Name); err != nil {
		return hold.Target{}, s.answer(ctx, err)
	}
	return hold.Target{Kind: hold.Definition, Namespace: namespace, Name: in.Name}, nil
}

func (s *Server) holdChange(ctx context.Context, t hold.Target, key string, body ReleaseBody) hold.Change {
	return hold.Change{Target: t, Rate: body.Rate, Reason: saga.Clip(body.Reason), Actor: actorText(s.actor(ctx)), RequestID: key}
}

// changeHold holds or releases, and answers.
func (s *Server) changeHold(ctx context.Context, do func(context.Context, hold.Change) (hold.Hold, error), c hold.Change) (*holdOutput, error) {
	h, err := do(ctx, c)
	switch {
	case errors.Is(err, hold.ErrNotHeld):
		return nil, newProblem(http.StatusConflict, client.NotNow, err.Error())
	case errors.Is(err, hold.ErrTooMany):
		return nil, newProblem(http.StatusUnprocessableEntity, client.BadRequest, err.Error())
	case err != nil:
		return nil, s.answer(ctx, err)
	}
	return &holdOutput{Body: holdView(h)}, nil
}

// listHolds answers with what concerns a namespace: its own holds, and those of
// participants, which all namespaces share.
func (s *Server) listHolds(ctx context.Context, in *holdsInput) (*holdsOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	list, err := s.cfg.Holds.List(ctx)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	out := &holdsOutput{Body: client.Holds{Holds: []client.Hold{}}}
	for _, h := range list {
		if h.Kind != hold.Participant && h.Namespace != namespace || !h.Held && !in.All {
			continue
		}
		view := holdView(h)
		if in.All {
			if view.Changes, err = s.holdChanges(ctx, h.Target); err != nil {
				return nil, s.answer(ctx, err)
			}
		}
		out.Body.Holds = append(out.Body.Holds, view)
	}
	return out, nil
}

func (s *Server) holdChanges(ctx context.Context, t hold.Target) (changes []client.HoldChange, err error) {
	list, err := s.cfg.Holds.History(ctx, t)
	for _, h := range list {
		changes = append(changes, client.HoldChange{Held: h.Held, Rate: h.Rate, Reason: h.Reason, Actor: h.Actor, RequestID: h.RequestID, At: h.At.UTC()})
	}
	return changes, err
}

func holdView(h hold.Hold) client.Hold {
	return client.Hold{Kind: h.Kind, Name: h.Name, Held: h.Held, Rate: h.Rate, Reason: h.Reason, Actor: h.Actor, At: h.At.UTC()}
}
