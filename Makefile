# Everything people type. `make` alone lists it.
# Each recipe runs in one shell (.ONESHELL), so a failing line stops it.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
UV := uv==0.13.8
# Newer stubs than the board's MicroPython are fine: they only add.
STUBS := micropython-rp2-rpi-pico-stubs==1.28.0.post4 micropython-stdlib-stubs==1.28.0.post6
# More arguments for the program behind a target: make demo ARGS="--for 60"
ARGS ?=
# The board whose firmware image is built: make firmware BOARD=rpi_pico (nucleo_f429zi: boards/README.md)
BOARD ?= rpi_pico
# What the hardware suite runs on: unix, rp2040, renode, or a real board: make hil TARGET=bench:/dev/ttyACM0
TARGET ?= unix
# The MicroPython that the target unix runs: empty, the one of the package; 64 or 32, version 1.25.0 as `make vm` builds it
VM ?=

.PHONY: help demo test check hil bench long fuzz firmware vm setup peers lock clean

help: ## list the targets
	@echo 'make TARGET [ARGS="more arguments for the program behind it"]'
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.run-stamp ## run the living town (ARGS="--for 60 --headless")
	@exec $(BIN)/vuzol demo $(ARGS)

test: $(VENV)/.dev-stamp peers ## run all tests (ARGS="-k journal")
	@$(BIN)/python -m tools.native_emulator
	rc=0
	$(BIN)/python -m pytest -n 4 --dist worksteal -m "not alone" $(ARGS) || rc=$$?
	if [ $$rc -ne 0 ] && [ $$rc -ne 5 ]; then exit $$rc; fi
	alone=0
	$(BIN)/python -m pytest -m alone $(ARGS) || alone=$$?
	# pytest's 5 says that it found no test: wrong only when both halves say it
	if [ $$alone -eq 5 ]; then exit $$rc; fi
	exit $$alone

check: $(VENV)/.dev-stamp typings/.stamp ## format, lint, types, import rule, generated code, spelling
	@failed=
	step() {
		echo "== $$*"
		"$$@" || failed="$$failed$${failed:+; }$${*#$(BIN)/}"
	}
	step $(BIN)/ruff format --check .
	step $(BIN)/ruff check .
	step $(BIN)/python -m mypy
	step $(BIN)/pyright --warnings
	step $(BIN)/lint-imports --no-logo --no-cache
	step $(BIN)/python -m protocols.generate --check
	step $(BIN)/codespell
	if [ -n "$$failed" ]; then echo "make check: failed: $$failed" >&2; exit 1; fi
	echo "make check: clean"

hil: $(VENV)/.dev-stamp peers ## the hardware suite (TARGET=unix|rp2040|renode|bench:<serial port>)
	@$(BIN)/python -m tools.native_emulator
	if [ $(TARGET) = rp2040 ]; then $(BIN)/python -m tools.firmware_image --board rpi_pico; fi
	vm="$(if $(VM),$$($(BIN)/python -m tools.unix_vm --bits $(VM)))"
	if [ -n "$$vm" ]; then export VUZOL_MICROPYTHON="$$vm"; fi
	exec $(BIN)/python $(if $(filter renode,$(TARGET)),-m emulation.renode.namespace $(BIN)/python) -m pytest hil_tests --target $(TARGET) $(if $(filter renode,$(TARGET)),-rs) $(if $(filter bench:%,$(TARGET)),,-n 2 --dist worksteal) --timeout 900 $(ARGS)

bench: $(VENV)/.dev-stamp ## measure against rivals, write bench.json
	@exec $(BIN)/python -m tools.bench $(ARGS)

long: $(VENV)/.dev-stamp ## hours of work: a node's whole day, 20 seeds x 40 nodes x 24 h of faults (ARGS="--seeds 3")
	@VUZOL_DAY_HOURS=24 $(BIN)/python -m pytest firmware/tests/test_a_day.py
	exec $(BIN)/python -m tools.sim_series $(ARGS)

fuzz: $(VENV)/.dev-stamp ## throw hostile bytes at every parser (ARGS="--seconds 60")
	@exec $(BIN)/python -m tools.fuzz $(ARGS)

firmware: $(VENV)/.run-stamp ## build a board's firmware image (BOARD=rpi_pico|nucleo_f429zi)
	@exec $(BIN)/python -m tools.firmware_image --board $(BOARD) $(ARGS)

vm: $(VENV)/.run-stamp ## build MicroPython 1.25.0 for this machine (ARGS="--bits 32")
	@exec $(BIN)/python -m tools.unix_vm $(ARGS)

setup: $(VENV)/.dev-stamp typings/.stamp ## install everything into .venv (the others do it when needed)

lock: ## choose newest versions again, write both lock files
	@rm -rf build/lock
	$(PYTHON_FOUND)
	"$$python" -m venv build/lock
	build/lock/bin/python -m pip install --disable-pip-version-check -q $(UV)
	compile() {
		build/lock/bin/uv pip compile --no-config --quiet --upgrade --python-version 3.11 \
			--python-platform x86_64-manylinux_2_28 --custom-compile-command "make lock" "$$@"
	}
	compile pyproject.toml -o requirements.lock
	compile --constraint requirements.lock --group dev -o requirements-dev.lock
	rm -rf build/lock

clean: ## remove what set-up and runs have made, .venv too
	@rm -rf $(VENV) typings build bench.json ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- set-up ----------------------------------------------------------------

# Leaves the first python3 that is new enough in $python.
define PYTHON_FOUND
python=
for candidate in $(PYTHON) python3 python3.11 python3.12 python3.13 python3.14 /usr/bin/python3; do
	if command -v "$$candidate" >/dev/null && "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
		python=$$(command -v "$$candidate"); break
	fi
done
if [ -z "$$python" ]; then
	echo 'Vuzol needs Python 3.11 or newer; on Debian 12, type: sudo apt-get install python3' >&2
	exit 2
fi
endef

$(BIN)/python:
	@$(PYTHON_FOUND)
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
			echo 'set-up: installing python3-venv from Debian'
			apt-get update -qq
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
		else
			echo 'Python cannot make virtual environments; type: sudo apt-get install python3-venv' >&2
			exit 2
		fi
	fi
	echo "set-up: $$("$$python" --version) ($$python) makes $(VENV)"
	"$$python" -m venv $(VENV) || { rm -rf $(VENV); exit 2; }

$(VENV)/.run-stamp: requirements.lock pyproject.toml | $(BIN)/python
	@echo "set-up: $$(grep -c == requirements.lock) packages for running, some 85 MB unless pip has them already"
	$(PIP) install -qq -r requirements.lock
	$(PIP) install -qq --no-deps --config-settings editable_mode=compat --editable .
	touch $@

$(VENV)/.dev-stamp: requirements-dev.lock $(VENV)/.run-stamp
	@echo "set-up: $$(grep -c == requirements-dev.lock) packages for tests and checks, some 160 MB unless pip has them already"
	$(PIP) install -qq -r requirements-dev.lock
	touch $@

typings/.stamp: Makefile | $(BIN)/python
	@echo 'set-up: MicroPython stubs for pyright, into typings/'
	rm -rf typings
	$(PIP) install -qq --no-deps --target typings $(STUBS)
	touch $@

# The page is tested in Debian's Chromium, an external broker with Debian's mosquitto, Modbus with mbpoll, captures with
# tshark. Without them those tests are skipped and say so. RUNLEVEL=1: the tests start a broker of their own, Debian shall start none.
peers: ## install what tests talk to: Chromium, mosquitto, mbpoll, tshark (root only)
	@packages=
	command -v chromium >/dev/null || packages="$$packages chromium fonts-dejavu-core"
	PATH="$$PATH:/usr/sbin" command -v mosquitto >/dev/null || packages="$$packages mosquitto"
	command -v mbpoll >/dev/null || packages="$$packages mbpoll"
	command -v tshark >/dev/null || packages="$$packages tshark"
	# a compiler makes the RP2040 emulator some 2.5 times faster
	headers="$$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h"
	command -v cc >/dev/null && [ -f "$$headers" ] || packages="$$packages gcc libc6-dev python3-dev"
	if [ -z "$$packages" ]; then exit 0; fi
	line="sudo apt-get install$$packages"
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "set-up: some tests will be skipped; to run them, type: $$line"
		exit 0
	fi
	echo "set-up: installing$$packages from Debian for the tests"
	apt-get update -qq || true
	RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$packages >/dev/null \
		|| echo "set-up: that failed, some tests will be skipped; to run them, type: $$line"
