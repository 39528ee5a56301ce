# Two commands for a fresh machine: `make demo` and `make test`. Each installs what it needs in .venv.

PYTHON ?= python3
BIN := .venv/bin
# Python compiles a module when it is first imported; pip would compile thousands that never are.
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
unexport PYTHONDONTWRITEBYTECODE
KERNELS := $(wildcard mlptrain/backend/csrc/*)
BOTH_KERNELS := tests/backend/test_choice.py tests/cli/test_cli_chain.py tests/data/test_batches.py tests/estimators \
	tests/functions/test_dropout.py tests/nn/test_layer_state.py tests/optim/test_clipping.py \
	tests/optim/test_training_memory.py tests/training
WATCHED := build/watched/_kernels.so
THREADS := tests/backend tests/functions/test_function_kernels.py

.PHONY: demo lint test suite docs races bench clean

demo: .venv/.installed
	$(BIN)/mlptrain train configs/digits.yaml
	$(BIN)/mlptrain eval --min accuracy=0.95
	$(BIN)/mlptrain predict data/digits/test/7/0017.png --top-k 3

lint: .venv/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: lint suite

suite: .venv/.installed-dev
	test -z "$$(command -v cc)" || MLPTRAIN_KERNELS=compiled $(BIN)/mlptrain info
	$(BIN)/python -m pytest -n auto
	MLPTRAIN_KERNELS=numpy $(BIN)/python -m pytest -n auto -m "not slow or both_kernels" $(BOTH_KERNELS)
	$(MAKE) --no-print-directory races

# The pages in docs/ as a site in build/docs. Writes those in docs/reference.
docs: .venv/.installed-dev
	$(BIN)/python -m tools.reference
	$(BIN)/zensical build --strict --clean

# The kernels' threads under GCC's thread sanitizer. It instruments only the kernels, so it ignores
# NumPy and its BLAS. A forked child may start its own threads. float64 has the same source.
races: .venv/.installed-dev
	@sanitizer=$$(gcc -print-file-name=libtsan.so 2>&1); \
	if [ ! -e "$$sanitizer" ] || ! LD_PRELOAD=$$sanitizer $(BIN)/python -c ""; then \
		echo "races: skipped: GCC has no working thread sanitizer here"; exit; \
	fi; \
	$(MAKE) --no-print-directory $(WATCHED) && \
	rm -rf build/races && mkdir -p build/races && cp -r mlptrain build/races && \
	rm -f build/races/mlptrain/backend/*.so && cp $(WATCHED) build/races/mlptrain/backend && \
	PYTHONPATH="$(CURDIR)/build/races" LD_PRELOAD=$$sanitizer \
		TSAN_OPTIONS="ignore_noninstrumented_modules=1 die_after_fork=0" \
		timeout 900 $(BIN)/python -P -m pytest -n auto --capture=sys \
		-m races -k "not float64" $(THREADS)

$(WATCHED): $(KERNELS)
	mkdir -p $(@D)
	gcc -fsanitize=thread -O2 -g -shared -fPIC -pthread mlptrain/backend/csrc/*.c -lm -o $@

bench: .venv-peers/.installed
	.venv-peers/bin/python -m benchmarks --write

clean:
	rm -rf .venv .venv-peers .cache build runs

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: .venv/bin/python pyproject.toml $(KERNELS)
	$(INSTALL) --editable .
	touch $@

.venv/.installed-dev: .venv/bin/python pyproject.toml $(KERNELS)
	$(INSTALL) --editable '.[dev,docs]'
	touch .venv/.installed $@

.venv-peers/.installed: benchmarks/requirements.txt pyproject.toml $(KERNELS)
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check --requirement benchmarks/requirements.txt --editable .
	touch $@
