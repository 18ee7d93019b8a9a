# Everything a newcomer or CI runs. Needs Python 3.11+, make and access to package registries; nothing else.
SHELL := /bin/bash
PYTHON ?= python3
# Bytecode makes every start faster; an environment that forbids it is overruled.
export PYTHONDONTWRITEBYTECODE :=
VENV ?= .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
BUNDLE := $(VENV)/.bundle
PIP := $(BIN)/python -m pip --disable-pip-version-check
UV := $(BIN)/uv
BUNDLE_SOURCES := $(wildcard penstock/js/package.json penstock/js/deno.lock penstock/js/build.py penstock/js/host/*.ts penstock/js/sandbox/packages/*)
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

# In a tenth of pip's time, from the index that pip would ask; by pip itself where that cannot be, as on machines that
# uv is not built for.
define INSTALL
UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$($(PIP) config get global.index-url 2>/dev/null)}}" \
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python $(1) 2>/dev/null \
	|| $(PIP) install --quiet --progress-bar on $(1)
endef

.DEFAULT_GOAL := help
.PHONY: help install up test check format bench torture matrix wheel lock docs operations

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

install: $(RUNTIME) $(BUNDLE) ## Set up the virtual environment, the locked dependencies and the JavaScript bundle

up: install ## Start everything on this machine and run until Ctrl-C (ARGS="--port 9000 --data DIR")
	@$(BIN)/penstock up $(ARGS)

test: $(DEVELOPMENT) $(BUNDLE) ## Run every suite, each within its time (SUITES="unit e2e" picks some)
	@$(BIN)/python tests/run_suites.py $(SUITES)

check: $(DEVELOPMENT) ## Format, lint, types, import contracts and drift of generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tests/architecture/contracts.py
	$(BIN)/python docs/generate.py --check

format: $(DEVELOPMENT) ## Format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(DEVELOPMENT) ## Write all generated files anew: pages of docs/, the client, the command table
	$(BIN)/python docs/generate.py

operations: $(DEVELOPMENT) ## Write docs/operations.md anew, from a run of the contract tests
	@WRITE_OPERATIONS=1 $(BIN)/python -m pytest tests/contract/test_contract.py

bench: $(DEVELOPMENT) $(BUNDLE) ## Measure, print a table and write reports/bench.json (NAMES="ingest tree" picks some)
	$(BIN)/python -m bench $(NAMES)

torture: $(DEVELOPMENT) $(BUNDLE) ## The long kill runs, properties at length, and fsyncs counted with strace (must be installed)
	$(BIN)/python -m pytest -s -m "torture or hypothesis" --hypothesis-profile torture penstock tests

matrix: $(DEVELOPMENT) $(BUNDLE) ## The slices of the API on Postgres (make test asks SQLite, and both by contract)
	PENSTOCK_TEST_DATABASE=postgres $(BIN)/python -m pytest -n 2 --dist loadfile penstock/resources penstock/api

wheel: $(DEVELOPMENT) $(BUNDLE) ## Build the wheel with the bundle inside into dist/
	$(PIP) wheel --quiet --no-deps --wheel-dir dist .
	@ls -l dist

lock: $(DEVELOPMENT) ## Resolve the dependencies of pyproject.toml anew, and which uv installs them
	$(COMPILE) pyproject.toml --output-file requirements.lock
	$(COMPILE) pyproject.toml --extra dev --constraints requirements.lock --output-file requirements-dev.lock
	echo uv | $(COMPILE) - --output-file requirements-installer.lock

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Penstock needs Python 3.11 or newer; run make PYTHON=/path/to/it")'
	@echo "· Making the virtual environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }

$(UV): requirements-installer.lock | $(BIN)/python
	@$(PIP) install --quiet --require-hashes --only-binary :all: -r requirements-installer.lock || echo "· There is no uv for this machine; pip installs."

$(RUNTIME): requirements.lock pyproject.toml | $(UV)
	@echo "· Installing the locked dependencies (about 300 MB the first time) …"
	@$(call INSTALL,--require-hashes -r requirements.lock)
	@$(call INSTALL,--no-deps -e .)
	@touch $@

$(DEVELOPMENT): requirements-dev.lock $(RUNTIME)
	@echo "· Installing the tools for tests …"
	@$(call INSTALL,--require-hashes -r requirements-dev.lock)
	@touch $@

$(BUNDLE): $(BUNDLE_SOURCES) $(RUNTIME)
	@echo "· Building the JavaScript bundle (deno install from the lock file) …"
	@$(BIN)/python -m penstock.js.build
	@touch $@
