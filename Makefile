# Each target sets up .venv by itself when needed. `make demo` and `make test` are all a newcomer
# needs: Python 3.11 or newer, make, and a network to the package registry.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO ?= var/demo
# Where public data lie that come in no package.
export DATA ?= ../shared/data
export PYTHONUNBUFFERED = 1

.PHONY: help demo test lint spark peers bench-quality bench-quality-long bench-decide \
	bench-decide-long bench-audit bench-audit-long bench-features bench-serve bench-serve-long \
	axe serve clean lock

help:
	@echo 'make demo    everything on real data: events, features, models, audit, decisions, messages'
	@echo 'make test    the tests but slow ones; SLOW=1: all of them'
	@echo 'make lint    ruff, mypy, import-linter'
	@echo 'make spark   install Spark beside the rest (several hundred MB; needs Java 17)'
	@echo 'make bench-quality    the models beside others, ten minutes; -long: with FLAML, an hour'
	@echo 'make bench-decide     policies and their proof, ten minutes; -long: the rest'
	@echo 'make bench-audit      explanations and audits, ten minutes; -long: with 200 seeds and more'
	@echo 'make bench-features   the feature kernel beside DuckDB and Polars, an hour'
	@echo 'make bench-serve      the service under load, ten minutes; -long: kills, races, soak'
	@echo 'make axe     fetch what tests the pages for accessibility'
	@echo 'make serve   keep the demo'"'"'s API up at http://127.0.0.1:3000 (docs at /docs)'
	@echo 'make clean   remove what was built; make lock: resolve dependencies anew'

demo: $(READY)
	@$(BIN)/bocian demo $(DEMO)

serve: $(READY)
	@test -f $(DEMO)/bocian.toml || { echo 'run `make demo` first: it trains what is served'; exit 1; }
	@$(BIN)/bocian serve --config $(DEMO)/bocian.toml

# Without those that take long; `make test SLOW=1` runs them too, as .ci/run does.
test: $(READY)
	@$(BIN)/pytest -n 2 --dist loadfile $(if $(SLOW),,-m 'not slow')

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Spark's own lock agrees with requirements.lock, and adds only what Spark brings.
spark: $(READY)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes \
		-r requirements-spark.lock

# What kernel and models are measured beside; a test holds equal what the kernel's peers compute.
peers: $(READY)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes \
		-r benchmarks/requirements.lock

# What a test holds the pages against; needs npm.
axe:
	@npm install --silent --prefix build/axe axe-core@4.14.1

# Every prediction that is judged is kept in build/bench/quality; what is there is not made again.
# BENCH='--bars 1,2' runs some bars.
bench-quality: peers
	@$(BIN)/python benchmarks/quality $(BENCH)

bench-quality-long: peers
	@$(BIN)/python benchmarks/quality --long $(BENCH)

# Every prediction and decision that is judged is kept in build/bench/decide.
bench-decide: peers
	@$(BIN)/python benchmarks/decide $(BENCH)

bench-decide-long: peers
	@$(BIN)/python benchmarks/decide --long $(BENCH)

# What is made is kept in build/bench/audit.
bench-audit: peers
	@$(BIN)/python benchmarks/audit $(BENCH)

bench-audit-long: peers
	@$(BIN)/python benchmarks/audit --long $(BENCH)

# Up to 100 million events: 40 GB of disk for a while, under an hour on two cores.
# BENCH='--scale 0.05 --bars 1,2' tries it out; BENCH=--show prints what the peers run.
bench-features: peers
	@$(BIN)/python benchmarks/features $(BENCH)

# The business that is served is made once, in build/bench/serve.
bench-serve: $(READY)
	@$(BIN)/python benchmarks/serve $(BENCH)

# Half of the peak for ten minutes, 200 kills, 20,000 drawn requests, races; some hours.
bench-serve-long: $(READY)
	@$(BIN)/python benchmarks/serve --long $(BENCH)

# The lock installs with hashes; the checkout itself is linked, so that edits take effect.
$(READY): requirements.lock pyproject.toml
	@PYTHON='$(PYTHON)' VENV='$(VENV)' sh scripts/setup.sh
	@touch $@

lock:
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--extra train --extra otlp --extra postgres --extra demo --extra notebooks --extra dev \
		pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		pyproject.toml -o requirements-serve.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		-c requirements.lock --extra spark pyproject.toml -o requirements-spark.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		-c requirements.lock benchmarks/requirements.in -o benchmarks/requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		-c requirements-serve.lock --extra postgres --extra otlp \
		pyproject.toml deploy/requirements.in -o deploy/requirements.lock

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
