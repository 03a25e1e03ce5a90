# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# For a root file system of another architecture: its packages are only unpacked, since an emulated
# processor takes an hour over their scripts. This does what these machines need of those.

# set_up ROOT
set_up() {
    local root=$1 name
    for name in passwd group; do
        cp "$root/usr/share/base-passwd/$name.master" "$root/etc/$name"
    done
    # An older systemd-sysusers does not know users that are locked.
    sed -i 's/^u!/u/' "$root"/usr/lib/sysusers.d/*
    systemd-sysusers --root="$root" 2>/dev/null
    # Nothing is left for the first boot, which takes minutes as it is.
    for name in {ldconfig,systemd-hwdb-update,systemd-journal-catalog-update}.service \
        systemd-logind.service systemd-logind-varlink.socket; do
        ln -s /dev/null "$root/etc/systemd/system/$name"
    done
    tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
    mkdir -p "$root"/{mnt,srv}
    ln -sfn /run "$root/var/run"

    cp "$root/usr/share/openssh/sshd_config" "$root/etc/ssh/sshd_config"
    sed -i 's/^UsePAM.*/UsePAM no/' "$root/etc/ssh/sshd_config"
    ssh-keygen -q -A -f "$root"
    mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
    ln -s /lib/systemd/system/ssh.service "$root/etc/systemd/system/multi-user.target.wants/"
}

# take_kernel ROOT TARGET DISK: TARGET.vmlinuz, and an initial RAM disk that mounts a disk with that file
# system and no more.
take_kernel() {
    local root=$1 target=$2 disk=$3 version initrd modules module
    version=$(basename "$root"/usr/lib/modules/*)
    find "$root/boot" "$root/usr/lib/modules" -name 'vmlinu[xz]*' -exec cp '{}' "$target.vmlinuz" ';'
    depmod --basedir "$root" "$version"

    initrd=$root/initrd
    mkdir -p "$initrd"/{bin,dev,disk,modules}
    cp "$root/bin/busybox" "$initrd/bin/"
    cat >"$initrd/init" <<END
#!/bin/busybox sh
export PATH=/bin
busybox mount -t devtmpfs dev /dev
for module in /modules/*; do busybox insmod "\$module"; done
until [ -b /dev/vda ]; do busybox sleep 1; done
busybox mount -t $disk /dev/vda /disk
busybox mount --move /dev /disk/dev
exec busybox switch_root /disk /sbin/init
END
    chmod +x "$initrd/init"
    mapfile -t modules < <(
        modprobe --config /dev/null --dirname "$root" --set-version "$version" --all --show-depends \
            virtio_pci virtio_blk "$disk" | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++'
    )
    # Numbered, since the order counts.
    for module in "${!modules[@]}"; do
        xz --decompress --stdout "${modules[module]}" \
            >"$initrd/modules/$(printf %02d "$module").ko"
    done
    (cd "$initrd" && find . | cpio --quiet -o -H newc | gzip -1) >"$target.initrd"
    rm -r "$initrd"
}
