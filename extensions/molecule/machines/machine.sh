# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034  # for the scripts that source this
#
# machine NAME: sets what the machine of this name is. `suite`, `arch` and `kernel` are Debian's names;
# `qemu` runs it by `accel`, with `cpus` and `memory` (MiB); `console`, `bus` and `disk` are what it
# has. A name that is not listed is that of a suite.
machine() {
    suite=$1 arch=amd64 kernel=linux-image-cloud-amd64
    case $1 in
        backports) suite=trixie kernel=linux-image-cloud-amd64/trixie-backports ;;
        s390x) suite=sid arch=s390x kernel=linux-image-s390x ;;
        ppc64el) suite=sid arch=ppc64el kernel=linux-image-powerpc64le-64k ;;
        arm64) suite=trixie arch=arm64 kernel=linux-image-arm64-16k ;;
    esac
    # Only a processor of one's own kind can be lent.
    accel=tcg,thread=multi
    if [ "$arch" = "$(dpkg --print-architecture)" ]; then
        accel=${EBPF_PINNING_VM_ACCEL:-$accel}
    fi
    cpus=1 memory=768 console=ttyS0 bus=pci disk=ext4
    case $arch in
        amd64) qemu=(qemu-system-x86_64 -cpu max) ;;
        arm64)
            cpus=2 memory=1536 console=ttyAMA0
            qemu=(qemu-system-aarch64 -M 'virt,gic-version=max' -cpu max)
            # To emulate the architecture's own algorithm for signed pointers takes long.
            [[ $accel = kvm* ]] || qemu[-1]+=,pauth-impdef=on
            ;;
        ppc64el)
            cpus=2 memory=3072 console=hvc0
            # What keeps speculation in check cannot be emulated.
            qemu=(qemu-system-ppc64 -cpu POWER9)
            qemu+=(-M 'pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off')
            ;;
        s390x)
            # Seen with qemu 7.2 and Linux 7.2: ext4 dies of an address 4 GiB too low, and where the
            # processor has vectors, no TCP connection comes about.
            cpus=2 memory=1536 console=ttysclp0 bus=ccw disk=btrfs
            qemu=(qemu-system-s390x -M s390-ccw-virtio -cpu 'max,vx=off,vxeh=off')
            ;;
    esac
}
