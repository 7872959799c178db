# The doors: demo, test, run, bench. Each sets up what it needs in .venv; what is installed as it
# stands is compiled here, as pip compiles what it copies.

PYTHON ?= python3
BIN := .venv/bin

# What looks for faults of accessibility; only the tests use it.
AXE := .browser/node_modules/axe-core/axe.min.js

.PHONY: demo test test-slow test-browser lint run bench schema clean

demo: .venv/installed
	$(BIN)/tickertrack demo

run: .venv/installed
	$(BIN)/tickertrack run

test: .venv/dev lint
	@echo "left out here: the slow tier (make test-slow), a real browser (make test-browser)"
	$(BIN)/pytest

test-slow: .venv/dev
	$(BIN)/pytest -m slow -n 2

test-browser: .venv/dev $(AXE)
	$(BIN)/pytest -m browser -n 0 tests/test_browser.py tests/test_browser_marks.py
	@echo "screenshots: .browser/shots"

lint: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev
	$(BIN)/python -m bench ../shared

schema: .venv/dev
	$(BIN)/python -m bench.schema

clean:
	rm -rf .venv .browser

$(AXE):
	npm install --silent --no-audit --no-fund --no-save --prefix .browser axe-core@4.14.1

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	$(BIN)/python -m compileall -q tickertrack
	touch $@

.venv/dev: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	$(BIN)/python -m compileall -q tickertrack
	touch .venv/installed $@
