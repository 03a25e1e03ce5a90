#!/bin/sh
# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# boot.sh SCRATCH SHARED: has systemd run these namespaces. What it writes goes to SCRATCH/layers, but
# for SCRATCH and SHARED themselves. Of all units that the machine has it starts only those for its
# own work, so that nothing touches the machine, and what multi-user.target wants here.
set -eu
scratch=$1 shared=$2
mount --make-rprivate /
cd "$scratch/layers"
first=
[ -d root ] || first=yes
mkdir -p up work root
mount -t overlay overlay -o "lowerdir=/,upperdir=$PWD/up,workdir=$PWD/work" root
cd root
for directory in "$shared" "$scratch"; do
    mkdir -p ".$directory"
    mount --bind "$directory" ".$directory"
done
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t bpf -o strictatime bpf sys/fs/bpf
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=755 dev dev
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/shm dev/pts
mount -t devpts -o newinstance devpts dev/pts
ln -s pts/ptmx dev/ptmx
if [ -n "$first" ]; then
    rm -rf etc/systemd/system/* lib/systemd/system/multi-user.target.wants etc/fstab
    for target in multi-user local-fs; do
        printf '[Unit]\nDefaultDependencies=no\n' > "etc/systemd/system/$target.target"
    done
    mkdir etc/systemd/system/service.d
    printf '[Service]\nStandardOutput=append:%s\nStandardError=inherit\n' "$scratch/log" \
        > etc/systemd/system/service.d/log.conf
fi
mkdir -p before
pivot_root . before
umount -l /before
export container=other
exec /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=false
