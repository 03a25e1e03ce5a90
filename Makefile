# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Names for what is done here. Every target sets up what it needs, and can be called on its own. What
# checks is a session in noxfile.py; what needs root, namespaces or a bare Debian is in tools/.
# ARGS are arguments for a session: make unit ARGS=tests/unit/test_fstab.py

SESSIONS := kernel sanity sanity-oldest cores unit other-pythons pythons molecule lint typing docs \
    docs-check style licence changelog dist-check importer environment posix stage newcomer-demo \
    python-32-bit next-core
SCENARIOS ?= vm mixed

.PHONY: help setup venv system get-pythons test test-all release-check oldest-python test-vm \
    test-reach bench bench-fleet demo example fleet picture newcomer dist format clean $(SESSIONS)

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 15

demo: ## see it work, on this machine's kernel, with nothing left behind
	@demo/run.sh

EXAMPLE ?= firewall
example: stage ## run the page of EXAMPLE, a folder of examples/, and leave nothing behind
	@tools/run-as-root env ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/.cache examples/run $(EXAMPLE)

N ?= 12
fleet: stage ## drift over a fleet of N hosts on this machine; names the report it made
	@tools/run-as-root env ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/.cache \
	    .venv/bin/python demo/fleet.py $(N) .cache/fleet

picture: fleet ## take the picture of a report that README shows anew
	@tools/run .venv/bin/python demo/picture.py .cache/fleet/drift.html docs/pictures/drift.png

test: setup ## see it proven: everything below that checks something, then a summary
	@tools/check $@

test-all: setup ## the same, and with every supported Python and ansible-core
	@tools/check $@

setup: venv system ## prepare .venv/ and the system packages that tests need

venv:
	@tools/setup-venv dev

system:
	@tools/setup-system

get-pythons: setup # the newest, and one of a 32-bit userland
	@tools/get-pythons

unit: ## unit tests: no kernel, no root
kernel: ## tests on the real kernel, as root, in mount namespaces of their own
style: ## ruff, yamllint, shellcheck
typing: ## mypy, strict, over the plugins
licence: ## every file says under which licence it is
changelog: ## it is sound, of the version in galaxy.yml, and announces all there is
pythons: ## the core runs with every Python from 3.8 on that this machine has
lint: ## ansible-lint, production profile
docs: ## build the site of the documentation into .cache/docs/site/, without a network
docs-check: ## the site: no warning, no dead link, nothing that is not linked or loads from afar
sanity: ## ansible-test sanity, without containers
other-pythons: ## unit tests with all Pythons but that of .venv/; KERNEL=yes for the kernel, too
cores: ## roles, playbooks, examples and the lookup with each maintained ansible-core
python-32-bit: get-pythons ## the core on this machine's kernel, by a Python of a 32-bit userland
next-core: ## what `cores` runs with the newest pre-release of ansible-core, which may fail
sanity-oldest: ## ansible-test sanity of the oldest maintained ansible-core
molecule: ## the roles on this machine, through Molecule, in a mount namespace of their own
newcomer-demo: ## make demo in a bare Debian, as after a clone
dist-check: ## two builds are the same file, and it can be installed and used
importer: ## Galaxy's importer finds nothing to complain of
environment: ## an execution environment with this collection can be built

$(SESSIONS): setup
	@tools/run nox --session $@ $(if $(KERNEL),every-python) $(if $(ARGS),-- $(ARGS))

oldest-python: setup ## unit tests and the core on the kernel, by the oldest managed Python
	@tools/run nox --tags $@

test-vm: setup ## the roles on virtual machines with three kernels, restarts included (up to 20 min)
	@tools/run nox --session $@ -- $(SCENARIOS)

test-reach: setup ## sid, s390x, ppc64el (64 KiB pages), arm64 (16 KiB) as virtual machines; MACHINES names some
	@tools/run nox --session $@ -- $(MACHINES)

bench: setup ## 1,000 maps against bpftool, a task loop and ping
	@tools/run-as-root .venv/bin/python benchmarks/run.py

bench-fleet: setup ## 50 hosts over ssh against pings, a task loop and plain ssh; half an hour
	@tools/run-as-root .venv/bin/python benchmarks/fleet.py

TARGETS ?= demo test
newcomer: ## make demo and test in a bare Debian, as after a clone (20 min or more)
	@tools/newcomer $(TARGETS)

dist: venv ## build the tarball that ansible-galaxy installs, into dist/
	@tools/run python tools/dist.py dist

release-check: setup ## what must be so before the tarball is published; no fragment may be left
	@tools/run nox --tags release

format: venv ## let ruff lay out the Python files
	@tools/run ruff format .
	@tools/run ruff check --fix .

clean: ## remove what the targets made here
	rm -rf .venv .cache .ansible dist
