package rest

import (
	"context"
	"errors"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

type applyInput struct {
	NamespaceInput
	File    string `query:"file" maxLength:"256" doc:"the file's name, repeated in faults"`
	RawBody []byte `contentType:"application/yaml" doc:"the definition, YAML or JSON"`
}

type applyOutput struct{ Body client.Applied }

// apply checks a definition and stores it.
func (s *Server) apply(ctx context.Context, in *applyInput) (*applyOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	contracts, err := s.knownContracts(ctx, namespace)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	file, err := definition.Load(in.File, in.RawBody, definition.Options{Contracts: contracts, Partial: true})
	var faults saga.Faults
	if errors.As(err, &faults) {
		return nil, faultsProblem(faults)
	}
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	if _, err := saga.Compile(file.Definition); errors.As(err, &faults) {
		return nil, faultsProblem(faults)
	}
	version, created, err := s.cfg.Registry.Apply(ctx, namespace, file)
	if errors.As(err, &faults) {
		return nil, faultsProblem(faults)
	}
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return &applyOutput{Body: client.Applied{Name: file.Definition.Name, Version: version, Hash: file.Hash, Created: created}}, nil
}

type definitionsInput struct {
	NamespaceInput
	After string `query:"after" doc:"next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type definitionsOutput struct{ Body client.Definitions }

// definitions answers with a page of definitions.
func (s *Server) definitions(ctx context.Context, in *definitionsInput) (*definitionsOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	entries, err := s.cfg.Registry.List(ctx, namespace, in.After, in.Limit)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	out := &definitionsOutput{Body: client.Definitions{Definitions: []client.Definition{}}}
	for _, e := range entries {
		out.Body.Definitions = append(out.Body.Definitions, client.Definition{
			Name: e.Name, Version: e.Version, Hash: e.Hash, AppliedAt: moment(e.At), Disabled: e.Disabled,
		})
	}
	if len(entries) == in.Limit {
		out.Body.Next = entries[len(entries)-1].Name
	}
	return out, nil
}

type definitionInput struct {
	NamespaceInput
	Name    string `path:"name"`
	Version string `query:"version" doc:"such as r12; default: the latest"`
}

type definitionOutput struct{ Body client.Definition }

// definition answers with one version of a definition.
func (s *Server) definition(ctx context.Context, in *definitionInput) (*definitionOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	version, file, err := s.resolve(ctx, namespace, in.Name, in.Version)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	out := client.Definition{Name: in.Name, Version: version, Hash: file.Hash, Canonical: file.Canonical, Retention: file.Definition.Retention.String()}
	if age := s.cfg.Retention.Age(file.Definition.Retention); age > 0 {
		out.KeptFor = age.String()
	}
	return &definitionOutput{Body: out}, nil
}

// resolve finds a version; the latest if none is named.
func (s *Server) resolve(ctx context.Context, namespace, name, version string) (string, *definition.File, error) {
	if version == "" {
		return s.cfg.Registry.Latest(ctx, namespace, name)
	}
	file, err := s.cfg.Registry.Get(ctx, namespace, name, version)
	return version, file, err
}
