# make run    start the studio          make test   run every test
# Both first set up what they need, in .venv; a second run starts at once. `make help` lists the rest.

.DELETE_ON_ERROR:
.NOTPARALLEL:
.SUFFIXES:
.PHONY: help run test check format readme lock space clean
.DEFAULT_GOAL := help

# Any Python from 3.11 that can make a virtual environment; PYTHON=... names one.
PYTHON ?=
TORCH ?=
METRICS ?=
ARGS ?=
TORCH_VERSION ?= >=2.6,<3
TORCH_INDEX ?= https://download.pytorch.org/whl

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
# The locks are whole; pip would complain of what packages of weights name and we do not use.
GET := $(PIP) install --quiet --no-warn-conflicts
INSTALL := $(GET) --require-hashes
WITH_TORCH := $(if $(TORCH),$(VENV)/.torch-$(TORCH))
WITH_METRICS := $(if $(METRICS),$(VENV)/.metrics)
ANY_TORCH := $(or $(WITH_TORCH),$(firstword $(wildcard $(VENV)/.torch-*)),$(VENV)/.torch-cpu)

help:
	@echo "make run     start the studio; TORCH=cpu or TORCH=cu128 adds PyTorch, METRICS=1 better judges"
	@echo "make test    all tests, the browser ones too; ARGS='-k word' selects"
	@echo "make check   lint, format, types and unit tests: what to run before a commit"
	@echo "make format  mend format and lint"
	@echo "make readme  write the README's table of engines anew"
	@echo "make lock    choose exact versions anew within requirements*.txt"
	@echo "make space   write out/space, to be uploaded as a Hugging Face Space"
	@echo "make clean   remove .venv and caches"

run: $(VENV)/.run $(WITH_METRICS) $(WITH_TORCH)
	@$(PY) app.py

test: $(VENV)/.dev $(VENV)/.metrics $(ANY_TORCH) $(VENV)/.browser
	@$(PY) -m pytest -n 2 --dist loadfile $(ARGS)

check: $(VENV)/.dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m pytest -n 2 --dist loadfile -q -m "not slow" tests/unit

format: $(VENV)/.dev
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

readme: $(VENV)/.dev
	@$(PY) -m tests.unit.test_readme

# One file for every system and Python; a name of ours in its head instead of a command line.
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

lock: $(VENV)/.made
	@$(PIP) install --quiet uv
	@$(LOCK) requirements.txt -o requirements.lock
	@$(LOCK) requirements-torch.txt -c requirements.lock -o requirements-torch.lock
	@$(LOCK) requirements-ray.txt -c requirements.lock -o requirements-ray.lock
	@$(LOCK) requirements-mcp.txt -c requirements.lock -c requirements-ray.lock -o requirements-mcp.lock
	@$(LOCK) requirements-metrics.txt --overrides requirements-metrics-overrides.txt -c requirements.lock \
	  -o requirements-metrics.lock
	@$(LOCK) requirements-dev.txt -c requirements.lock -c requirements-torch.lock -c requirements-metrics.lock \
	  -c requirements-ray.lock -c requirements-mcp.lock -o requirements-dev.lock

# A Space brings gradio, spaces and PyTorch itself, in versions of its own choosing: here is the rest.
space:
	@rm -rf out/space && mkdir -p out/space
	@git archive HEAD -- . ':!tests' ':!bench' ':!requirements*' | tar -x -C out/space
	@{ grep -Ev '^(gradio|#)' requirements.txt; grep -E '^(safetensors|tokenizers|transformers)' requirements-torch.txt; } \
	  > out/space/requirements.txt
	@echo "out/space is ready: hf upload YOU/dialogue-studio out/space --repo-type space"

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .gradio

$(VENV)/.made:
	@for python in $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11 python); do \
	  if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Setting up $(VENV) with $$("$$python" --version); the first time takes a minute."; \
	    "$$python" -m venv --clear $(VENV) && touch $@; exit; \
	  fi; \
	done; \
	echo "No Python 3.11 or newer with venv was found. Install one (Debian, Ubuntu: apt install python3-venv)," >&2; \
	echo "or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1

$(VENV)/.run: requirements.lock $(VENV)/.made
	@$(INSTALL) -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.made
	@$(INSTALL) -r requirements-dev.lock
	@touch $@ $(VENV)/.run

# Weights and Whisper; the lock names all that these need, and their own wishes would bring PyTorch with CUDA.
$(VENV)/.metrics: requirements-metrics.lock | $(VENV)/.run
	@$(INSTALL) --no-deps -r requirements-metrics.lock
	@touch $@

# PyTorch has an index for each kind of device. Another kind replaces the one that is there. What it needs beside is
# installed before it, so that our locked versions stay.
$(VENV)/.torch-%: requirements-torch.lock | $(VENV)/.run
	@echo "Installing PyTorch ($*)."
	@rm -f $(VENV)/.torch-*
	@$(INSTALL) -r requirements-torch.lock
	@$(PIP) uninstall --quiet --yes torch 2>/dev/null
	@$(GET) --retries 1 "torch$(TORCH_VERSION)" --index-url "$(TORCH_INDEX)/$*"
	@touch $@

# The browser of the tests: one that is here, else Debian's, else Playwright's own.
$(VENV)/.browser: $(VENV)/.dev
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then :; \
	elif [ "$$(id -u)" = 0 ] && grep -q '^ID=debian' /etc/os-release 2>/dev/null; then \
	  echo "Installing Debian's chromium."; apt-get -qq update && \
	  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else $(PY) -m playwright install $$([ "$$(id -u)" = 0 ] && echo --with-deps) chromium; fi
	@touch $@
