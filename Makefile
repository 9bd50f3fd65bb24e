# Thin on purpose: everything that thinks is in compliance/embedded (standard library) and pyproject.toml.
PYTHON ?= python3
BIN := .venv/bin
LAUNCHER := $(PYTHON) -m compliance.embedded
TOOL := CALLWARDEN_PROFILE=tool

.PHONY: run demo install test lint fmt locks bench drill soak clean schema

run:            ## everything on this machine, in the foreground, on 127.0.0.1:$${PORT:-8000}
	@$(LAUNCHER) run

demo:           ## the main job in the terminal, against a throw-away instance
	@$(LAUNCHER) demo

install:        ## .venv from the hashed lock, development set included
	@$(LAUNCHER) install --dev

test: install   ## the whole suite
	@$(BIN)/pytest -n auto

lint: install   ## style, types, who imports whom, migrations complete, the API's schema unchanged
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(TOOL) $(BIN)/mypy
	$(BIN)/lint-imports
	$(TOOL) $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(TOOL) $(BIN)/python manage.py spectacular --validate --fail-on-warn | diff -u docs/openapi.yaml -

fmt: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: install ## take today's API as the committed one
	$(TOOL) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

bench: install  ## the figures of the design, as a table and var/bench.json; SCALE=1M for the million-row rows
	@$(BIN)/python -m tests.bench

drill: install  ## restores old backups into a throw-away installation; var/drill/drill.txt is for the auditor's files
	@DRILL_FOLDER=var/drill $(BIN)/pytest -q -n0 -s -p no:logging tests/faults/test_restore_drill.py

soak: install   ## the long kill and interleaving suites
	@SOAK=1 $(BIN)/pytest -m soak

clean:          ## removes var/ and .venv; FORCE=1 where var/ holds an organisation that is not the demo's
	@$(LAUNCHER) clean

locks: install  ## after a change of dependencies
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml \
		--extra embedded --extra dev --output-file requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml \
		--extra embedded --constraint requirements/dev.txt --output-file requirements/run.txt
