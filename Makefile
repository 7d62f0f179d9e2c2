# strictwire's recipes. A bare `make` lists them; CI runs the same ones and nothing else.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first interpreter that runs and is new enough; `make PYTHON=/path/to/python …` overrides.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := src tests bench tools fuzz

.PHONY: help setup dev serve test pairs check fix bench fuzz properties docs clients upstreams lock clean

help: ## list the recipes
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.run-stamp ## make .venv with .venv/bin/strictwire, from the locked, hashed set

.venv/.run-stamp: requirements/run.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "strictwire needs Python 3.11 or newer; none was found on the PATH (or say make PYTHON=...)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { \
		echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; rm -rf .venv; exit 1; }
	$(PIP) --require-hashes --only-binary :all: -r requirements/run.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q src  # pip compiles what it copies, and this it does not copy
	@touch $@

dev: .venv/.dev-stamp

.venv/.dev-stamp: .venv/.run-stamp requirements/dev.txt
	$(PIP) --require-hashes --only-binary :all: -r requirements/dev.txt
	@touch $@

serve: setup ## serve on 127.0.0.1:8080; ARGS="..." goes to the command
	@exec $(BIN)/strictwire serve $(ARGS)

test: dev ## run the tests; ARGS="..." goes to pytest
	$(BIN)/python -m pytest -n 2 $(ARGS)

pairs: dev ## the end-to-end tables whole: every client, upstream, mode and way of the SDKs
	STRICTWIRE_PAIRS=1 $(BIN)/python -m pytest -n 2 tests/e2e $(ARGS)

check: dev ## format, lint, types, generated pages
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/python tools/docs.py --check
	$(BIN)/python tools/corpus_scripted.py --check

fix: dev ## format and mend what the linter can mend
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

bench: dev ## time strictwire beside nginx; prints one table
	$(BIN)/python -m bench $(ARGS)

fuzz: dev ## ten minutes of hostile bytes at decoder, parser, relay and collect
	$(BIN)/python -m fuzz $(ARGS)

properties: dev ## the property tests, with many more examples
	STRICTWIRE_PROPERTIES=1 $(BIN)/python -m pytest -n 2 -m properties --timeout 900 $(ARGS)

docs: dev ## write the generated pages, and the scripted corpus, anew
	$(BIN)/python tools/docs.py
	$(BIN)/python tools/corpus_scripted.py

clients: dev ## run real command-line clients through the gateway (needs npm)
	$(BIN)/python -m tests.clients $(ARGS)

upstreams: dev ## put real model servers behind the gateway (installs them in a cache)
	$(BIN)/python -m tests.upstreams $(ARGS)

lock: dev ## resolve requirements/*.txt anew
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" pyproject.toml requirements/run.in -o requirements/run.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" requirements/dev.in -o requirements/dev.txt

clean: ## remove what the recipes made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
