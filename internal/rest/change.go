package rest

import (
	"context"

	"github.com/unwindhq/unwind/client"
)

type disableInput struct {
	DefinitionTarget
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1024" doc:"why; shown to whoever tries to start one"`
	}
}

type promoteInput struct {
	DefinitionTarget
	Body struct {
		Version string `json:"version" minLength:"1" maxLength:"16" doc:"the version that is to start sagas, such as r12"`
	}
}

type enableInput struct{ DefinitionTarget }

// DefinitionTarget is the definition that a request changes.
type DefinitionTarget struct {
	NamespaceInput
	Name string `path:"name"`
}

// changeRoutes registers what says which version of a definition starts sagas.
func (s *Server) changeRoutes() {
	errors := []int{400, 404, 413, 422}
	handle(s, "POST /v1/definitions/{name}/disable", route{"disableDefinition", "Let a definition start no sagas; those that run go on", DefinitionsApply, errors}, s.disable)
	handle(s, "POST /v1/definitions/{name}/enable", route{"enableDefinition", "Let a disabled definition start sagas again", DefinitionsApply, errors}, s.enable)
	handle(s, "POST /v1/definitions/{name}/promote", route{"promoteDefinition", "Make a stored version the latest: a roll-back", DefinitionsApply, errors}, s.promote)
}

func (s *Server) disable(ctx context.Context, in *disableInput) (*definitionOutput, error) {
	return s.change(ctx, in.DefinitionTarget, func(namespace string) error {
		return s.cfg.Registry.Disable(ctx, namespace, in.Name, in.Body.Reason, actorText(s.actor(ctx)))
	})
}

func (s *Server) enable(ctx context.Context, in *enableInput) (*definitionOutput, error) {
	return s.change(ctx, in.DefinitionTarget, func(namespace string) error { return s.cfg.Registry.Enable(ctx, namespace, in.Name) })
}

func (s *Server) promote(ctx context.Context, in *promoteInput) (*definitionOutput, error) {
	return s.change(ctx, in.DefinitionTarget, func(namespace string) error {
		if err := s.stillFits(ctx, namespace, in.Name, in.Body.Version); err != nil {
			return err
		}
		return s.cfg.Registry.Promote(ctx, namespace, in.Name, in.Body.Version)
	})
}

// change changes a definition and answers with the latest version.
func (s *Server) change(ctx context.Context, target DefinitionTarget, do func(namespace string) error) (*definitionOutput, error) {
	namespace, err := s.namespace(ctx, target.NamespaceInput)
	if err != nil {
		return nil, err
	}
	if err := do(namespace); err != nil {
		return nil, s.answer(ctx, err)
	}
	version, file, err := s.cfg.Registry.Latest(ctx, namespace, target.Name)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return &definitionOutput{Body: client.Definition{Name: target.Name, Version: version, Hash: file.Hash, Canonical: file.Canonical}}, nil
}
