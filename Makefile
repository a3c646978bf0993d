PYTHON ?= python3
DATA ?= synthetic
BIN := .venv/bin
PARALLEL := -n logical --maxprocesses 8 --dist loadfile

.PHONY: install demo check test test-all test-newest docs dist clean

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

test-newest:
	$(PYTHON) -m venv --clear .venv-newest
	$(PYTHON) dev/newest.py > .venv-newest/requirements.txt
	.venv-newest/bin/pip install --quiet -r .venv-newest/requirements.txt
	.venv-newest/bin/pip install --quiet --no-deps -e .
	.venv-newest/bin/pip list
	.venv-newest/bin/pytest $(PARALLEL) -m 'not long'

docs: install
	$(BIN)/sphinx-build -q -W docs site
	@echo "open site/index.html"

dist: install
	$(BIN)/python dev/dist.py

clean:
	rm -rf dist .venv .venv-newest site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
