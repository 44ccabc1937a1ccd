# Two commands on a fresh machine: `make run` and `make test`. Both do all the set-up themselves.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/pytest $(PYTEST_ARGS)
SOURCES := libs services deploy tests benchmarks conftest.py
PACKAGES := $(wildcard libs/*/src services/*/src deploy/local/src)
UP_FLAGS := $(if $(filter-out 0,$(DETACH)),--detach) $(if $(filter-out 0,$(FRESH)),--fresh)

.DEFAULT_GOAL := help
.PHONY: help setup run stop test test-browser test-faults test-load lint format bench lock

help: ## what can be done here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup: ## virtual environment, Kafka, MongoDB (done by the others by themselves)
	@command -v $(PYTHON) >/dev/null || { \
		echo "setup: $(PYTHON) is missing; Python 3.11 or later: apt-get install python3-venv, or see python.org" >&2; exit 1; }
	@$(PYTHON) deploy/local/bootstrap.py $(SETUP_FLAGS)

ifeq ($(RUNTIME),compose)
run:
	@exec $(PYTHON) deploy/local/compose.py up $(UP_FLAGS)
stop:
	@exec $(PYTHON) deploy/local/compose.py down
else
run: setup ## start everything and show one visit all the way (DETACH=1, FRESH=1, RUNTIME=compose)
	@exec $(BIN)/shr up --demo $(UP_FLAGS)
stop: ## end it, nothing acknowledged is lost
	@if [ -x $(BIN)/shr ]; then exec $(BIN)/shr down; else echo "stack: nothing runs"; fi
endif

test: SETUP_FLAGS := --browser
test: setup ## everything but the load tests
	@exec $(PYTEST) --ignore=tests/load

test-browser: SETUP_FLAGS := --browser
test-browser: setup ## the pages, in a real browser
	@exec $(PYTEST) tests/browser

test-faults: setup ## what is killed, stopped and cut off
	@exec $(PYTEST) tests/faults

test-load: setup ## many at once, for long
	@exec $(PYTEST) tests/load

lint: setup ## style, types, who may import whom
	$(BIN)/ruff check $(wildcard $(SOURCES))
	$(BIN)/ruff format --check $(wildcard $(SOURCES))
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/lint-imports

format: setup ## write the style
	$(BIN)/ruff check --fix $(wildcard $(SOURCES))
	$(BIN)/ruff format $(wildcard $(SOURCES))

bench: setup ## measure, beside what it is measured against
	@exec $(BIN)/python -m benchmarks $(BENCH_ARGS)

lock: ## resolve the dependencies anew into requirements.txt (needs uv)
	uv export --quiet --format requirements-txt --all-packages --no-emit-workspace --no-header -o requirements.txt
	$(BIN)/python deploy/compose/lock.py
