# Everything a developer runs. `make help` lists it.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# More workers than the two cores of a small machine: half of the tests wait for something.
WORKERS ?= 3
TESTS   ?= tests
# Else each server and program of the tests is compiled anew, at every start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo stack collector sources interop test fuzz lint format bench soak screenshots vendor clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml constraints.txt sdk/spanledger/version.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[server,audio,dev]'
	@touch $@

install: $(STAMP) ## the virtual environment, with everything in it

demo: $(STAMP) ## the backend, a simulated provider and a bookshop, on real traffic; Ctrl-C ends it, DEMO_SECONDS=30 ends by itself
	@exec $(BIN)/spanledger demo

stack: $(STAMP) ## the demo through a real OpenTelemetry Collector (agent and gateway); builds it once, if there is Go
	@exec $(BIN)/python -m spanledger_examples.stack

collector: $(STAMP) ## that Collector: built from collector-config/builder, four minutes with Go, or found where it was built before
	@$(BIN)/python -m spanledger_examples.collector

interop: $(STAMP) ## a real Jaeger and a real Prometheus 3, built with Go in ten minutes each: Jaeger's answers are written down, Prometheus is put to the tests
	@$(BIN)/python -m tests.interop
	@$(BIN)/python -m spanledger_examples.prometheus
	@$(BIN)/python -m tests.interop.compose_parser
	@$(BIN)/python -m pytest tests/stack/test_prometheus.py tests/stack/test_grafana.py tests/stack/test_compose.py

sources: ## that Collector's Go sources, anew from builder/manifest.yaml
	@cd collector-config/builder && go run go.opentelemetry.io/collector/cmd/builder@v0.155.0 --config manifest.yaml --skip-compilation || echo "go.mod is completed by go build instead"
	@cd collector-config/builder && rm -f main_windows.go && GOFLAGS="-mod=mod -buildvcs=false" CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /dev/null .

test: $(STAMP) ## all tests; what needs a browser or Node is skipped, with the reason, where there is none
	@$(BIN)/python -m pytest $(TESTS) -n $(WORKERS) --dist loadgroup

fuzz: $(STAMP) ## a minute of coverage-guided fuzzing for each decoder, and ten times the generated examples
	@SPANLEDGER_FUZZ_SECONDS=60 SPANLEDGER_TEST_THOROUGHNESS=10 $(BIN)/python -m pytest tests/backend -n $(WORKERS) --dist loadgroup --timeout 1800 -k "fuzz or agree or mutated or random_bytes or order or hostile or every_zone"

lint: $(STAMP) ## ruff and mypy --strict, also on what users' programs see
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy tests/typing

format: $(STAMP) ## ruff's formatter, and what it can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only .

bench: $(STAMP) ## speed and memory, as ratios in one run
	@$(BIN)/python -m tests.benchmarks

soak: $(STAMP) ## thirty minutes of mixed calls in one process: flat memory, no thread left
	@$(BIN)/python -m tests.benchmarks.bench_soak 30

screenshots: $(STAMP) ## the pictures of README and docs, from the demo's traffic; needs Chromium
	@$(BIN)/python -m tests.browser.take_pictures

vendor: $(STAMP) ## the front end's vendored files, at their exact versions
	@$(BIN)/python dashboards/vendor.py

clean: ## what the above made
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
