# The one door to every chore; CI calls the same commands and nothing else. `make help` lists them.
# A fresh clone needs Python >= 3.11, git and make: each target sets up what it uses, once (the stamps in .venv/).

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:
.NOTPARALLEL:

OLD_PYTHON := import sys; sys.exit(sys.version_info < (3, 11))
# The first interpreter that is new enough; name another with `make PYTHON=...`.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if $$p -c '$(OLD_PYTHON)' 2>/dev/null; then echo $$p; break; fi; done)
ARGS ?=
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: .venv/.sluice ## set up and serve; ARGS="-f FILE" for a configuration, else what the environment offers
	@exec $(BIN)/sluice serve $(ARGS)

setup: .venv/.dev .venv/.sluice ## install the command .venv/bin/sluice and all tools for development

test: setup ## run all tests and the coverage gate; ARGS="tests/wire -k cut" runs just those, without the gate
ifeq ($(strip $(ARGS)),)
	@$(BIN)/python -m pytest -n 2 -m 'not timed' -p tools.robbed -p tools.coverage_gate --cov --cov-report= \
	  --cov-report=json:build/coverage.json && others=passed || others=failed; \
	$(BIN)/python -m pytest -m timed -p tools.robbed && test $$others = passed
else
	@$(BIN)/python -m pytest $(ARGS)
endif

check: setup ## format, lint, strict types and the laws of the house
	@$(BIN)/ruff format --check --quiet . || { echo 'make check: run `.venv/bin/ruff format`' >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --strict src tools bench
	@$(BIN)/python -m tools.house

bench: setup ## measure against nginx on this machine; writes the tables of README.md and docs/performance.md
	@if ! command -v cc >/dev/null || ! command -v nginx >/dev/null || ! command -v taskset >/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y gcc libc6-dev nginx-light util-linux >/dev/null; \
	  else echo 'make bench needs cc, nginx and taskset (Debian: apt-get install gcc libc6-dev nginx-light util-linux)' >&2; exit 1; fi; fi
	@$(BIN)/python -m bench.run $(ARGS)

soak: setup ## run a gateway under faults for half an hour; writes the table of docs/reliability.md; ARGS="--minutes 5"
	@$(BIN)/python -m bench.soak $(ARGS)

observe: setup ## serve a demonstration under load, with Prometheus and traces, and say where to look; ARGS="--seconds 60"
	@if ! command -v prometheus >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends prometheus >/dev/null \
	  || echo 'make observe: Prometheus cannot be installed; everything else is shown' >&2; fi
	@exec $(BIN)/python -m tools.observe $(ARGS)

golden: setup ## play the recorded answers of golden/ to every client; ARGS=--accept writes what comes out now
	@$(BIN)/python -m tools.golden $(ARGS)

docs: setup ## check all pages and build them as a site into build/site; ARGS=--write renews the generated tables
	@$(BIN)/python -m tools.docs $(ARGS)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet && echo 'the site: build/site/index.html; searchable if it is served: python3 -m http.server --directory build/site'

mutate: setup ## break the SSE parser and the relay on purpose and see whether the tests notice (>= 80 %)
	@$(BIN)/python -m tools.mutate $(ARGS)

# tests/dialects/test_pairs.py gives 10,000 answers to each of the 4 x 5 pairs: about 20 minutes of one core.
fuzz: setup ## feed the parsers 50 times more random input than `make test` does; ARGS="-k sse" for some
	@$(BIN)/python -m pytest -n 2 -p tools.fuzz_profile --hypothesis-profile fuzz --timeout 1800 tests/wire tests/chat tests/dialects tests/policies tests/relay $(ARGS)
	@$(BIN)/python -m tools.fuzz_sse --seconds 60

lock: ## resolve requirements/*.in anew into requirements/*.lock, with hashes
	@test -n "$(PYTHON)" || { echo 'Sluice needs Python >= 3.11; name one with `make PYTHON=...`' >&2; exit 1; }
	@$(PYTHON) tools/lock.py

clean: ## remove what these targets made, .venv/ included
	@rm -rf .venv build dist site .coverage .coverage.* .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.python:
	@p='$(PYTHON)'; if [ -z "$$p" ] || ! $$p -c '$(OLD_PYTHON)'; then \
	  echo "Sluice needs Python >= 3.11; $${p:-no python3 on PATH} is older. Name one with \`make PYTHON=...\`" >&2; exit 1; fi; \
	  $$p -m venv .venv || { echo 'this Python cannot make a virtual environment (Debian: apt-get install python3-venv)' >&2; exit 1; }
	@touch $@

.venv/.runtime: requirements/runtime.lock | .venv/.python
	@$(INSTALL) --require-hashes -r requirements/runtime.lock
	@touch $@

.venv/.dev: requirements/dev.lock | .venv/.python
	@$(INSTALL) --require-hashes -r requirements/dev.lock
	@touch $@ .venv/.runtime

# Editable: a change in src/ needs no new installation, one in pyproject.toml does. Hatchling comes from the lock.
.venv/.sluice: pyproject.toml .venv/.runtime
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: help run setup test check bench soak observe golden docs mutate fuzz lock clean
