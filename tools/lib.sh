# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Sourced by the scripts beside it. Leaves the shell in the checkout, with a PATH they can rely on.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
ROOT=$PWD
VENV=$ROOT/.venv
# shellcheck disable=SC2034  # for the scripts that source this
CACHE=$ROOT/.cache # everything in it can be made again; git ignores it
# shellcheck disable=SC2034
FIGURE=$CACHE/figure # what pytest reported of each run, for tools/figure.py

# A version manager's shims look like interpreters and are none: Ansible's interpreter discovery and
# ansible-test trip over them. bpftool and its like live in sbin, which a user's PATH may lack.
clean_path() {
    local directory path=
    local IFS=:
    for directory in $PATH /usr/local/sbin /usr/sbin /sbin; do
        case $directory in
            "$VENV/bin" | */shims) continue ;;
        esac
        case :$path: in
            *:"$directory":*) ;;
            *) path=${path:+$path:}$directory ;;
        esac
    done
    printf '%s\n' "$path"
}
PATH=$(clean_path)
export PATH

say() {
    printf '==> %s\n' "$*"
}

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# as_root COMMAND...: through sudo where needed; a plain error where there is neither.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "this needs root, and there is no sudo: $*"
    fi
}

# apt_install PACKAGE...
apt_install() {
    command -v apt-get >/dev/null || die "please install these by hand (named as in Debian): $*"
    say "installing system packages: $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install --yes --no-install-recommends "$@" >/dev/null
}

# apt_install_missing TABLE: each line a command or a file that must be there, and the Debian package
# it comes in.
apt_install_missing() {
    local thing package
    local missing=()
    while read -r thing package; do
        case $thing in
            '') continue ;;
            /*) [ -e "$thing" ] && continue ;;
            *) command -v "$thing" >/dev/null && continue ;;
        esac
        missing+=("$package")
    done <<<"$1"
    [ "${#missing[@]}" -eq 0 ] || apt_install "${missing[@]}"
}

# debian_mirror: where apt of this machine gets Debian from.
debian_mirror() {
    local mirror
    # shellcheck disable=SC2016  # apt-get expands what is quoted
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Origin: Debian' \
        'Label: Debian' 2>/dev/null | head -n 1)
    printf '%s\n' "${mirror:-http://deb.debian.org/debian}"
}

# apt_apart FOLDER "deb SUITE"...: gets lists of these suites of Debian into FOLDER. apt with the options
# in APART works with these alone, and checks their signatures.
apt_apart() {
    local folder=$1 source
    shift
    mkdir -p "$folder"/{lists,cache/archives}/partial
    for source in "$@"; do
        echo "${source% *} [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
            "$(debian_mirror) ${source#* } main"
    done >"$folder/sources.list"
    APART=(
        -o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=-
        -o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder/cache"
        -o APT::Sandbox::User=root
    )
    as_root apt-get -qq "${APART[@]}" update
}
