#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Shows the collection at work on this machine's kernel. Mounts and pins live in a mount namespace
# that ends with the demo, files in a folder that is removed.
set -euo pipefail
# shellcheck source=tools/lib.sh
source "$(dirname "$0")/../tools/lib.sh"

[ "$(uname -s)" = Linux ] || die "this demo needs Linux"
as_root unshare --mount true ||
    die "no mount namespace to be had: if this is a container, it must be a privileged one"
tools/setup-venv ansible
PATH=$VENV/bin:$PATH

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/home" "$scratch/root-home"

bpf_mounts() {
    awk '$3 == "bpf"' /proc/self/mounts
}

say "building the collection and installing it as a user would, from the tarball"
export ANSIBLE_COLLECTIONS_PATH=$scratch/collections
HOME=$scratch/home ansible-galaxy collection build --output-path "$scratch" "$ROOT"
HOME=$scratch/home ansible-galaxy collection install --no-deps "$scratch"/ebpf-pinning-*.tar.gz

colour=0
[ ! -t 1 ] || colour=1
mounts=$(bpf_mounts)
as_root env \
    PATH="$PATH" \
    HOME="$scratch/root-home" \
    ANSIBLE_REMOTE_TEMP="$scratch/root-home/remote" \
    ANSIBLE_CONFIG="$ROOT/demo/ansible.cfg" \
    ANSIBLE_COLLECTIONS_PATH="$ANSIBLE_COLLECTIONS_PATH" \
    ANSIBLE_FORCE_COLOR="$colour" \
    PYTHONDONTWRITEBYTECODE=1 \
    unshare --mount --propagation private "$ROOT/demo/steps.sh" ||
    die "the demo did not show what it promises: see the last step above"

[ "$(bpf_mounts)" = "$mounts" ] || die "the demo left a mount behind"
