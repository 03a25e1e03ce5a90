#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The demo itself. run.sh starts it as root in a mount namespace of its own.
set -euo pipefail

cd "$(dirname "$0")/.."
pins=/sys/fs/bpf/edge

step() {
    printf '\n\n### %s\n' "$1"
    shift
    [ $# -eq 0 ] || printf '    %s\n' "$@"
    printf '\n'
}

die() {
    printf '\nerror: %s\n' "$*" >&2
    exit 1
}

# show COMMAND...: as if typed at a prompt.
show() {
    printf '$ %s\n' "$*"
    "$@"
}

# witness PIN: what the kernel holds there, said by another tool than ours, where there is one.
witness() {
    ! command -v bpftool >/dev/null || show bpftool map show pinned "$1"
}

# A failed task's message stands above its whole result; here the message is enough.
without_results() {
    awk '/fatal: .*FAILED! =>/ { sub(/ =>[^\033]*/, ""); print; skip = 1; next }
         /^$/ { skip = 0 }
         !skip { print; fflush() }'
}

# provision EXPECTED ARGUMENT...: runs the playbook; its recap must match EXPECTED.
provision() {
    local expected=$1 log=$HOME/log
    shift
    printf '$ ansible-playbook ebpf.pinning.provision%s\n' "${*:+ $*}"
    ansible-playbook ebpf.pinning.provision "$@" 2>&1 | tee "$log" | without_results || true
    sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -Eq "^edge-1 +: .*$expected" ||
        die "expected the recap to say: $expected"
}

inventory_of_pins() {
    ls -liAR --time-style=full-iso /sys/fs/bpf
}

# Root's files vanish with the namespace.
mount -t tmpfs tmpfs "$HOME"

# Play a host that has just booted: this namespace lets go of the machine's own bpffs.
while mountpoint --quiet /sys/fs/bpf; do
    umount --lazy /sys/fs/bpf
done

step "1. What the host edge-1 must have: demo/inventory/group_vars/edge.yml"
sed -n '/^---$/,$p' demo/inventory/group_vars/edge.yml

step "2. One run mounts bpffs and pins the maps"
provision 'changed=[1-9].* failed=0'
show ls -l "$pins"
witness "$pins/connections"

step "3. A second run finds nothing to do"
provision 'changed=0 .* failed=0'

step "4. Things go wrong on a host" \
    "One pin is lost, one is opened to everybody, one is made anew with another size."
show rm "$pins/backends"
show chmod 0666 "$pins/packet_counters"
show rm "$pins/connections"
show python3 demo/make_map.py "$pins/connections" 1024

step "5. The next run stops before it changes anything" \
    "The wrong map may hold entries that somebody needs. What becomes of them is for you to say."
before=$(inventory_of_pins)
provision 'changed=0 .* failed=1'

step "6. What would it do if it may replace that map? Check mode says so, and touches nothing"
provision 'changed=[1-9].* failed=0' --check --diff -e bpf_maps_on_mismatch=replace
[ "$(inventory_of_pins)" = "$before" ] || die "check mode changed something"

step "7. Repair"
provision 'changed=[1-9].* failed=0' -e bpf_maps_on_mismatch=replace
show ls -l "$pins"
witness "$pins/connections"

step "8. And all is as declared"
provision 'changed=0 .* failed=0'

step "Done. The namespace ends here, and with it the mount and all its maps."
