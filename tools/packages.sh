#!/bin/sh
# Fetches packages of this machine's Debian release with all that they need to run, and prints a folder for each: its
# files, to be laid over one another by `postern boot --root`. Nothing of the machine's own state is used or changed;
# what has been fetched stays in target/programs, and is not asked for again.
#
#   tools/packages.sh [--cached] PACKAGE...
#
# --cached: only if they are there already.
# Exit status: 3 where apt does not work, or does not have them; the last line on standard error says why.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tools/setup/common.sh"
. "$root/tools/setup/apt.sh"
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$root/$target ;; esac
programs=$target/programs
# apt.sh and `bounded` work in $tools and $logs.
tools=$programs
logs=$programs/log

without() {
    printf 'packages: %s\n' "$*" >&2
    exit 3
}

# What only the packages' installation scripts call, which nobody runs here. apt is told that it is installed, and leaves
# out what only these need in turn: perl, PAM and a hundred megabytes.
SCRIPTS_NEED="adduser base-files debconf debianutils dpkg init-system-helpers lsb-base mawk passwd sysvinit-utils tar
    usr-is-merged"

# What no program reads when it runs.
unread() { # <folder of a package>
    for each in doc doc-base info lintian locale man bug; do rm -rf "$1/usr/share/$each"; done
    # Character sets other than UTF-8.
    rm -rf "$1/usr/lib/x86_64-linux-gnu/gconv" "$1/usr/lib/x86_64-linux-gnu/perl-base/unicore"
}

# Sets $apt_options for the machine's release as if nothing were installed on it but the above.
prepare() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || without "this machine has no apt"
    apt_prepare packages || without "apt names no mirror of this machine's release"
    : >"$apt_dir/status"
    for each in $SCRIPTS_NEED; do
        printf 'Package: %s\nStatus: install ok installed\nArchitecture: %s\nMulti-Arch: foreign\n' \
            "$each" "$(dpkg --print-architecture)"
        printf 'Maintainer: nobody\nVersion: 9999:1\nDescription: taken to be there\n\n'
    done >"$apt_dir/status"
    mkdir -p "$apt_dir/state"
    apt_options="$apt_options -o Dir::State=$apt_dir/state -o Dir::State::lists=$apt_dir/lists
        -o Dir::State::status=$apt_dir/status -o Debug::NoLocking=true -o APT::Sandbox::User=
        -o APT::Install-Recommends=false"
}

# fetch <package...>: into the cache, and prints a line `name version file` for each.
fetch() {
    bounded 60 apt-closure apt-get $apt_options --simulate install "$@" ||
        without "apt has no way to install $*: $(tail -n 1 "$logs/apt-closure.log")"
    closure=$(sed -n 's/^Inst \([^ ]*\) \(\[[^]]*\] \)*(\([^ ]*\) .*/\1=\3/p' "$logs/apt-closure.log")
    mkdir -p "$programs/packages"
    missing=
    for each in $closure; do [ -d "$programs/packages/$(plain "$each")" ] || missing="$missing $each"; done
    [ -n "$missing" ] || return 0
    rm -rf "$programs/download"
    mkdir -p "$programs/download"
    (cd "$programs/download" && bounded 600 apt-download apt-get $apt_options download $missing) ||
        without "apt could not download$missing: $(tail -n 1 "$logs/apt-download.log")"
    for each in $missing; do
        name=${each%%=*}
        name=${name%%:*}
        folder=$programs/packages/$(plain "$each")
        rm -rf "$folder.new"
        mkdir "$folder.new"
        bounded 60 dpkg-deb dpkg-deb -x "$programs/download/${name}"_*.deb "$folder.new" ||
            without "dpkg-deb could not unpack $each: $(tail -n 1 "$logs/dpkg-deb.log")"
        unread "$folder.new"
        mv "$folder.new" "$folder"
    done
    rm -rf "$programs/download"
}

# A package and its version as the name of a folder.
plain() { echo "$1" | tr -c 'a-zA-Z0-9.+\n-' _; }

cached=
if [ "${1:-}" = --cached ]; then
    cached=yes
    shift
fi
[ $# -gt 0 ] || {
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
mkdir -p "$programs/sets" "$logs"
exec 9>"$programs/lock"
flock 9
set=$programs/sets/$(plain "$(echo "$*" | tr ' ' _)")
complete() { while read -r folder; do [ -d "$folder" ] || return 1; done <"$set"; }
if ! [ -s "$set" ] || ! complete; then
    [ -z "$cached" ] || without "$* are not there, and apt did not work before"
    prepare
    fetch "$@" >&2
    for each in $closure; do echo "$programs/packages/$(plain "$each")"; done >"$set.new"
    mv "$set.new" "$set"
fi
cat "$set"
