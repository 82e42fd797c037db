# From a bare clone: `make demo` shows the plugin at work, `make test` checks it.
# Both set up what they need in .venv; system libraries come through apt-get where
# that is allowed, else the exact line to run is printed.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
TORCH_INDEX := https://download.pytorch.org/whl/cpu

# The first Python that runs and is new enough; `make PYTHON=/path/to/python` picks another.
RIGHT_PYTHON := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
ifndef PYTHON
PYTHON := $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c '$(RIGHT_PYTHON)' 2>/dev/null && echo $$python && break; done)
endif
PIP = $(BIN)/python -m pip install -q --no-input --disable-pip-version-check -c constraints.txt

# Qt's offscreen platform has no OpenGL: without a display, GUI tests run under Xvfb.
ifeq ($(shell uname -s),Linux)
XVFB := env QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1920x1200x24"
endif
export QT_API := pyqt6

.PHONY: help demo screenshots test test-slow coverage lint wheel constraints clean system python

help:
	@echo "make demo         open the plugin on a real cine and a phantom; without a display,"
	@echo "                  drive it under Xvfb and write demo-output/"
	@echo "make test         lint, types, walls and tests"
	@echo "make test-slow    the tests that take over ten seconds"
	@echo "make coverage     the tests, and which lines they do not run"
	@echo "make wheel        build dist/*.whl"
	@echo "make screenshots  take the pictures of README and docs/review.md anew"
	@echo "make clean        remove .venv and what was built"

demo: python $(VENV)/.demo-stamp
	$(BIN)/napari-echo demo --out demo-output

# The pictures of the README and of docs/review.md.
screenshots: XVFB_FLAG := --xvfb
screenshots: python $(VENV)/.test-stamp
	$(XVFB) $(BIN)/napari-echo demo --headless --out demo-output
	$(XVFB) $(BIN)/python docs/screenshots.py --demo demo-output/review.png
	$(XVFB) $(BIN)/python docs/screenshots.py

PYTEST := env NAPARI_STRICT_QT=1 OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

test: lint
	$(XVFB) $(PYTEST)

# The same, and what it does not run; a fifth slower.
coverage: lint
	$(XVFB) $(PYTEST) --cov --cov-report=term

test-slow: XVFB_FLAG := --xvfb
test-slow: python $(VENV)/.test-stamp
	$(XVFB) env NAPARI_STRICT_QT=1 $(BIN)/pytest -m slow

lint: XVFB_FLAG := --xvfb
lint: python $(VENV)/.test-stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy napari_echo
	$(BIN)/lint-imports
	$(BIN)/npe2 validate napari_echo/napari.yaml

wheel: python $(VENV)/.test-stamp
	$(BIN)/python -m build --wheel --no-isolation

# --- set-up -------------------------------------------------------------------------
system: python
	@$(PYTHON) -I napari_echo/cli/system_libraries.py --install $(XVFB_FLAG)

python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; on Debian run:"; \
		echo "    sudo apt-get update && sudo apt-get install -y python3 python3-venv"; exit 1; }

$(BIN)/pip: | system
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# What the window and ONNX Runtime need; torch is not among it.
$(VENV)/.demo-stamp: pyproject.toml constraints.txt | system $(BIN)/pip
	@echo "Installing napari_echo and what it runs on (a few hundred MB at first)"
	@$(PIP) hatchling editables
	@$(PIP) --no-build-isolation -e '.[all]'
	@touch $@

# The whole: training and the torch engine, and the tools of `make test`. The pin on
# torch's CPU build keeps gigabytes of CUDA out; where the usual index does not have
# that build, it (and nothing else) comes from PyTorch's own.
$(VENV)/.test-stamp: $(VENV)/.demo-stamp
	@echo "Installing torch's CPU build (some 200 MB at first)"
	@$(PIP) --no-deps torch 2>$(VENV)/torch.log || \
		$(PIP) --no-deps --index-url $(TORCH_INDEX) torch || \
		{ cat $(VENV)/torch.log; exit 1; }
	@echo "Installing the tools for training and tests"
	@$(PIP) --no-build-isolation -e '.[all,train,dev]'
	@touch $@

# Pin everything anew; needs `uv`. torch's two lines are kept as they are: edit them by hand.
TORCH_LINKS ?= $(TORCH_INDEX)/torch/
constraints:
	set -o pipefail; { grep -E '^#|^torch==' constraints.txt; \
	uv pip compile -q --universal --fork-strategy fewest --python-version 3.11 \
		--no-annotate --no-header --extra all --extra train --extra dev --find-links $(TORCH_LINKS) \
		-c <(grep '^torch==' constraints.txt) pyproject.toml \
		| grep -vE '^torch==|pypy'; } > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) build dist demo-output .mypy_cache .pytest_cache .ruff_cache .coverage
