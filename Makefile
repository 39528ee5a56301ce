# Two commands for a fresh machine: `make demo` and `make test`. Each makes what it needs in .venv.

PYTHON ?= python3
BIN := .venv/bin
BOTH_KERNELS := tests/backend tests/cli tests/optim tests/reference tests/training

.PHONY: demo test bench clean

demo: .venv/.installed
	$(BIN)/mlptrain train configs/digits.yaml
	$(BIN)/mlptrain eval --min accuracy=0.95
	$(BIN)/mlptrain predict data/digits/test/7/0017.png --top-k 3

test: .venv/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	test -z "$$(command -v cc)" || MLPTRAIN_KERNELS=compiled $(BIN)/mlptrain info
	$(BIN)/python -m pytest -n auto
	MLPTRAIN_KERNELS=numpy $(BIN)/python -m pytest -n auto $(BOTH_KERNELS)

bench: .venv-peers/.installed
	.venv-peers/bin/python -m benchmarks --write

clean:
	rm -rf .venv .venv-peers runs

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: .venv/bin/python pyproject.toml $(wildcard mlptrain/backend/csrc/*)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

.venv-peers/.installed: benchmarks/requirements.txt pyproject.toml $(wildcard mlptrain/backend/csrc/*)
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check --requirement benchmarks/requirements.txt --editable .
	touch $@
