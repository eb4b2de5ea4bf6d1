# The environment is .venv, or VENV=... ; everything else is a target below. `make` alone lists them.
VENV ?= .venv
PYTHON ?= python3
BIN := $(abspath $(VENV))/bin
export PATH := $(BIN):$(PATH)
export DO_NOT_TRACK := true
export MLFLOW_DISABLE_TELEMETRY := true

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fieldguide needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	@echo "installing the environment into $(VENV) (about 3 minutes, 7 GB)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

setup: $(BIN)/.installed  ## make the environment .venv from requirements.lock

repro: setup  ## run the pipeline on the chosen data (dvc repro), hand the run to MLflow, print a summary
	@fieldguide config > /dev/null
	dvc repro
	@fieldguide sync || true
	@fieldguide summary

SLURM_PACKAGES := slurmctld slurmd slurm-client munge

# There is a test process for each core and one more: with more threads they would only wait for each other.
test test-all test-space test-hostile test-slurm test-ray test-dask test-server fuzz: export OMP_NUM_THREADS := 1
# They start a thousand more, each of which would compile this project anew where Python may not keep what it compiled.
test test-all test-space test-hostile test-slurm test-ray test-dask test-server fuzz: export PYTHONDONTWRITEBYTECODE :=

test: setup  ## run the test suite
	python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-all: setup  ## run it with what takes minutes: every kill, a whole simulated year
	python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder -m "not cluster"

test-space: setup  ## publish a small classifier, install what its Space asks for, start it and try it in Chromium (minutes)
	python -m pytest -m installs tests/pipeline/test_space.py

test-hostile: setup  ## make a thousand hostile files, addresses and texts anew, and compare what becomes of each (minutes)
	PYTHONPATH=src:tests python -m hostile

fuzz: setup  ## damaged files without end for what opens pictures, tables and models: make fuzz MINUTES=10
	PYTHONPATH=src:tests python -m hostile.fuzz --minutes $(or $(MINUTES),10)

test-slurm: setup  ## sweeps on a cluster of SLURM, which it starts on this machine (Debian, as root; minutes)
	@missing=$$(for package in $(SLURM_PACKAGES); do \
	  dpkg --status $$package 2> /dev/null | grep --quiet '^Status: .* installed$$' || echo $$package; done); \
	[ -z "$$missing" ] && exit; \
	echo "installing" $$missing "(apt-get, 20 MB); they stay installed, their services are switched off"; \
	apt-get update --quiet=2 && \
	DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends $$missing || exit 1; \
	for service in $$missing; do systemctl disable --quiet --now $$service 2> /dev/null || true; done
	python -m pytest -m cluster tests/pipeline/test_sweep_on_slurm.py

test-ray: setup  ## sweeps and the engine on Ray, for which it makes an environment of its own and deletes it afterwards (minutes)
	@echo "installing Ray (pip, 80 MB) into .venv-ray, which is deleted afterwards"
	@trap 'rm -rf .venv-ray' EXIT INT TERM; \
	python -m venv .venv-ray && \
	python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > $$(echo .venv-ray/lib/python*/site-packages)/main.pth && \
	.venv-ray/bin/python -m pip install --quiet --disable-pip-version-check 'ray>=2.60' && \
	.venv-ray/bin/python -m pytest -m cluster tests/pipeline/test_sweep_on_ray.py tests/pipeline/test_launchers.py tests/engines/test_ray_engine.py

test-dask: setup  ## the engine on Dask, for which it makes an environment of its own and deletes it afterwards (minutes)
	@echo "installing Dask (pip, 10 MB) into .venv-dask, which is deleted afterwards"
	@trap 'rm -rf .venv-dask' EXIT INT TERM; \
	python -m venv .venv-dask && \
	python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > $$(echo .venv-dask/lib/python*/site-packages)/main.pth && \
	.venv-dask/bin/python -m pip install --quiet --disable-pip-version-check 'distributed>=2026.1' 'cryptography>=44' && \
	.venv-dask/bin/python -m pytest -m cluster tests/engines/test_dask_engine.py

test-server: setup  ## try a team's server: PostgreSQL, a bucket, MLflow with users (installs them first; minutes)
	tests/server/run.sh

check: setup  ## lint, format and types
	ruff check .
	ruff format --check .
	mypy

bench: setup  ## measure, write bench/results.json and the table of bench/README.md
	PYTHONPATH=src python bench/run.py

docs: setup  ## write the configuration reference, build the documentation into site/; a broken link is an error
	PYTHONPATH=src python tools/configuration_reference.py > docs/configuration.tmp
	mv docs/configuration.tmp docs/configuration.md
	mkdocs build --strict --quiet

ui: setup  ## MLflow UI with the runs of this checkout, on http://127.0.0.1:5000
	fieldguide ui --port $(or $(PORT),5000)

lock:  ## resolve the dependencies anew in a fresh environment and write requirements.lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	.venv-lock/bin/python -m pip freeze --exclude-editable | grep -vE '^(nvidia-|cuda-|triton)' > requirements.tmp
	mv requirements.tmp requirements.lock
	rm -rf .venv-lock

clean-venv:  ## delete the environment
	rm -rf $(VENV)

.PHONY: help setup repro test test-all test-space test-hostile test-slurm test-ray test-dask test-server fuzz check bench docs ui lock clean-venv
.DEFAULT_GOAL := help
