PYTHON ?= python3
DATA ?= synthetic
BIN := .venv/bin
PARALLEL := -n logical --maxprocesses 8 --dist loadfile

.PHONY: install demo check test test-all docs clean

install: .venv/installed

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet torch==2.13.0 -e '.[train,dev]'
	touch $@

demo: install
	$(BIN)/mien study '$(DATA)' --recipe demo --ablation none --threads 1

check: install
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sphinx-build -q -W docs site

test: check
	$(BIN)/pytest $(PARALLEL) -m 'not long'

test-all: check
	$(BIN)/pytest $(PARALLEL)

docs: install
	$(BIN)/sphinx-build -q -W docs site
	@echo "open site/index.html"

clean:
	rm -rf .venv site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
