#!/bin/sh
# Brings a machine to where it can build, boot and test this system, without anybody to answer questions.
# What is there is left alone, and nothing is said about it; each thing that is installed is a line. Run it any time.
#
#   tools/setup.sh          everything
#   tools/setup.sh host     only what the crates for the host need: a linker and Rust
#
# POSTERN_NO_ROOT=1   install no packages, unpack what is needed into .tools
# POSTERN_QEMU=<path> use this QEMU
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tools/env.sh"
for part in common apt toolchain qemu rust-src osdk; do . "$root/tools/setup/$part.sh"; done

# Two at a time would install the same things over each other.
mkdir -p "$tools"
exec 9>"$tools/lock"
flock 9

case ${1:-all} in
host)
    ensure_linker
    ensure_rust
    ;;
all)
    ensure_linker
    ensure_rust
    ensure_rust_src
    ensure_osdk
    ensure_qemu
    ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

# Package lists and archives, kept until here for whoever has to find out why something failed.
if [ -d "$tools/apt" ]; then rm -rf "$tools/apt" 2>/dev/null || true; fi
