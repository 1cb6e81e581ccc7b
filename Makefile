# Needs Python >= 3.11 and make; everything else goes into .venv.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$python" && break; done)
BIN = .venv/bin
# Behind a name, since a comma would end an argument of $(call).
DEVELOPMENT = [test,lint,docs]
PACKAGE = pyproject.toml constraints.txt cgnmc_bluesky/__init__.py

.DEFAULT_GOAL = help
.PHONY: help demo test lint bench docs clean

help: ## list what can be made
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' Makefile

demo: .venv/runs ## a simulated beamtime: scans, live results, replay, report
	$(BIN)/cgnmc demo

test: .venv/develops ## run the tests
	@$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 \
		--dist loadfile --no-loadscope-reorder

lint: .venv/develops ## check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports

bench: .venv/measures ## measure speed and precision beside other programs
	$(BIN)/python -m benchmarks

docs: .venv/develops ## build the documentation into docs/_build
	$(BIN)/python -m sphinx -W --keep-going -q docs docs/_build
	@echo "docs/_build/index.html"

clean: ## remove the environment and every cache
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis docs/_build

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "no Python >= 3.11 found: install one, or name it: make PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) has no venv module: install it (Debian: apt-get install python3-venv)" >&2; exit 1; }

# Compiling once after the installation lets every command start fast, also where
# PYTHONDONTWRITEBYTECODE keeps Python from doing so itself.
define install
	@echo "installing into .venv (a few minutes the first time)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile \
		--constraint constraints.txt --editable '$(1)'
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m compileall -q -j 0 -x '/tests?/' .venv/lib || true
	@touch $@
endef

.venv/runs: .venv/bin/python $(PACKAGE)
	$(call install,.)

.venv/develops: .venv/bin/python $(PACKAGE)
	$(call install,.$(DEVELOPMENT))
	@touch .venv/runs

.venv/measures: .venv/bin/python $(PACKAGE)
	$(call install,.[bench])
	@touch .venv/runs
