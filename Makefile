# Two commands for a newcomer: `make demo` and `make test`. Both need only Python 3.11 or newer.
# PYTHON=python3.13 chooses another interpreter; ARGS=... adds arguments to pytest.

PYTHON ?= python3
BIN := .venv/bin
BENCHMARKS := $(filter-out benchmarks/_%,$(wildcard benchmarks/*.py))

.DEFAULT_GOAL := help
.PHONY: help demo test lint ui-check docs screenshots build bench bench-transfer bench-sync bench-namd bench-ui bench-chain lock dev clean

help:  ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 18

demo:  ## Install into .venv and run a demo simulation in the browser
	$(PYTHON) scripts/environment.py demo
	$(BIN)/namdrunner demo

test:  ## Install what the tests need, real Slurm included where that can be had, and run them all
	$(PYTHON) scripts/environment.py test
	$(PYTHON) scripts/system_packages.py
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder --cov=namdrunner --cov-report=term $(ARGS)

lint: .venv/.installed-test  ## Style, types and the layers
	@status=0; \
	for check in "ruff check ." "ruff format --check ." "mypy" "lint-imports"; do \
	  echo "$(BIN)/$$check"; $(BIN)/$$check || status=1; \
	done; exit $$status

ui-check: .venv/.installed-test  ## Types, tests, style and size of the web UI, and whether it fits the API
	cd web && npm ci --no-audit --no-fund && npm run check && npm test && npm run lint && npm run check:api \
	  && npm run build && npm run check:size

docs: .venv/.installed-test  ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

screenshots: .venv/.installed-test  ## Pictures of every page of the UI in build/screenshots/ (ARGS='--format webp --to DIR')
	$(BIN)/python scripts/screenshots.py $(ARGS)

build: .venv/.installed-test  ## Wheel and source distribution in dist/
	$(BIN)/python -m build --no-isolation

bench: .venv/.installed-test  ## Every benchmark, one after another
	@set -e; for file in $(BENCHMARKS); do echo "== $$file"; $(BIN)/python $$file; done

bench-transfer bench-sync bench-namd bench-ui bench-chain: bench-%: .venv/.installed-test
	$(BIN)/python benchmarks/$*.py

lock: .venv/.installed-test  ## Resolve requirements/*.txt anew (UPGRADE=1 takes newer versions)
	$(BIN)/python -m pip install --quiet "uv>=0.9"
	$(BIN)/python scripts/lock.py

dev: .venv/.installed-test  ## The server in the foreground, and the UI with live reload where web/ is there
	@if [ -f web/package.json ]; then (cd web && npm install --no-audit --no-fund && exec npm run dev) & \
	  trap "kill $$! 2>/dev/null" EXIT; fi; $(BIN)/namdrunner serve --no-browser

clean:  ## Remove what was built or measured, but not .venv
	rm -rf dist build site htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/.installed-test: pyproject.toml requirements/test.txt
	$(PYTHON) scripts/environment.py test
	@touch $@
