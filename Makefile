# The tasks of this repository. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(shell cat requirements/dev.lock pyproject.toml | cksum | cut -d' ' -f1)

.DEFAULT_GOAL := help
.PHONY: help setup demo serve doctor test test-fast check lint format lock images servers benchmark chaos mutants \
	audit bundled release clean

help: ## List every task
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@echo "Setting up $(VENV): pinned dependencies, 3 GB on disk, half of it TensorFlow, and 0.7 GB of downloads …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python requirements/install_pinned.py requirements/dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.installed-*
	@touch $@

setup: $(STAMP) ## Make the virtual environment with the pinned dependencies

demo: setup ## Send one real chest film all the way: C-STORE in, report back
	@$(BIN)/tbscreen demo

serve: setup ## Run the whole service on this machine until Ctrl-C
	@$(BIN)/tbscreen serve

doctor: setup ## Check the installation and say what to do
	@$(BIN)/tbscreen doctor

servers: ## Install the real servers (Debian packages; needs root or sudo) and viewers (npm) that the tests use
	@bash tests/install_servers.sh
	@bash tests/install_viewers.sh

test: ## Install what the tests need, lint, and run the whole suite
	@$(MAKE) --no-print-directory --jobs 2 setup servers check
	@$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-fast: setup ## Unit tests without servers and TensorFlow: for each change of a line
	@FAST_TESTS=1 $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile -rfE tests/unit

check: lint ## The same as lint

lint: setup ## Lint, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }

format: setup ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

benchmark: setup ## Run the round-trip benchmark (40 full-size films)
	@$(BIN)/python -m benchmarks.round_trip

mutants: setup servers ## Take each guard of the threat model away: its test must fail (half an hour)
	@$(BIN)/python -m tests.mutants

chaos: setup servers ## Kill, stop, fill and flush every part while 1,000 films pass, five times (25 minutes)
	@$(BIN)/python -m chaos --films 1000 --seeds 5

bundled: setup ## List the C libraries inside the installed packages, after 'make lock' and 'make setup'
	@$(BIN)/python -m tests.bundled_libraries > requirements/bundled.cdx.json

audit: setup ## Compare the pinned packages with advisories on this disk: make audit ADVISORIES=all.zip
	@$(BIN)/python -m tests.lock_audit $(ADVISORIES)

LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header --quiet

lock: ## Pin the newest dependencies that pyproject.toml allows (needs uv)
	$(LOCK) --all-extras --output-file requirements/dev.lock
	$(LOCK) --constraints requirements/dev.lock --extra tracing --output-file requirements/service.lock
	$(LOCK) --constraints requirements/dev.lock --extra worker --extra openvino --extra tracing \
		--output-file requirements/worker.lock

release: setup ## Build sdist and wheel into dist/, the wheel from the sdist
	@rm -rf dist *.egg-info
	@$(BIN)/python -c 'from setuptools import build_meta; build_meta.build_sdist("dist")' > /dev/null
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--wheel-dir dist dist/tbscreen-*.tar.gz
	@ls -l dist

images: setup ## Build the container images and screen a film through them (needs podman and root)
	@PYTHON=$(BIN)/python bash docker/build.sh
	@$(BIN)/python -m tests.images

clean: ## Delete the virtual environment and what the tools left
	rm -rf $(VENV) out build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
