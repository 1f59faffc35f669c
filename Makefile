# `make` checks in under a minute; `make test` sets up a fresh machine and runs every test.
#
#   make demo    the main job: the example's image built, run, raised, crashed, stopped
#   make bench   beside the peers, in one run
#   make soak    the night run: a million simulated events, an hour of growing old, fuzzing, faults
#                in everything, endurance, images built twice (`scripts/soak.py --list` names the
#                parts, PARTS="kernel faults" picks some); it goes on after what it finds
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

soak:
	@scripts/setup.sh test
	@$(BIN)/python scripts/soak.py $(PARTS)

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
