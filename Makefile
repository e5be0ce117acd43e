# `make serve` and `make test` set up what they need; nothing has to be installed by hand but Python 3.11.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DATA   ?= data
CONFIG ?=
# A test process for each core, but no more than four.
PYTEST ?= --numprocesses auto --maxprocesses 4

# What the tests with @xmpp/client need; without npm they are skipped, and say so.
NODE         := tests/clients/node
NODE_MODULES := $(if $(shell command -v npm),$(NODE)/node_modules/.package-lock.json)

# A gateway that the tests connect as a component; it has dependencies of its own.
SLIDGE       := tests/clients/slidge
SLIDGE_VENV  := $(SLIDGE)/.venv/.installed

.DEFAULT_GOAL := help
.PHONY: help serve test test-sqlite test-postgresql test-long check format bench docs clean

help:
	@echo "make serve      run a server for localhost (data in ./$(DATA); CONFIG=burble.toml for settings of your own)"
	@echo "make test       run all tests, on SQLite and on PostgreSQL"
	@echo "make test-long  ten thousand messages to other servers, while one of them is restarted"
	@echo "make check      ruff, mypy --strict, the import rule of the floors"
	@echo "make bench      compare with Prosody and ejabberd, where they are installed"
	@echo "make docs       generate the pages that are made from the code"

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[postgresql]' --group dev
	@touch $@

$(NODE)/node_modules/.package-lock.json: $(NODE)/package-lock.json
	cd $(NODE) && npm ci --silent
	@touch $@

$(SLIDGE_VENV): $(SLIDGE)/requirements.txt
	test -x $(SLIDGE)/.venv/bin/python || $(PYTHON) -m venv $(SLIDGE)/.venv
	$(SLIDGE)/.venv/bin/python -m pip install --quiet --requirement $(SLIDGE)/requirements.txt
	@touch $@

serve: $(VENV)/.installed
	$(BIN)/burble serve --data-dir $(DATA) $(if $(CONFIG),--config $(CONFIG))

test: test-sqlite test-postgresql

test-sqlite: $(VENV)/.installed-dev $(NODE_MODULES) $(SLIDGE_VENV)
	$(BIN)/python -m pytest $(PYTEST) --database sqlite

test-postgresql: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(PYTEST) --database postgresql

# Ten thousand messages each, between Burble and the other servers, while one of them is restarted or killed.
test-long: $(VENV)/.installed-dev
	BURBLE_TEST_LONG=1 $(BIN)/python -m pytest $(PYTEST) tests/federation/test_restarts.py \
		tests/federation/test_faults_policy.py -k 'burble or many_messages'

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev
	$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/.installed-dev
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/generate_commands.py

clean:
	rm -rf $(VENV) $(SLIDGE)/.venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
