# `make demo` and `make test` set themselves up from a bare machine with Python 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
# tests wait for terminals, children and clocks as much as they compute
WORKERS ?= 2
BIN := $(VENV)/bin

.PHONY: demo test board-test lint format clean

demo: $(VENV)/host.installed
	$(BIN)/edgeemg demo --out demo

test: $(VENV)/dev.installed lint
	$(BIN)/pytest -n $(WORKERS) --dist loadfile

board-test: $(VENV)/dev.installed
	$(BIN)/python -m benchmarks.board --out benchmarks/results/board-test.json --page docs/wearable.md

lint: $(VENV)/dev.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/dev.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist demo *.egg-info

$(VENV)/host.installed: pyproject.toml
	$(call install,host)

$(VENV)/dev.installed: pyproject.toml
	$(call install,dev)

define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "edgeemg needs Python 3.11 or newer, $(PYTHON) is older: make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --progress-bar on -e '.[$(1)]'
	@touch $@
endef
