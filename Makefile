# The two commands a newcomer needs are `make run` and `make test`; both do all set-up themselves.
.DEFAULT_GOAL := help
.PHONY: help setup run test check format bench bench-full soak style lock clean
.PRECIOUS: .venv/installed-%
bin := .venv/bin

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

locks := requirements-bootstrap.lock requirements.lock requirements-dev.lock pyproject.toml scripts/setup

setup: .venv/installed-dev  ## make .venv: uv and the hash-locked packages, nothing outside this folder

.venv/installed-%: $(locks)
	@scripts/setup $*

run: .venv/installed-run  ## start the gateway with its defaults on http://127.0.0.1:8600
	@exec $(bin)/guardian serve

test: setup  ## run every test
	@$(bin)/pytest

check: setup  ## formatting, lint, types, import rules
	@$(bin)/ruff format --check .
	@$(bin)/ruff check .
	@$(bin)/pyright
	@$(bin)/pytest -q -n 0 tests/test_imports.py

format: setup  ## rewrite the sources in the house format
	@$(bin)/ruff format .
	@$(bin)/ruff check --fix .

bench: setup  ## every benchmark, quickly
	@scripts/bench --quick

bench-full: setup  ## every benchmark, in full
	@scripts/bench

soak: setup  ## kill processes everywhere, and fuzz: some 40 minutes
	@$(bin)/python -m benchmarks.kill_sweep
	@$(bin)/python scripts/fuzz.py --minutes 10
	@$(bin)/python scripts/fuzz.py --minutes 5 --target replies

style: setup  ## print sizes; gates nothing
	@$(bin)/python scripts/style.py

lock: setup  ## resolve the dependencies anew into the lock files
	@scripts/lock

clean:  ## remove the environment and caches
	@rm -rf .venv .pytest_cache .ruff_cache .hypothesis
