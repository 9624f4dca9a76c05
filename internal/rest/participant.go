package rest

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/access"
	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// Contracts keeps what participants offer. *registry.Registry implements it.
type Contracts interface {
	// ApplyContract stores a contract; a *registry.BreaksError refuses one that
	// breaks who uses it.
	ApplyContract(ctx context.Context, namespace string, a registry.Application) (registry.Applied, error)
	// Contracts returns the latest contracts by participant, those after one.
	Contracts(ctx context.Context, namespace, after string, limit int) ([]registry.Contract, error)
	// ContractVersions returns the newest versions of a contract, or one, or
	// registry.ErrNoContract.
	ContractVersions(ctx context.Context, namespace, participant, version string, limit int) ([]registry.Contract, error)
	// Users lists who asks a participant for something.
	Users(ctx context.Context, namespace, participant string) ([]registry.User, error)
}

type (
	applyContractInput struct {
		NamespaceInput
		File    string `query:"file" maxLength:"256" doc:"the file's name, repeated in faults"`
		RawBody []byte `contentType:"application/yaml" doc:"the contract, YAML or JSON"`
		Force   bool   `query:"force" doc:"apply it though it breaks who uses it; takes the role admin and a reason"`
		Reason  string `query:"reason" maxLength:"1024" doc:"why; kept with the contract"`
	}
	participantInput struct {
		NamespaceInput
		Name    string `path:"name" maxLength:"64" doc:"the participant's name"`
		Version string `query:"version" maxLength:"16" doc:"such as c3; default: the latest"`
	}
	participantsInput struct {
		NamespaceInput
		After string `query:"after" doc:"next of the page before"`
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
	}
	applyContractOutput struct{ Body client.AppliedContract }
	participantOutput   struct{ Body client.Contract }
	participantsOutput  struct{ Body client.Contracts }
)

// participantRoutes registers the participants' contracts.
func (s *Server) participantRoutes() {
	if s.cfg.Contracts == nil {
		return
	}
	handle(s, "PUT /v1/participants", route{"applyContract", "Apply a participant's contract, YAML or JSON", ContractsApply, []int{400, 404, 409, 413, 422}}, s.applyContract)
	handle(s, "GET /v1/participants", route{"listParticipants", "List participants with their latest contracts", DefinitionsRead, []int{404, 422}}, s.participants)
	handle(s, "GET /v1/participants/{name}", route{"getParticipant", "Get a participant's contract and who uses it", DefinitionsRead, []int{404, 422}}, s.participant)
}

// applyContract checks a contract, also against who uses it, and stores it.
func (s *Server) applyContract(ctx context.Context, in *applyContractInput) (*applyContractOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	if err := mayForce(ctx, namespace, in); err != nil {
		return nil, err
	}
	contract, err := definition.LoadContract(in.File, in.RawBody)
	if faults, ok := errors.AsType[saga.Faults](err); ok {
		return nil, faultsProblem(faults)
	}
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	applied, err := s.cfg.Contracts.ApplyContract(ctx, namespace, registry.Application{
		Contract: contract, Actor: actorText(s.actor(ctx)), Reason: in.Reason, Force: in.Force,
	})
	if err != nil {
		return nil, s.contractProblem(ctx, err)
	}
	return &applyContractOutput{Body: client.AppliedContract{
		Participant: contract.Participant, Version: applied.Version, Created: applied.Created, Broken: brokenView(applied.Broken),
	}}, nil
}

// mayForce refuses who may not break others.
func mayForce(ctx context.Context, namespace string, in *applyContractInput) error {
	g := grantOf(ctx)
	switch {
	case !in.Force:
		return nil
	case g.principal.Role(namespace) < access.Admin:
		return newProblem(http.StatusForbidden, client.Forbidden, "key "+g.principal.Name+" may not do that: force takes the role "+access.Admin.String())
	case in.Reason == "":
		return newProblem(http.StatusUnprocessableEntity, client.BadRequest, "say why with reason: it is kept with the contract")
	}
	return nil
}

// contractProblem turns an error about a contract into a problem.
func (s *Server) contractProblem(ctx context.Context, err error) error {
	if breaks, ok := errors.AsType[*registry.BreaksError](err); ok {
		p := newProblem(http.StatusConflict, client.BreaksUsers, "the contract would break who uses it; nothing was stored")
		p.Errors = brokenView(breaks.Broken)
		return p
	}
	switch {
	case errors.Is(err, registry.ErrNoContract):
		err = newProblem(http.StatusNotFound, client.NotFound, err.Error())
	case errors.Is(err, registry.ErrTooManyContracts):
		err = newProblem(http.StatusUnprocessableEntity, client.BadRequest, registry.ErrTooManyContracts.Error())
	}
	return s.answer(ctx, err)
}

func brokenView(broken []registry.Broken) (faults []client.Fault) {
	for _, b := range broken {
		problem := b.Fault.Problem
		if b.Running > 0 {
			problem += " (" + strconv.Itoa(b.Running) + " of its sagas have not ended)"
		}
		faults = append(faults, client.Fault{File: b.Definition + "@" + b.Version, Path: b.Fault.Path, Problem: problem, Cure: b.Fault.Cure})
	}
	return faults
}

func (s *Server) participants(ctx context.Context, in *participantsInput) (*participantsOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	list, err := s.cfg.Contracts.Contracts(ctx, namespace, in.After, in.Limit)
	if err != nil {
		return nil, s.contractProblem(ctx, err)
	}
	out := &participantsOutput{Body: client.Contracts{Contracts: []client.Contract{}}}
	for _, c := range list {
		view := contractView(c)
		for i := range view.Commands {
			view.Commands[i].Input, view.Commands[i].Result = nil, nil
		}
		out.Body.Contracts = append(out.Body.Contracts, view)
	}
	if len(list) == in.Limit {
		out.Body.Next = list[len(list)-1].Contract.Participant
	}
	return out, nil
}

// historyOf is how many versions of a contract are shown.
const historyOf = 20

func (s *Server) participant(ctx context.Context, in *participantInput) (*participantOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	versions, err := s.cfg.Contracts.ContractVersions(ctx, namespace, in.Name, in.Version, historyOf)
	if err != nil {
		return nil, s.contractProblem(ctx, err)
	}
	users, err := s.cfg.Contracts.Users(ctx, namespace, in.Name)
	if err != nil {
		return nil, s.contractProblem(ctx, err)
	}
	view := contractView(versions[0])
	for _, v := range versions {
		view.Versions = append(view.Versions, client.ContractVersion{Version: v.Version, AppliedAt: v.At.UTC(), AppliedBy: v.Actor, Reason: v.Reason, Forced: v.Forced})
	}
	for _, u := range users {
		view.Users = append(view.Users, client.ContractUser{Definition: u.Definition, Version: u.Version, Latest: u.Latest, Running: u.Running, Commands: u.Commands})
	}
	return &participantOutput{Body: view}, nil
}

func contractView(c registry.Contract) client.Contract {
	view := client.Contract{
		Participant: c.Contract.Participant, Version: c.Version, Owner: c.Contract.Owner, Sticky: c.Contract.Sticky == nil || *c.Contract.Sticky,
		AppliedAt: c.At.UTC(), AppliedBy: c.Actor,
	}
	for _, name := range c.Contract.Names() {
		command := c.Contract.Commands[name]
		view.Commands = append(view.Commands, client.ContractCommand{Name: name, Compensation: command.Compensation, Input: command.Input, Result: command.Result})
	}
	return view
}

// stillFits holds a stored version of a definition to the contracts that there are now.
func (s *Server) stillFits(ctx context.Context, namespace, name, version string) error {
	file, err := s.cfg.Registry.Get(ctx, namespace, name, version)
	if err != nil {
		return err
	}
	contracts, err := s.knownContracts(ctx, namespace)
	if err != nil {
		return err
	}
	err = file.Fits(name+"@"+version, contracts...)
	if faults, ok := errors.AsType[saga.Faults](err); ok {
		return faultsProblem(faults)
	}
	return err
}

// knownContracts are the contracts that a definition of a namespace is held to.
func (s *Server) knownContracts(ctx context.Context, namespace string) (contracts []definition.Contract, err error) {
	if s.cfg.Contracts == nil {
		return nil, nil
	}
	list, err := s.cfg.Contracts.Contracts(ctx, namespace, "", registry.MaxList)
	for _, c := range list {
		contracts = append(contracts, *c.Contract)
	}
	return contracts, err
}
