# One command each; `make` lists them. Everything runs inside .venv, built from constraints.txt.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The folders attribution/, estimators/ and datasets/ must never be imported under their bare names.
export PYTHONSAFEPATH := 1

.PHONY: help demo test lint type calibrate bench docs clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -qq --upgrade pip
	$(BIN)/python -m pip install -qq --constraint constraints.txt --editable '.[dev]'
	# Only its data files are read; what it depends on asks for an older pandas.
	$(BIN)/python -m pip install -qq --constraint constraints.txt --no-deps lifelines
	@touch $@

demo: $(STAMP) ## settle a two-provider contract on real data
	$(BIN)/counterfoil demo rice

test: $(STAMP) ## run the tests and every example in a docstring
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --doctest-modules --pyargs counterfoil tests

lint: $(STAMP) ## ruff and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	PYTHONPATH=src $(BIN)/lint-imports

type: $(STAMP) ## mypy, strict
	$(BIN)/mypy

calibrate: $(STAMP) ## measure bias and coverage of what docs/calibration.md lacks (remove it to measure all: an hour)
	OPENBLAS_NUM_THREADS=1 PYTHONPATH=benchmarks $(BIN)/python -m calibration

bench: $(STAMP) ## time everything and write docs/benchmarks.md; PEERS="--shapiq PYTHON --doubleml PYTHON" times those too
	PYTHONPATH=benchmarks $(BIN)/python benchmarks/run.py $(PEERS)

docs: $(STAMP) ## write the generated pages in docs/
	$(BIN)/python docs/generate.py

clean: ## remove everything that make builds
	rm -rf $(VENV) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
