package rest

import (
	"context"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/unwindhq/unwind/client"
)

// route is what a route says of itself.
type route struct {
	id         string     // id is the operation's name in the OpenAPI document
	summary    string     // summary is one line
	permission Permission // permission is what the caller must be allowed to do
	errors     []int      // errors are the statuses of its problems beside 401, 403, 500 and 503
}

// routes registers every route.
func (s *Server) routes() {
	handle(s, "POST /v1/sagas", route{"startSaga", "Start a saga", SagasStart, []int{400, 404, 409, 413, 422, 429}}, s.start)
	handle(s, "POST /v1/starts", route{"startSagas", "Start up to 1,000 sagas, each by itself", SagasStart, []int{400, 404, 413, 422}}, s.startMany)
	handle(s, "GET /v1/sagas", route{"listSagas", "List sagas, the newest first", SagasRead, []int{404, 422}}, s.list)
	handle(s, "GET /v1/sagas/{id}", route{"getSaga", "Get a saga, or wait for it", SagasRead, []int{404, 422}}, s.show)
	handle(s, "GET /v1/sagas/{id}/why", route{"whySaga", "Say why a saga is where it is, and what would move it on", SagasRead, []int{404, 422}}, s.why)
	handle(s, "GET /v1/sagas/{id}/history", route{"getHistory", "Get a saga's events", SagasRead, []int{404, 422}}, s.history)
	handle(s, "GET /v1/sagas/{id}/queries/{name}", route{"querySaga", "Ask a saga that is code for what its function lets others see", SagasRead, []int{404, 409, 422}}, s.query)
	handle(s, "PUT /v1/definitions", route{"applyDefinition", "Apply a definition, YAML or JSON", DefinitionsApply, []int{400, 404, 413, 422}}, s.apply)
	handle(s, "GET /v1/definitions", route{"listDefinitions", "List definitions with their latest versions", DefinitionsRead, []int{404, 422}}, s.definitions)
	handle(s, "GET /v1/definitions/{name}", route{"getDefinition", "Get a definition", DefinitionsRead, []int{404, 422}}, s.definition)
	s.changeRoutes()
	handle(s, "GET /healthz", route{"health", "Is the process alive?", Public, nil}, s.health)
	handle(s, "GET /readyz", route{"ready", "Can sagas be started here?", Public, nil}, s.ready)
	s.verbRoutes()
	s.signalRoutes()
	s.batchRoutes()
	s.scheduleRoutes()
	s.participantRoutes()
	s.accessRoutes()
	s.deadLetterRoutes()
	s.breakerRoutes()
	s.holdRoutes()
	s.quotaRoutes()
	delete(s.api.OpenAPI().Components.Schemas.Map(), "ErrorModel") // huma's own, which transform replaces
}

// handle registers one route: "METHOD /path".
func handle[I, O any](s *Server, pattern string, r route, handler func(context.Context, *I) (*O, error)) {
	method, path := cut(pattern)
	huma.Register(s.api, huma.Operation{
		OperationID: r.id, Summary: r.summary, Method: method, Path: path,
		MaxBodyBytes: largest(any(new(I))), BodyReadTimeout: bodyTimeout,
		Responses:   s.problems(r),
		Extensions:  map[string]any{permissionKey: string(r.permission)},
		Middlewares: huma.Middlewares{s.guard(r.permission)},
	}, checked(s, r.id, handler))
}

// largest is how large the body of a request may be, in bytes: as its input says, else
// maxBody.
func largest(input any) int64 {
	if large, ok := input.(interface{ maxBody() int64 }); ok {
		return large.maxBody()
	}
	return maxBody
}

func cut(pattern string) (method, path string) {
	for i, c := range pattern {
		if c == ' ' {
			return pattern[:i], pattern[i+1:]
		}
	}
	return http.MethodGet, pattern
}

// problems describes the error answers of a route.
func (s *Server) problems(r route) map[string]*huma.Response {
	schema := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[client.Problem](), true, "Problem")
	responses := map[string]*huma.Response{}
	always := []int{http.StatusInternalServerError, http.StatusServiceUnavailable}
	if r.permission != Public {
		always = append(always, http.StatusUnauthorized, http.StatusForbidden)
	}
	for _, status := range append(always, r.errors...) {
		responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{problemJSON: {Schema: schema}},
		}
	}
	return responses
}
