# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every target sets up what it needs, and can be called on its own. The work is in tools/ and demo/.

# What reads the staged copy is made in a row, beside the rest: see tools/check.
CHECKS := style licence changelog pythons unit kernel oldest-python dist-check
STAGED_CHECKS := typing lint docs-check sanity molecule
MATRIX := other-pythons cores newcomer-demo
STAGED_MATRIX := sanity-oldest
SCRIPTS := .ci/run demo/*.sh tools/*.sh examples/run examples/fleet/make-hosts $(shell grep -lr '^\#!.*bash' tools extensions)
STAGED := .cache/ansible_collections/ebpf/pinning
SCENARIOS ?= vm mixed

.PHONY: help setup venv system posix stage docs test test-all $(CHECKS) $(STAGED_CHECKS) \
    $(MATRIX) $(STAGED_MATRIX) test-vm bench bench-fleet demo fleet picture dist format clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: ## see it work, on this machine's kernel, with nothing left behind
	@demo/run.sh

N ?= 12
fleet: setup stage ## drift over a fleet of N hosts on this machine; names the report it made
	@tools/run-as-root env ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/.cache \
	    .venv/bin/python demo/fleet.py $(N) .cache/fleet

picture: fleet ## take the picture of a report that README shows anew
	@tools/run .venv/bin/python demo/picture.py .cache/fleet/drift.html docs/pictures/drift.png

test: setup ## see it proven: everything below that checks something, then a summary
	@tools/check $(CHECKS) -- $(STAGED_CHECKS)

test-all: setup ## the same, and with every supported Python and ansible-core
	@tools/check $(CHECKS) $(MATRIX) -- $(STAGED_CHECKS) $(STAGED_MATRIX)

setup: venv system ## prepare .venv/ and the system packages that tests need

venv:
	@tools/setup-venv dev

system:
	@tools/setup-system

posix: venv
	@tools/setup-posix

unit: setup ## unit tests: no kernel, no root
	@tools/run tools/counted unit .venv -n 2 $(or $(ARGS),tests/unit)

kernel: setup posix ## tests on the real kernel, as root, in mount namespaces of their own
	@tools/run-as-root tools/counted kernel .venv -n 2 $(or $(ARGS),tests/integration)

style: venv system ## ruff, yamllint, shellcheck
	@tools/run ruff check .
	@tools/run ruff format --check .
	@tools/run yamllint --strict .
	@tools/run shellcheck -x $(SCRIPTS)

typing: stage ## mypy, strict, over the plugins
	@tools/run env -C .cache mypy --config-file ../pyproject.toml --cache-dir mypy \
	    --package ansible_collections.ebpf.pinning.plugins

licence: venv ## every file says under which licence it is
	@tools/run reuse lint --lines && echo "every file has its licence"

changelog: venv ## it is sound, of the version in galaxy.yml, and announces all there is
	@tools/check-changelog

pythons: ## the core runs with every Python from 3.8 on that this machine has
	@tools/pythons

lint: stage ## ansible-lint, production profile
	@tools/run env -C $(STAGED) ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/.cache ansible-lint --nocolor

docs: stage ## build the site of the documentation into .cache/docs/site/, without a network
	@tools/setup-venv docs
	@tools/build-docs

docs-check: docs ## the site: no warning, no dead link, nothing that is not linked or loads from afar
	@tools/run env HOME=$(CURDIR)/.cache antsibull-docs lint-collection-docs --plugin-docs \
	    --validate-collection-refs all --disallow-unknown-collection-refs . && \
	    echo "the documentation is sound"
	@tools/run pytest -q tests/site

sanity: stage ## ansible-test sanity, without containers
	@tools/sanity

oldest-python: setup ## unit tests and the core on the kernel, by the oldest managed Python
	@tools/matrix managed oldest

other-pythons: setup ## unit tests with all others but that of .venv/; KERNEL=yes for the kernel, too
	@tools/matrix managed others

cores: setup ## roles, playbooks, examples and the lookup with each maintained ansible-core
	@tools/matrix cores

sanity-oldest: stage ## ansible-test sanity of the oldest maintained ansible-core
	@tools/matrix sanity

molecule: stage ## the roles on this machine, through Molecule, in a mount namespace of their own
	@tools/setup-venv molecule
	@tools/test-here

test-vm: stage ## the roles on virtual machines with three kernels, restarts included (up to 20 min)
	@tools/setup-venv molecule
	@tools/setup-vm
	@tools/test-vm $(SCENARIOS)

bench: setup ## 1,000 maps against bpftool, a task loop and ping
	@tools/run-as-root .venv/bin/python benchmarks/run.py

bench-fleet: setup ## 50 hosts over ssh against pings, a task loop and plain ssh; half an hour
	@tools/run-as-root .venv/bin/python benchmarks/fleet.py

TARGETS ?= demo test
.PHONY: newcomer
newcomer: ## make demo and test in a bare Debian, as after a clone (20 min or more)
	@tools/newcomer $(TARGETS)

newcomer-demo: ## the short form
	@tools/newcomer demo

dist: venv ## build the tarball that ansible-galaxy installs, into dist/
	@tools/dist

dist-check: venv ## two builds are the same file, and it can be installed and used
	@tools/check-dist

RELEASE_CHECKS := licence dist-check importer environment
.PHONY: release-check importer environment
release-check: setup ## what must be so before the tarball is published; no fragment may be left
	@tools/check $(RELEASE_CHECKS)
	@tools/check-changelog --release

importer: venv ## Galaxy's importer finds nothing to complain of
	@tools/check-importer

environment: venv ## an execution environment with this collection can be built
	@tools/check-environment

format: venv ## let ruff lay out the Python files
	@tools/run ruff format .
	@tools/run ruff check --fix .

clean: ## remove what the targets made here
	rm -rf .venv .cache .ansible dist

stage: venv
	@tools/stage
