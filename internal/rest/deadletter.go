package rest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// DeadLetters keeps dead letters and decides about them. *office.Office implements
// it.
type DeadLetters interface {
	// Get returns a letter with its record, or office.ErrNotFound.
	Get(ctx context.Context, id int64) (office.Letter, error)
	// List returns a page, the newest first, and the After of the next one; 0 at the
	// end.
	List(ctx context.Context, f office.Filter) (page []office.Letter, next int64, err error)
	// Groups returns the largest groups first.
	Groups(ctx context.Context, f office.Filter) ([]office.Group, error)
	// Preview says what Redrive would do.
	Preview(ctx context.Context, id int64, d office.Decision) (office.Effect, error)
	// Redrive sends a record again; the error wraps office.ErrRefused if it must not.
	Redrive(ctx context.Context, id int64, d office.Decision) (office.Effect, error)
	// RedriveAll redrives, or previews, the oldest open ones that a filter chooses.
	RedriveAll(ctx context.Context, f office.Filter, d office.Decision, preview bool) ([]office.Result, error)
	// Discard says that nobody has a use for a record.
	Discard(ctx context.Context, id int64, d office.Decision) error
}

// deadLetterRoutes registers what concerns dead letters.
func (s *Server) deadLetterRoutes() {
	if s.cfg.DeadLetters == nil {
		return
	}
	handle(s, "GET /v1/dead-letters", route{"listDeadLetters", "List dead letters, the newest first", DeadLettersRead, []int{404, 422}}, s.deadLetters)
	handle(s, "GET /v1/dead-letters/groups", route{"groupDeadLetters", "Group dead letters by what is wrong with them", DeadLettersRead, []int{404, 422}}, s.deadLetterGroups)
	handle(s, "GET /v1/dead-letters/{id}", route{"getDeadLetter", "Get a dead letter with its record", DeadLettersRead, []int{404, 422}}, s.deadLetter)
	handle(s, "POST /v1/dead-letters/redrive", route{"redriveDeadLetters", "Redrive dead letters, the oldest first", DeadLettersWrite, []int{400, 404, 413, 422}}, s.redriveAll)
	handle(s, "POST /v1/dead-letters/{id}/redrive", route{"redriveDeadLetter", "Send a dead letter's record to its topic again", DeadLettersWrite, []int{400, 404, 409, 413, 422}}, s.redrive)
	handle(s, "POST /v1/dead-letters/{id}/discard", route{"discardDeadLetter", "Say that nobody has a use for a dead letter", DeadLettersWrite, []int{400, 404, 409, 413, 422}}, s.discard)
}

type deadLettersInput struct {
	NamespaceInput
	Topic       string `query:"topic" doc:"only those of this topic"`
	Class       string `query:"class" doc:"only those of this class, such as undecodable"`
	Fingerprint string `query:"fingerprint" doc:"only those of this group"`
	Saga        string `query:"saga" doc:"only those that name this saga"`
	Status      string `query:"status" enum:"open,redriven,discarded"`
	After       int64  `query:"after" minimum:"0" doc:"next of the page before"`
	Limit       int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// filter checks the request and returns what it chooses.
func (s *Server) filter(ctx context.Context, in *deadLettersInput) (office.Filter, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return office.Filter{}, err
	}
	f := office.Filter{
		Namespace: namespace, Topic: in.Topic, Class: in.Class, Fingerprint: in.Fingerprint,
		Status: office.Status(in.Status), After: in.After, Limit: in.Limit,
	}
	for _, text := range []string{in.Topic, in.Class, in.Fingerprint} {
		if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
			return f, newProblem(http.StatusUnprocessableEntity, client.BadRequest, "a filter is not plain text")
		}
	}
	if in.Saga != "" {
		f.Saga, err = s.parseID(in.Saga)
	}
	return f, err
}

type deadLettersOutput struct{ Body client.DeadLetters }

// deadLetters answers with a page of dead letters.
func (s *Server) deadLetters(ctx context.Context, in *deadLettersInput) (*deadLettersOutput, error) {
	f, err := s.filter(ctx, in)
	if err != nil {
		return nil, err
	}
	page, next, err := s.cfg.DeadLetters.List(ctx, f)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	out := &deadLettersOutput{Body: client.DeadLetters{DeadLetters: []client.DeadLetter{}, Next: next}}
	for i := range page {
		out.Body.DeadLetters = append(out.Body.DeadLetters, letterSummary(&page[i]))
	}
	return out, nil
}

type deadLetterGroupsOutput struct{ Body client.DeadLetterGroups }

// deadLetterGroups answers with the largest groups.
func (s *Server) deadLetterGroups(ctx context.Context, in *deadLettersInput) (*deadLetterGroupsOutput, error) {
	f, err := s.filter(ctx, in)
	if err != nil {
		return nil, err
	}
	groups, err := s.cfg.DeadLetters.Groups(ctx, f)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	out := &deadLetterGroupsOutput{Body: client.DeadLetterGroups{Groups: []client.DeadLetterGroup{}}}
	for _, g := range groups {
		g.First, g.Last = g.First.UTC(), g.Last.UTC()
		out.Body.Groups = append(out.Body.Groups, client.DeadLetterGroup(g))
	}
	return out, nil
}

type deadLetterInput struct {
	ID int64 `path:"id" minimum:"1" doc:"the dead letter's id"`
}

type deadLetterOutput struct{ Body client.DeadLetter }

// deadLetter answers with a dead letter, its record and what redriving it would do.
func (s *Server) deadLetter(ctx context.Context, in *deadLetterInput) (*deadLetterOutput, error) {
	l, err := s.letter(ctx, in.ID)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	out := &deadLetterOutput{Body: letterFull(&l)}
	effect, err := s.cfg.DeadLetters.Preview(ctx, l.ID, office.Decision{})
	if err != nil { // the letter is what was asked for
		s.cfg.Log.WarnContext(ctx, "the effect of a dead letter cannot be told", "id", l.ID, "error", err)
		effect.Sentence = "cannot be told now; the server's log says why"
	}
	out.Body.Effect = effect.Sentence
	if effect.Refused {
		out.Body.Effect = "refused: " + effect.Sentence
	}
	return out, nil
}

// letter returns a letter. It is the only way to one, and checks its namespace. A
// foreign one is answered word for word as one that does not exist.
func (s *Server) letter(ctx context.Context, id int64) (office.Letter, error) {
	l, err := s.cfg.DeadLetters.Get(ctx, id)
	if err == nil {
		err = s.in(ctx, l.Namespace)
	}
	if errors.Is(err, coordinator.ErrNotFound) {
		err = office.ErrNotFound
	}
	return l, err
}

type redriveInput struct {
	ID     int64 `path:"id" minimum:"1" doc:"the dead letter's id"`
	DryRun bool  `query:"dryRun" doc:"say what would happen and change nothing"`
	Body   client.Redrive
}

type redriveOutput struct{ Body client.Redriven }

// redrive sends a record again, or says what that would do.
func (s *Server) redrive(ctx context.Context, in *redriveInput) (*redriveOutput, error) {
	if _, err := s.letter(ctx, in.ID); err != nil {
		return nil, s.answer(ctx, err)
	}
	act := s.cfg.DeadLetters.Redrive
	if in.DryRun {
		act = s.cfg.DeadLetters.Preview
	}
	effect, err := act(ctx, in.ID, s.decision(ctx, in.Body.Reason, in.Body.Force))
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return &redriveOutput{Body: redriven(in.ID, effect)}, nil
}

func (s *Server) decision(ctx context.Context, reason string, force bool) office.Decision {
	return office.Decision{Actor: actorText(s.actor(ctx)), Note: reason, Force: force}
}

func redriven(id int64, e office.Effect) client.Redriven {
	return client.Redriven{ID: id, Effect: e.Sentence, Refused: e.Refused, Forcible: e.Forcible}
}

type redriveAllInput struct {
	NamespaceInput
	DryRun bool `query:"dryRun" doc:"say what would happen and change nothing"`
	Body   struct {
		client.DeadLetterFilter
		client.Redrive
	}
}

type redriveAllOutput struct{ Body client.Redrives }

// redriveAll redrives the oldest that a filter chooses.
func (s *Server) redriveAll(ctx context.Context, in *redriveAllInput) (*redriveAllOutput, error) {
	b := &in.Body
	f, err := s.filter(ctx, &deadLettersInput{
		NamespaceInput: in.NamespaceInput, Topic: b.Topic, Class: b.Class, Fingerprint: b.Fingerprint, Saga: b.Saga, After: b.After, Limit: max(b.Limit, 1),
	})
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	if f.Topic == "" && f.Class == "" && f.Fingerprint == "" && f.Saga.IsZero() {
		return nil, newProblem(http.StatusUnprocessableEntity, client.BadRequest, "choose by topic, class, fingerprint or saga: all dead letters at once are never redriven")
	}
	results, err := s.cfg.DeadLetters.RedriveAll(ctx, f, s.decision(ctx, b.Reason, b.Force), in.DryRun)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	out := &redriveAllOutput{Body: client.Redrives{Results: []client.Redriven{}}}
	for _, r := range results {
		out.Body.Results = append(out.Body.Results, redriven(r.ID, r.Effect))
	}
	return out, nil
}

type discardInput struct {
	ID   int64 `path:"id" minimum:"1" doc:"the dead letter's id"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1024" doc:"why; kept with the dead letter"`
	}
}

// discard says that nobody has a use for a record.
func (s *Server) discard(ctx context.Context, in *discardInput) (*deadLetterOutput, error) {
	if _, err := s.letter(ctx, in.ID); err != nil {
		return nil, s.answer(ctx, err)
	}
	if err := s.cfg.DeadLetters.Discard(ctx, in.ID, s.decision(ctx, in.Body.Reason, false)); err != nil {
		return nil, s.answer(ctx, err)
	}
	l, err := s.letter(ctx, in.ID)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return &deadLetterOutput{Body: letterSummary(&l)}, nil
}

// deadLetterProblem turns an error of the office into a problem; nil if it is none.
func deadLetterProblem(err error) error {
	switch {
	case errors.Is(err, office.ErrNotFound):
		return newProblem(http.StatusNotFound, client.NotFound, office.ErrNotFound.Error())
	case errors.Is(err, office.ErrRefused):
		return newProblem(http.StatusConflict, client.Refused, err.Error())
	}
	return nil
}

// letterSummary is a letter without its record's bytes.
func letterSummary(l *office.Letter) client.DeadLetter {
	out := client.DeadLetter{
		ID: l.ID, Namespace: l.Namespace, Topic: l.Record.Topic, Partition: l.Record.Partition, Offset: l.Record.Offset,
		Timestamp: moment(l.Record.Timestamp), Class: l.Class, Reason: l.Reason, Fingerprint: l.Fingerprint, Origin: l.Origin,
		Command: l.Command, At: l.At.UTC(), Status: string(l.Status), Redrives: l.Redrives, Actor: l.Actor, Note: l.Note,
		ChangedAt: moment(l.ChangedAt), Unsent: string(l.Unsent), SentAt: moment(l.SentAt), Trouble: l.Trouble, Size: l.Size,
	}
	if year := l.Record.Timestamp.UTC().Year(); year < 1 || year > 9999 { // which JSON cannot say
		out.Timestamp = nil
	}
	if out.At.Year() < 1 || out.At.Year() > 9999 {
		out.At = time.Time{}
	}
	if !l.Saga.IsZero() {
		out.Saga = l.Saga.String()
	}
	return out
}

// letterFull is a letter with its record.
func letterFull(l *office.Letter) client.DeadLetter {
	out := letterSummary(l)
	out.Key, out.Value = shown(l.Record.Key), shown(l.Record.Value)
	for _, h := range l.Record.Headers {
		out.Headers = append(out.Headers, client.RecordHeader{Name: *shownText([]byte(h.Key)), Value: shownText(h.Value)})
	}
	return out
}

// shown shows bytes as JSON or text where they are; nil is nil.
func shown(b []byte) *client.Bytes {
	if len(b) > 0 && saga.ValidJSON(b) {
		return &client.Bytes{Base64: b, JSON: b}
	}
	return shownText(b)
}

func shownText(b []byte) *client.Bytes {
	if b == nil {
		return nil
	}
	out := &client.Bytes{Base64: b}
	if plainText(b) {
		out.Text = string(b)
	}
	return out
}

// plainText reports whether bytes can be shown on a terminal as they are.
func plainText(b []byte) bool {
	strange := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) && !unicode.IsSpace(r) }
	return utf8.Valid(b) && bytes.IndexFunc(b, strange) < 0
}
