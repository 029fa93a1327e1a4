# Every target does its own set-up: a machine needs only Python 3.11 (with pip and venv), make and git.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
CORES  ?= 2

.PHONY: demo example test test-slow lint check format bench lab lock clean

# The core environment runs experiments; the development one adds tests, linters and JupyterLab.
$(VENV)/.core: requirements/core.txt pyproject.toml
	@echo "Setting up $(VENV) (about a minute, once) ..." >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/core.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.core
	@echo "Adding the development tools to $(VENV) ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# The main job: calibrate on 39 weeks of a real order log, check against the next 39, compare four policies with
# today's, then tune a programme and confirm the winners on fresh luck.
demo: $(VENV)/.core
	$(BIN)/crmlab calibrate experiments/data/cdnow_sample.csv --customer sample_id --date date --amount dollar_value \
	    --holdout-weeks 39 --out results/demo/cdnow.toml
	$(BIN)/crmlab compare experiments/library/cdnow.toml --world results/demo/cdnow.toml --out results
	$(BIN)/crmlab tune experiments/library/cdnow_tune.toml --world results/demo/cdnow.toml --out results

# The run that is kept in the repository, played anew: after every change of the simulation's numbers.
example: $(VENV)/.core
	rm -rf results/example
	$(BIN)/crmlab compare experiments/library/example.toml --out results --workers 1

# The tests, two at a time, and a few of them once more as plain Python without compilation: some six to seven minutes
# on two cores. Whatever takes long is in `test-slow`.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(CORES) --dist loadfile -m "not slow"
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -n $(CORES) -m plain

# Those that take their time: statistics over many runs, runs killed at random, clusters.
test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(CORES) --dist loadfile -m slow

lint: $(VENV)/.dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

check: lint test test-slow

format: $(VENV)/.dev
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .

bench: $(VENV)/.core
	$(BIN)/python -m crmlab.experiments.bench --full
	$(BIN)/python -m crmlab.experiments.bench variance --workers $(CORES)
	$(BIN)/python -m crmlab.experiments.bench desk

lab: $(VENV)/.dev
	$(BIN)/jupyter lab --notebook-dir notebooks notebooks/00_start_here.ipynb

# The lists of requirements, with hashes and without index lines. Needs `uv` (pip install uv).
LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -q
lock:
	$(LOCK) pyproject.toml -o requirements/core.txt
	$(LOCK) pyproject.toml --extra dev -o requirements/dev.txt
	$(LOCK) requirements/build.in -c requirements/dev.txt -o requirements/build.txt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
