# Bare machine: Python 3.11 and make. Everything else is installed into .venv at the versions of constraints.txt.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
OUT    ?= out/demo
# One thread per process: two busy threads on two cores spend their time waiting for each other.
export OMP_NUM_THREADS ?= 1
export HF_HUB_OFFLINE ?= 1
export ENCYPHER_C2PA_TELEMETRY ?= off
export ENCYPHER_C2PA_ONLINE ?= off

.PHONY: install demo test check bench bench-mark bench-ledger soak clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[dev]'
	# The second implementation of the first mark, for tests only. It declares an OpenCV that needs
	# libGL, and torch; neither is needed for the file that the tests load, hence --no-deps.
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --constraint constraints.txt invisible-watermark blind-watermark
	touch $@

demo: install
	$(BIN)/intaglio demo --out $(OUT)

test: install
	$(BIN)/python -m pytest -m "not soak"

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: install
	$(BIN)/python -m benchmarks.overhead

# The mark beside its peers. Pictures: BENCH_MARK="--pictures DIR... --half report"; without, the drawn ones.
bench-mark: install
	$(BIN)/python -m benchmarks.mark $(BENCH_MARK)

# Rates and latencies of the ledger, beside a counter for each event. Smaller: BENCH_LEDGER="--events 10000".
bench-ledger: install
	$(BIN)/python -m benchmarks.ledger $(BENCH_LEDGER)

soak: install
	$(BIN)/python -m pytest -m soak

clean:
	rm -rf $(VENV) build dist out *.egg-info src/*.egg-info
