# `make` prints the targets. Nothing here needs more than Go; the servers that tests use are started by
# internal/cmd/withservers (PostgreSQL's binaries or the embedded module; Kafka wants a JDK and Maven once).

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# SERVERS runs what follows it with a real PostgreSQL and a real Kafka, started once.
SERVERS := go run ./internal/cmd/withservers --
# TESTFLAGS goes to every go test, for example TESTFLAGS='-count=1 -v'.
TESTFLAGS ?=
# SEEDS is the number of simulated worlds, FUZZTIME what each fuzz target gets (20000x, 1m).
SEEDS    ?= 200
# SAGAS and KILLS (kill -9) are what chaos does at least, SEED makes its schedule (0: by the clock).
SAGAS    ?= 2000
KILLS    ?= 50
SEED     ?= 0
# A count, not a time: at the end of a time go test now and then reports the deadline as a failure.
FUZZTIME ?= 20000x

.DEFAULT_GOAL := help
.PHONY: help build demo test race e2e chaos sim mutants fuzz bench bench-pair tidy vet lint modules cross check

help: ## print this list
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the one binary into bin/
	go build -o bin/ ./cmd/unwind

demo: ## run the travel demo; exit 0 means that every check held
	go run ./cmd/unwind demo

test: ## run every test, on real servers that it starts itself
	$(SERVERS) go test -timeout 20m $(TESTFLAGS) ./...

# The universal suite of watermill and e2e wait for brokers, not for memory: their time grows tenfold for nothing.
race: ## run the tests under the race detector, without e2e and watermill's suite
	$(SERVERS) go test -race -timeout 20m -skip 'UniversalSuite' $(TESTFLAGS) $$(go list ./... | grep -v '/e2e')

e2e: ## run the end-to-end tests alone
	$(SERVERS) go test -count=1 -timeout 20m $(TESTFLAGS) ./e2e/...

chaos: ## kill, stop and restart everything under load, KILLS times, and check what is left
	$(SERVERS) go run ./e2e/chaos -sagas $(SAGAS) -kills $(KILLS) -seed $(SEED) $(CHAOSFLAGS)

sim: ## simulate SEEDS worlds that lose, repeat and reorder messages, and crash
	go test ./sagatest -count=1 -run Simulat -seeds=$(SEEDS) $(TESTFLAGS)

prove: ## simulate 20,000 seeds in parts of nine minutes; what is done is in sagatest/proof.txt
	go run ./internal/cmd/seeds -seeds 20000 -file sagatest/proof.txt

mutants: ## break the engine on purpose: each mutant must be caught by its test
	$(SERVERS) go run ./internal/cmd/mutants

# A line per target: its file's folder and its name. No target found is a fault of this rule.
fuzz: ## fuzz each decoder for FUZZTIME
	@grep -rho --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . >/dev/null || { echo 'fuzz: no target found'; exit 1; }
	@grep -ro --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed 's/\/[^/]*:func / /' | sort -u | while read -r dir target; do \
		echo "fuzz $$dir $$target"; \
		go test "$$dir" -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) </dev/null || exit 1; \
	done

bench: ## run the micro-benchmarks
	go test -run '^$$' -bench . -benchmem $$(go list ./... | grep -v '/e2e')

# BASE is the commit to compare with, PAIRS how many pairs count, BENCH what each unwind bench is told.
PAIRS ?= 3
BENCH ?= --in-flight 1024 --duration 10s
bench-pair: ## measure BASE and this tree in turn (BASE=commit PAIRS=3 BENCH='--in-flight 64')
	$(SERVERS) go run ./internal/cmd/benchpair -base '$(BASE)' -pairs $(PAIRS) -- $(BENCH)

tidy: ## hold the tree to the house rules (internal/tidy)
	go test -count=1 ./internal/tidy

vet: ## run go vet, and unwindvet on the examples
	go vet ./...
	@bin=$$(mktemp -d) && trap 'rm -rf "$$bin"' EXIT && go build -o "$$bin/" ./cmd/unwindvet && \
		echo 'go vet -vettool=unwindvet ./examples/...' && go vet -vettool="$$bin/unwindvet" ./examples/...

lint: vet ## run go vet and golangci-lint (built from its module, about a minute the first time)
	go run $(GOLANGCI_LINT) run

modules: ## check go.mod and go.sum
	go mod verify
	go mod tidy -diff

cross: ## compile everything, tests too, for macOS and Windows
	GOOS=darwin go build ./... && GOOS=darwin go vet ./...
	GOOS=windows go build ./... && GOOS=windows go vet ./...

check: tidy lint modules cross sim fuzz ## run all that CI runs, except what needs servers
