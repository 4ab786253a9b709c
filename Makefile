# `make help` lists the targets. Everything is set up in .venv on first use; PYTHON=python3.12 chooses the interpreter.

VENV := .venv
PY := $(VENV)/bin/python
RUNTIME := $(VENV)/.runtime-ready
DEV := $(VENV)/.dev-ready
SETUP_INPUTS := pyproject.toml tools/dev/setup.sh
SOURCES := cluster node proto tools tests

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The checks print in their order, and two runs of pip in one environment would spoil it.
.NOTPARALLEL:
.PHONY: help setup demo test check lint format types imports buf stubs stubs-check pytest requirements clean
.PHONY: offline-bundle
.PHONY: health-pages bench-ops
.PHONY: sim sim-same mutants chaos fuzz abuse
.PHONY: bench bench-docs bench-scale bench-centre bench-quick bench-bundle bench-rebuild bench-lines bench-reconcile
.PHONY: bench-inventory bench-scrub

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' Makefile

$(RUNTIME): requirements.txt $(SETUP_INPUTS)
	@tools/dev/setup.sh $(VENV) requirements.txt
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.txt
	@tools/dev/setup.sh $(VENV) requirements-dev.txt
	@touch $@

setup: $(DEV) ## everything for working on lumbung, in .venv

demo: $(RUNTIME) ## four nodes on this machine: put, lose an office, get everything back
	@$(VENV)/bin/lumbung demo

test: check pytest ## every check and test

check: lint types imports buf stubs-check ## the checks without the tests

lint: $(DEV) ## ruff: rules and format
	$(VENV)/bin/ruff check $(SOURCES)
	$(VENV)/bin/ruff format --check $(SOURCES)

format: $(DEV) ## let ruff mend format and what it can mend of the rules
	$(VENV)/bin/ruff check --fix $(SOURCES)
	$(VENV)/bin/ruff format $(SOURCES)

types: $(DEV) ## mypy --strict
	$(VENV)/bin/mypy --strict

imports: $(DEV) ## who may import whom
	$(VENV)/bin/lint-imports

buf: $(DEV) ## buf lint of the .proto files
	$(VENV)/bin/buf lint proto

stubs: $(DEV) ## write the generated modules of the .proto files
	$(PY) tools/dev/stubs.py write

stubs-check: $(DEV) ## are the generated modules those of the .proto files?
	$(PY) tools/dev/stubs.py check

# Two at a time: half of the tests wait for real processes, the other half computes.
health-pages: $(DEV) ## write docs/health from the catalogue of sentences
	$(PY) tools/dev/health_pages.py write

pytest: $(DEV) ## the tests; ARGS="tests/pure -k feed" narrows them
	@$(PY) -m compileall -q cluster node proto tools
	$(PY) -m pytest --numprocesses 2 --dist worksteal $(ARGS)

sim: $(DEV) ## the simulation; ARGS="--seed 7" and so on
	$(PY) tests/simulation/run.py $(ARGS)

sim-same: $(DEV) ## 200 seeds in two processes with two hash seeds: one history each
	$(PY) tests/simulation/run.py --same --seeds 200 --hours 0.083 --nodes 4 $(ARGS)

mutants: $(DEV) ## break the code on purpose: the simulation must find each
	$(PY) tests/simulation/mutants.py $(ARGS)

abuse: $(DEV) ## callers that misbehave at a real node, and what an honest one feels; ARGS="--seconds 60"
	@$(PY) -m compileall -q cluster node proto tools
	$(PY) tests/abuse/run.py $(ARGS)

chaos: $(DEV) ## real faults on real processes, half an hour; ARGS="--family kills --count 20", ARGS=--list
	@$(PY) -m compileall -q cluster node proto tools
	$(PY) tests/chaos/run.py $(ARGS)

fuzz: $(DEV) ## hostile input for every reader; ARGS="--inputs 1000000 --seed 1"
	$(PY) tests/fuzz/run.py $(ARGS)

bench: $(RUNTIME) ## everything beside this machine's limits: a quarter of an hour, 12 GB of disk; ARGS="--scale 0.05"
	$(PY) -m lumbung_tools.bench.suite $(ARGS)

bench-docs: $(RUNTIME) ## fill docs/performance.md and its picture from the JSON of the last `make bench`
	$(PY) -m lumbung_tools.bench.suite --write-docs docs $(ARGS)

bench-scale: $(RUNTIME) ## a million blobs in one node, ten million rows in its index; ARGS="--blobs 20000 --rows 100000"
	$(PY) -m lumbung_tools.bench.scale $(ARGS)

bench-centre: $(DEV) ## one DRC node and 514 offices: idle, a peak day, after a night; ARGS="--offices 40 --records 400"
	$(PY) tests/bench/centre.py $(ARGS)

bench-quick: $(RUNTIME) ## figures of three nodes on loopback
	$(PY) -m lumbung_tools.bench.quick $(ARGS)

bench-reconcile: $(DEV) ## bytes and round trips until two sets know what differs; ARGS="--ids 10000"
	$(PY) -m lumbung_tools.bench.reconcile $(ARGS)
	$(PY) -m lumbung_tools.bench.reconcile_processes $(ARGS)
	$(PY) tests/bench/reconcile_abuse.py

bench-bundle: $(RUNTIME) ## a disk filled and imported, beside cp and sync
	$(PY) -m lumbung_tools.bench.bundle $(ARGS)

bench-inventory: $(RUNTIME) ## what it costs to know the set of an origin: a fold, a rebuild, a restart, memory
	$(PY) -m lumbung_tools.bench.inventory $(ARGS)

bench-ops: $(RUNTIME) ## the whole country in one view: 514 reports asked of a real node and shown
	$(PY) -m lumbung_tools.bench.ops $(ARGS)

bench-scrub: $(RUNTIME) ## how fast everything is read and checked, and what puts feel of it
	$(PY) -m lumbung_tools.bench.scrub $(ARGS)

bench-rebuild: $(RUNTIME) ## a wiped node refilled by its holders, beside the disk's own write rate
	$(PY) -m lumbung_tools.bench.rebuild $(ARGS)

bench-lines: $(RUNTIME) ## refills over thin lines and a backlog over poor ones, in network namespaces
	$(PY) tests/bench/lines.py $(ARGS)

offline-bundle: $(RUNTIME) ## dist/lumbung-*.tar.gz: everything to install lumbung without a network, tried out
	@tools/dev/offline_bundle.sh $(VENV)

# pip-compile asks the machine's index for the hashes of all wheels, so that one file serves every Python and processor.
PIN = $(VENV)/bin/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes --annotation-style=line \
	--no-header --no-emit-options --no-emit-index-url --no-emit-trusted-host --no-emit-find-links
requirements: $(DEV) ## pin again; UPGRADE=--upgrade takes newer versions
	$(PIN) $(UPGRADE) --no-build-isolation -o requirements.txt pyproject.toml requirements.in
	$(PIN) $(UPGRADE) -o requirements-dev.txt requirements-dev.in

clean: ## remove .venv and all caches
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
