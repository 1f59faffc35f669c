# `make` checks in under a minute; `make test` sets up a fresh machine and runs every test.
#
#   make demo    the main job: the example's image built, run, raised, crashed, stopped
#   make bench   beside the peers, in one run
#   make soak    a million simulated events, what simulated worlds reach, a simulated day, an hour of
#                a real PID 1 under load, whatever can be sent to it, ten times as much of it as in
#                `make test`, and a minute of it guided by coverage for each thing that is read, its
#                system calls refused, and met by signals, by the hundred, 10,000 crashes, 100,000
#                orphans, 500 re-execs, 40 gateways killed; the image built twice without a cache
#   make docs    writes the generated pages again
#   make image   the three targets of the image
#   make clean   removes what was made, but images

PYTHON ?= python3
export PYTHON

BIN := .venv/bin
SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := check
.PHONY: check static format lint types pages shell go quick test demo bench soak docs image clean

check: static quick

# One target each, so that `make -k static` tells of all of them.
static: format lint types pages shell go

format: venv
	$(BIN)/ruff format --check .

lint: venv
	$(BIN)/ruff check .

types: venv
	$(BIN)/mypy

pages: venv
	$(BIN)/python scripts/docs.py --check

# Where their tools are.
shell:
	if command -v shellcheck >/dev/null; then shellcheck scripts/*.sh .ci/run; fi

go:
	if command -v gofmt >/dev/null; then \
	  found=$$(gofmt -l examples); test -z "$$found" || { echo "gofmt: $$found" >&2; false; }; fi

quick: venv
	$(BIN)/python -m pytest -q -n 2 -m "not slow" tests/unit tests/simulation

.PHONY: venv
venv:
	@scripts/setup.sh venv

test:
	@scripts/setup.sh test
	@scripts/test.sh

# In Docker when an engine answers or root can start one; else, or with PYINIT_DEMO=host, as PID 1
# of a fresh PID namespace on this machine.
demo:
	@$(PYTHON) scripts/demo.py

bench: venv
	$(BIN)/python -m bench

soak: venv
	$(BIN)/python tests/simulation/soak.py --awake --jobs "$$(nproc)"
	$(BIN)/python tests/simulation/reached.py --worlds 3000 --lines
	$(BIN)/python -m bench.ageing
	PYINIT_FUZZ_TIMES=10 $(BIN)/python -m pytest -q -n "$$(nproc)" -o timeout=0 -m "not slow" \
	  tests/unit/*/test_*_anything.py tests/unit/web/test_schema_attack.py tests/linux/test_*fuzz*.py
	scripts/setup.sh fuzz
	$(BIN)/python tests/guided.py --seconds 60
	$(BIN)/python tests/linux/kernel_sweeping.py --runs 300
	$(BIN)/python tests/linux/fault_sweeping.py --runs 40
	$(BIN)/python tests/linux/kernel_enduring.py
	scripts/engine.sh start && scripts/bases.sh && $(BIN)/python tests/docker/image_twice.py

docs: venv
	$(BIN)/python scripts/docs.py

image:
	scripts/engine.sh start
	scripts/bases.sh
	docker build -t pyinit .
	docker build -t pyinit:core --target core .
	docker build -t pyinit:debian --target debian .

clean:
	scripts/engine.sh stop
	rm -rf var build dist pyinit.egg-info .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find pyinit tests bench examples scripts -name __pycache__ -type d -prune -exec rm -rf {} +
