# Everything a newcomer types. `make run` and `make test` set up what they need on a machine with Python 3.11.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

.PHONY: run test check docs coverage bench soak sabotage chaos evaluate lock clean

run: $(VENV)/.run
	$(BIN)/sluis practice

test: $(VENV)/.dev
	$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: $(VENV)/.dev
	$(BIN)/python -m tests.docs.tables

# Each safety module at full branch coverage from its own tests.
coverage: $(VENV)/.dev
	$(BIN)/python -m tests.coverage_gate

bench: $(VENV)/.dev
	$(BIN)/python -m bench

soak: $(VENV)/.dev
	$(BIN)/python -m bench.soak

chaos: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow --timeout 1200

sabotage: $(VENV)/.dev
	$(BIN)/python -m tests.sabotage

evaluate: $(VENV)/.dev
	$(BIN)/python -m bench.detection

lock:
	sh requirements/compile.sh

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt requirements/model.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/run.txt -r requirements/model.txt
	$(PIP) --no-build-isolation -e .
	touch $@

$(VENV)/.dev: requirements/dev.txt requirements/model.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements/dev.txt -r requirements/model.txt
	$(PIP) --no-build-isolation -e .
	touch $@

clean:
	rm -rf $(VENV) data .coverage
