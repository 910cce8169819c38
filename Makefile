# Ostinato. `make` alone lists the commands.
# Needed: make, Python >= 3.11 with venv, and a package index for pip. Everything lands in .venv.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
SEEDS ?= 0:10000
SPEED ?= 100000

BIN := $(VENV)/bin
CANDIDATES := $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14
OLD_ENOUGH := import sys; raise SystemExit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo live test check static lint types floors format-check format docs golden bench \
  bench-decisions bench-detection bench-features bench-monitoring bench-quick bench-streams bench-serving crash abuse soak simulate e2e clean

help: ## List the commands
	@echo "Ostinato: replay a continuous-learning loop over history."
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "PYTHON=... chooses the interpreter (3.11 or newer), VENV=... where things are installed."

# ---- set-up: a stamp per extra; done again only when pyproject.toml has changed

$(VENV)/.made:
	@found=; for each in $(CANDIDATES); do \
	  if command -v "$$each" >/dev/null 2>&1 && "$$each" -c '$(OLD_ENOUGH)' >/dev/null 2>&1; \
	  then found=$$each; break; fi; done; \
	if [ -z "$$found" ]; then \
	  echo "error: no Python 3.11 or newer was found (looked for: $(CANDIDATES))" >&2; \
	  echo "hint: install one, or say where it is: make PYTHON=/path/to/python3.12 ..." >&2; \
	  exit 1; fi; \
	echo "==> Making $(VENV) with $$found ($$($$found --version))"; \
	"$$found" -m venv $(VENV) || { \
	  echo "error: $$found cannot make a virtual environment" >&2; \
	  echo "hint: Debian and Ubuntu keep that part in the package python3-venv." >&2; \
	  exit 1; }
	@touch $@

$(VENV)/.examples: pyproject.toml | $(VENV)/.made
	@echo "==> Installing Ostinato and the example's data into $(VENV) (once; a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[examples]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/.made
	@echo "==> Installing Ostinato and its development tools into $(VENV) (once; some minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,examples]'
	@touch $(VENV)/.examples $(VENV)/.live $@

$(VENV)/.bench: pyproject.toml $(VENV)/.dev
	@echo "==> Installing the detectors the benchmarks compare with into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	@touch $@

$(VENV)/.live: pyproject.toml | $(VENV)/.made
	@echo "==> Installing Ostinato with its service and the example's data into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[live,examples]'
	@touch $(VENV)/.examples $@

# ---- what people run

demo: $(VENV)/.examples ## Replay a year of flights under six policies and write the report
	@mkdir -p out
	@echo "==> Replaying 336,776 flights of 2013 under six policies (a few minutes on 2 cores)"
	@$(BIN)/ostinato compare examples/flights.py --html out/flights.html --json > out/unfinished.json
	@mv out/unfinished.json out/flights.json
	@$(BIN)/python -c 'import json; print(json.load(open("out/flights.json"))["advice"]["text"])'
	@echo "==> The report: $(CURDIR)/out/flights.html (open it in a browser; it works offline)"
	@echo "    The same as JSON: $(CURDIR)/out/flights.json"

live: $(VENV)/.live ## Watch a year of flights go through a real service (SPEED=0: as fast as it goes)
	@echo "==> A year of flights through a real service, over HTTP (SPEED=$(SPEED))"
	@echo "    Open the first address below while it runs; Ctrl-C stops it."
	@$(BIN)/ostinato rehearse examples/flights.py --speed $(SPEED) --tick 6h --rows-per-request 32

test: $(VENV)/.dev ## Run all tests (needs no browser)
	@echo "==> Tests, on $(WORKERS) workers"
	@$(BIN)/python -m pytest --numprocesses $(WORKERS)

check: static test ## Format, lint, types, floors, tests: all that must hold

static: format-check lint types floors ## The checks without the tests

format-check: $(VENV)/.dev ## Is the code formatted?
	@echo "==> Format"
	@$(BIN)/ruff format --check .

lint: $(VENV)/.dev ## Lint with ruff
	@echo "==> Lint"
	@$(BIN)/ruff check .

types: $(VENV)/.dev ## Check types with mypy, strict
	@echo "==> Types"
	@$(BIN)/mypy

floors: $(VENV)/.dev ## Do imports go down only?
	@echo "==> Floors"
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## Format the code and repair what ruff can repair
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

docs: $(VENV)/.dev ## Write the generated reference pages again
	@$(BIN)/python docs/generate.py

golden: $(VENV)/.dev ## Record the golden decision logs again; review the difference before you commit it
	@UPDATE_GOLDEN=1 $(BIN)/python -m pytest tests/golden
	@git diff --stat -- tests/golden

bench: $(VENV)/.dev ## Measure how fast a replay is
	@echo "==> Benchmark: events per second round the model"
	@$(BIN)/python benchmarks/replay.py

simulate: $(VENV)/.dev ## Run the loop in made-up worlds, with faults (SEEDS=0:10000, or 200)
	@echo "==> Simulation: seeds $(SEEDS), on $(WORKERS) workers"
	@$(BIN)/python -m ostinato.sim --seeds $(SEEDS) --workers $(WORKERS)

bench-decisions: $(VENV)/.bench ## Do alarms, gates and releases keep their promises? (15 minutes)
	@echo "==> The acceptance table, beside the rules that others use"
	@$(BIN)/python benchmarks/decisions.py

bench-streams: $(VENV)/.dev ## What does each policy bring on real streams? (25 minutes)
	@echo "==> Policies on the streams of ../shared/data; what is not there is skipped"
	@$(BIN)/python benchmarks/streams.py

bench-quick: $(VENV)/.dev ## Both of them, small
	@$(BIN)/python benchmarks/decisions.py --quick
	@$(BIN)/python benchmarks/streams.py --quick

bench-features: $(VENV)/.dev ## Features: are both executions the same, how fast, does parity find faults? (an hour)
	@echo "==> Features: exactness, serving, history beside joins by hand and Feast, parity"
	@$(BIN)/python benchmarks/features_exact.py
	@$(BIN)/python benchmarks/features_online.py
	@$(BIN)/python benchmarks/features_asof.py
	@$(BIN)/python benchmarks/parity.py

bench-monitoring: $(VENV)/.dev ## Drift and quality of inputs beside the peers (a quarter of an hour)
	@echo "==> Monitoring: the peers are installed under ~/.cache/ostinato-bench the first time"
	@$(BIN)/python benchmarks/monitoring.py

bench-detection: $(VENV)/.dev ## False alarms, delays and diagnoses of monitors beside the peers (half an hour), then real streams
	@echo "==> Detection: the peers are installed under ~/.cache/ostinato-bench the first time"
	@$(BIN)/python benchmarks/detection.py
	@$(BIN)/python benchmarks/watch_streams.py

bench-serving: $(VENV)/.dev ## The live service beside its peers (half an hour; needs Linux and wrk)
	@echo "==> Serving: the peers are installed under ~/.cache/ostinato-bench the first time"
	@$(BIN)/python benchmarks/serving.py

crash: $(VENV)/.dev ## Kill the processes of a live service 300 times under load (10 minutes)
	@$(BIN)/python benchmarks/crash.py --kills 300

abuse: $(VENV)/.dev ## Treat a live service badly; good clients must not notice (a minute or two)
	@$(BIN)/python benchmarks/abuse.py

soak: $(VENV)/.dev ## The live service at half load, for an hour
	@$(BIN)/python benchmarks/soak.py

e2e: $(VENV)/.dev ## Open the report in a browser and use it (needs chromium and playwright)
	@echo "==> The report in a real browser"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check playwright
	@$(BIN)/python -m pytest tests/e2e

clean: ## Remove the environment, caches and results
	rm -rf $(VENV) out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests docs examples benchmarks -name __pycache__ -prune -exec rm -rf {} +
