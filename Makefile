# make bench   first number: sets up .venv, exports EfficientViT-B1 for Cityscapes, measures it on this computer
# make test    the whole test suite
# make lint    ruff, mypy --strict, and the worker's Python 3.6 syntax

PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3.10 python3,$(shell command -v $(p) 2>/dev/null)))
VENV   := .venv
BIN    := $(VENV)/bin
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: bench test lint format clean
.DEFAULT_GOAL := bench

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "bench needs Python 3.10 to 3.13; none was found on PATH"; exit 1; }
	@echo "==> making $(VENV) with $(PYTHON)"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.local: pyproject.toml constraints.txt | $(BIN)/python
	@echo "==> installing what measuring on this computer needs (torch's CPU build, LiteRT; a few minutes the first time)"
	$(BIN)/python -m pip install --progress-bar off -e '.[litert]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "==> installing everything the tests need"
	$(BIN)/python -m pip install --progress-bar off -e '.[dev]'
	@touch $@ $(VENV)/.local

bench: $(VENV)/.local
	@echo "==> bench run --device local --model b1-seg"
	@$(BIN)/bench run --device local --model b1-seg

test: $(VENV)/.dev
	@scripts/install_test_tools.sh
	@echo "==> running the tests"
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(TESTS)

lint: $(VENV)/.dev
	@echo "==> ruff, mypy --strict, Python 3.6 syntax of the worker"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/vermin -q --no-tips -t=3.6- --violations devices/worker

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
