# make bench       first number: sets up .venv, exports EfficientViT-B1 for Cityscapes, measures it on this computer
# make test        the test suite, one of each kind
# make test-slow   what takes minutes each: large models, the other runtimes, kills, whole jobs
# make lint        ruff, mypy --strict, and the worker's Python 3.6 syntax

VENV := .venv
BIN  := $(VENV)/bin
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: bench test test-slow lint format clean local dev
.DEFAULT_GOAL := bench

local:
	@scripts/set_up.sh litert "what measuring on this computer needs"

dev:
	@scripts/set_up.sh dev "everything that the tests need"

bench: local
	@echo "==> bench run --device local --model b1-seg"
	@$(BIN)/bench run --device local --model b1-seg

test: dev
	@scripts/install_test_tools.sh
	@echo "==> running the tests"
	$(BIN)/python -m pytest -n 4 --dist loadgroup $(TESTS)

test-slow: dev
	@scripts/install_test_tools.sh
	@echo "==> running the slow tests"
	BENCH_TEST_COLD=1 $(BIN)/python -m pytest -m slow -n 2 --dist loadgroup $(TESTS)

lint: dev
	@echo "==> ruff, mypy --strict, Python 3.6 syntax of the worker"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/vermin -q --no-tips -t=3.6- --violations devices/worker

format: dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
