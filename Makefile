# `make reproduce` and `make test` need python3 (3.11 or 3.12) with venv, git and make; everything else they fetch.
VENV := .venv
READY := $(VENV)/.ready
BIN := $(VENV)/bin
# Options: a scale of workflow/config (the default is in config.yaml), and the CPU cores that may be used.
SCALE :=
CORES := all

PLAN := $(BIN)/python -m workflow.scripts.plan $(if $(SCALE),--set scale=$(SCALE)) $(if $(filter-out all,$(CORES)),--cores $(CORES))
# Snakemake finds the logger `eta`, which shows the time left, on PYTHONPATH.
SNAKEMAKE := PYTHONPATH=workflow/logger$${PYTHONPATH:+:$$PYTHONPATH} bash workflow/scripts/alone.sh $(BIN)/snakemake --cores $(CORES) $(if $(SCALE),--config scale=$(SCALE))

# Text is UTF-8 whatever the locale.
export PYTHONUTF8 := 1

.DEFAULT_GOAL := help
.PHONY: help setup reproduce plan test test-cuda test-faults verify-reference lint bench bench-cuda lock

help: ## these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Without a plan no time is told; with a mistake in the scale (2) nothing is run.
reproduce: $(READY) ## every run, table and figure, and the report (SCALE=smoke, laptop, overnight or paper)
	@$(PLAN) || [ $$? = 1 ]
	@$(SNAKEMAKE) --keep-going --logger eta

plan: $(READY) ## what `make reproduce` would do, and for how long
	@$(PLAN)

test: lint ## checks and tests, on two cores
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup

test-cuda: $(READY) ## on a GPU: gradients, runs and checkpoints match the CPU (a minute and a half)
	$(BIN)/python -m pytest tests/cuda --device cuda

test-faults: $(READY) ## kills, full disks, damaged files, failing environments; writes docs/faults.md
	$(BIN)/python -m pytest -m injects --fault-table=docs/faults.md

verify-reference: $(READY) ## a cheap part of results/reference/laptop again, and the tables of overnight from its records (three minutes)
	$(SNAKEMAKE) --config scale=laptop results=results/verify --logger eta -- $$($(BIN)/python -m analysis.verify targets)
	$(BIN)/python -m analysis.verify compare
	$(BIN)/python -m analysis.verify tables --reference results/reference/overnight

lint: $(READY) ## style, types and the workflow's own checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

bench: $(READY) ## what RTRL costs on this machine beside TBPTT, where the loop spends its time, how fast the levels are
	$(BIN)/python -m rtrl_bench bench

bench-cuda: $(READY) ## on a GPU, eight minutes: segments beside cuDNN and the floor, memory, whole loop, a run that learns; bench.json
	$(BIN)/python -m rtrl_bench bench --device cuda --minutes 8 --json bench.json

setup: $(READY) ## the virtual environment, with the exact versions of requirements.lock

$(READY): requirements.lock pyproject.toml
	@bash workflow/scripts/setup.sh $(VENV)
	@touch $@

lock: ## new versions into requirements.lock, as pyproject.toml allows
	@bash workflow/scripts/lock.sh requirements.lock
