package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/quota"
	"github.com/unwindhq/unwind/saga"
)

// Quotas keeps what namespaces may start and keep. *quota.Store implements it.
type Quotas interface {
	// Set changes the quotas of a namespace.
	Set(ctx context.Context, c quota.Change) (quota.Setting, error)
	// History returns the last changes, the newest first: that one counts.
	History(ctx context.Context, namespace string) ([]quota.Setting, error)
	// Use returns what a namespace uses now.
	Use(ctx context.Context, namespace string) (quota.Use, error)
}

type (
	quotasInput struct {
		NamespaceInput
		Changes bool `query:"changes" doc:"also the last changes"`
	}
	setQuotasInput struct {
		NamespaceInput
		RequestKey
		Body client.SetQuotas
	}
	quotasOutput struct{ Body client.Quotas }
)

// quotaRoutes registers what bounds namespaces.
func (s *Server) quotaRoutes() {
	if s.cfg.Quotas == nil {
		return
	}
	handle(s, "GET /v1/namespace/quotas", route{"getQuotas", "Get a namespace's quotas and how much of them is used", QuotasRead, []int{404, 422}}, s.quotas)
	handle(s, "PATCH /v1/namespace/quotas", route{"setQuotas", "Set quotas of a namespace", QuotasWrite, []int{404, 413, 422}}, s.setQuotas)
}

func (s *Server) quotas(ctx context.Context, in *quotasInput) (*quotasOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	history, err := s.cfg.Quotas.History(ctx, namespace)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	var last quota.Setting
	if len(history) > 0 {
		last = history[0]
	}
	out, err := s.quotasOutput(ctx, namespace, last)
	if err == nil && in.Changes {
		for _, h := range history {
			out.Body.Changes = append(out.Body.Changes, client.QuotaChange{
				QuotaLimits: client.QuotaLimits(h.Limits), Reason: h.Reason, Actor: h.Actor, RequestID: h.RequestID, At: h.At.UTC(),
			})
		}
	}
	return out, err
}

func (s *Server) setQuotas(ctx context.Context, in *setQuotasInput) (*quotasOutput, error) {
	namespace, err := s.namespace(ctx, in.NamespaceInput)
	if err != nil {
		return nil, err
	}
	b := in.Body
	set, err := s.cfg.Quotas.Set(ctx, quota.Change{
		Namespace: namespace, Starts: b.Starts, Burst: b.Burst, Open: b.Open, Bytes: b.Bytes,
		Reason: saga.Clip(b.Reason), Actor: actorText(s.actor(ctx)), RequestID: in.Key,
	})
	if errors.Is(err, quota.ErrBurstAlone) || errors.Is(err, quota.ErrRange) || errors.Is(err, quota.ErrTooMany) {
		return nil, newProblem(http.StatusUnprocessableEntity, client.BadRequest, err.Error())
	}
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return s.quotasOutput(ctx, namespace, set)
}

// quotasOutput shows quotas with what is used now.
func (s *Server) quotasOutput(ctx context.Context, namespace string, q quota.Setting) (*quotasOutput, error) {
	used, err := s.cfg.Quotas.Use(ctx, namespace)
	if err != nil {
		return nil, s.answer(ctx, err)
	}
	return &quotasOutput{Body: client.Quotas{
		QuotaLimits: client.QuotaLimits(q.Limits), Namespace: namespace, Used: client.QuotaUse(used), Reason: q.Reason, Actor: q.Actor, At: moment(q.At),
	}}, nil
}

// quotaProblem says which quota was used up, and when to ask again.
func quotaProblem(e *quota.Error) *problem {
	p := newProblem(http.StatusTooManyRequests, client.OverQuota, e.Error())
	p.Quota = &client.Exceeded{Namespace: e.Namespace, Quota: string(e.Quota), Limit: e.Limit, Burst: e.Burst, Used: e.Used, RetryAfter: int(e.Retry.Seconds())}
	return p
}
