# One Makefile for people and for CI. `make` alone prints what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
QUICK := tests/base tests/iam tests/firelens tests/logs tests/display tests/router tests/test_structure.py
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help walk setup lab jupyter quick test check notebooks bench docs lock clean soak truth clients modules

help: ## show this help
	@echo "The FireLens lab. Usage: make TARGET"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

setup: $(STAMP) ## make the virtual environment .venv from the lock file

$(STAMP): requirements.lock requirements-terraform.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ". Choose another: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q lab_helpers
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m lab_helpers.terraform.provision requirements-terraform.lock
	@touch $(STAMP)

lab: setup ## run the whole workbook headless on the local AWS, and leave a report in .lab/report
	$(BIN)/lab run

jupyter: setup ## open the workbook in JupyterLab
	$(BIN)/lab jupyter

test: setup ## run all tests (unit, integration, the workbook, its stored outputs)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

quick: setup ## unit tests without the local AWS, Terraform and notebooks
	$(BIN)/python -m pytest -q -p no:nbval --numprocesses 3 --dist loadfile $(QUICK)

walk: setup ## do the whole course by hand in Chromium: type, choose, run, save (half an hour)
	$(BIN)/python -m pytest -q tests/walk/walk_the_course.py

soak: setup ## faults, load and endurance, with what was promised (ROWS=kill,throttle SECONDS=20 RECORDS= LAB_RUNS=)
	$(BIN)/python -m tests.soak $(if $(ROWS),--rows "$(ROWS)") $(if $(SECONDS),--seconds $(SECONDS)) $(if $(RECORDS),--records $(RECORDS)) $(if $(LAB_RUNS),--lab-runs $(LAB_RUNS))

truth: setup ## suites of others on the local AWS (TRUTH_MOTO=checkout TRUTH_LOCALSTACK=checkout SERVICES=sts LIMIT= TRUTH_PYTHON= SAVE=)
	$(BIN)/python -m tests.truth $(if $(TRUTH_MOTO),--moto $(TRUTH_MOTO)) $(if $(TRUTH_LOCALSTACK),--localstack $(TRUTH_LOCALSTACK)) \
		$(if $(SERVICES),--services $(SERVICES)) $(if $(LIMIT),--limit $(LIMIT)) $(if $(TRUTH_PYTHON),--python $(TRUTH_PYTHON)) \
		$(if $(SAVE),--save $(SAVE))

modules: setup ## terraform-aws-modules on the local AWS: apply, plan, destroy (MODULES=folder of checkouts ONLY=vpc,ecs SAVE=)
	@[ -n "$(MODULES)" ] || { echo "Say where the checkouts are: make modules MODULES=folder (docs/truth.md)"; exit 2; }
	$(BIN)/python -m tests.modules $(MODULES) $(if $(ONLY),--only $(ONLY)) $(if $(SAVE),--keep $(SAVE))

CLIENTS := .venv-clients
CLIENT_TESTS := -c tests/clients/pytest.ini --rootdir tests/clients --confcutdir tests/clients

clients: setup ## clients of others (awswrangler, PyAthena, s3fs, polars, aws, awslogs, old boto3) on the local AWS
	@[ -x $(CLIENTS)/old/bin/python ] || $(PYTHON) -m venv $(CLIENTS)/old
	@[ -x $(CLIENTS)/new/bin/python ] || $(PYTHON) -m venv $(CLIENTS)/new
	$(CLIENTS)/old/bin/python -m pip install --quiet -r tests/clients/requirements-old.txt
	$(CLIENTS)/new/bin/python -m pip install --quiet -r tests/clients/requirements.txt
	LAB_PYTHON=$(CURDIR)/$(BIN)/python $(CLIENTS)/new/bin/python -m pytest $(CLIENT_TESTS) tests/clients

check: setup ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

docs: setup ## renew the pages that are made from the code (docs/local-aws.md)
	$(BIN)/python -m tests.support.not_modelled

notebooks: setup ## renew the stored outputs of the notebooks from a full run
	$(BIN)/lab renew

bench: setup ## measure (ratios against a peer in the same run); LARGE=1: ten million records too
	$(BIN)/python -m benchmarks $(if $(LARGE),--large)

LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header
EXTRA = import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["terraform"], sep="\n")

lock: setup ## renew requirements.lock after a change of pyproject.toml
	$(LOCK) --extra workbook --extra dev pyproject.toml -o requirements.lock
	$(BIN)/python -c '$(EXTRA)' | $(LOCK) - -o requirements-terraform.lock

clean: ## stop the local AWS and remove everything that was made here
	-@[ ! -x $(BIN)/lab ] || $(BIN)/lab down
	rm -rf $(VENV) .venv-clients .lab .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
