# Everything runs in .venv, which the first target that needs it makes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
TESTS := tests $(wildcard plugins/*/tests)

.DEFAULT_GOAL := help
.PHONY: help install demo test check lint bench clean

help:  ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(VENV)/.installed: pyproject.toml constraints.txt $(wildcard plugins/*/pyproject.toml)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[cloud,export,torch]' --group dev
	$(BIN)/pip install --quiet --constraint constraints.txt $(PLUGINS:%=--editable '%[test]')
	touch $@

install: $(VENV)/.installed  ## Make .venv with the package and what its tests need

demo: $(VENV)/.installed  ## Call hits on the bundled example, compare them with the truth, make a report
	$(BIN)/python examples/demo.py --out $(DEMO)

lint: $(VENV)/.installed  ## Format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint  ## Every check, then the tests
	$(BIN)/pytest --numprocesses 2 --dist loadfile $(TESTS)

check: $(VENV)/.installed  ## The tests alone
	$(BIN)/pytest --numprocesses 2 --dist loadfile $(TESTS)

bench: $(VENV)/.installed  ## Time everything and write the tables of docs/benchmarks.md
	$(BIN)/python tests/benchmarks/report.py

clean:  ## Remove what the targets above made
	rm -rf $(VENV) $(DEMO) .pytest_cache .mypy_cache .ruff_cache .hypothesis
