#!/bin/sh
# Builds the kernel's image for QEMU and says nothing more than cargo does. Cheap when nothing changed.
#
#   tools/kernel.sh [image]     target/kernel/postern-kernel.elf
#   tools/kernel.sh checked     target/kernel/postern-kernel-checked.elf, with debug assertions and overflow checks
#   tools/kernel.sh quick       target/kernel/postern-kernel-quick.elf: checked too, slow, and built in seconds after a change
#   tools/kernel.sh clippy      no image: the kernel's warnings, as errors
#
# CARGO_TARGET_DIR stands for `target`, as everywhere.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tools/env.sh"

profile=${1:-image}
case $profile in
image) image=postern-kernel.elf ;;
checked) image=postern-kernel-checked.elf ;;
quick) image=postern-kernel-quick.elf ;;
clippy) ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
if [ -z "$rust_sysroot" ] || ! [ -x "$root/.tools/bin/cargo-osdk" ]; then
    echo "kernel.sh: Rust $RUST_VERSION or cargo-osdk is missing: run tools/setup.sh" >&2
    exit 1
fi

# A target folder of its own: the kernel's build scripts and macros are built with RUSTC_BOOTSTRAP, and the host's
# without; in one folder they would take turns in rebuilding each other's.
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$root/$target ;; esac
out=$target/kernel
mkdir -p "$out"

# cargo-osdk writes to the folder it generates without a lock.
exec 9>"$out/.lock"
flock 9

export CARGO_TARGET_DIR="$out"
# The pinned stable compiler takes ostd's unstable features and -Zbuild-std; for the kernel alone.
export RUSTC_BOOTSTRAP=1
# Meant for the host's crates, if set at all: cargo-osdk would append the first, and cargo prefer the others.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET
# Where setup.sh left the standard library's sources if it could not write to the toolchain's folder.
if ! [ -d "$rust_sysroot/lib/rustlib/src/rust/library" ]; then
    export __CARGO_TESTS_ONLY_SRC_ROOT="$root/.tools/rust-src/$RUST_VERSION/library"
fi

# cargo-osdk takes the crate it stands in: the workspace's default members are the host's.
cd "$root/kernel"
if [ "$profile" = clippy ]; then
    exec cargo-osdk osdk clippy -- --message-format=short -- -D warnings 9>&-
fi
# Its calls of cargo go through tools/kernel/cargo. Each profile has an output folder of its own: cargo-osdk hard-links
# cargo's file into that folder, and would then write one profile's kernel over the other's.
POSTERN_ROOT=$root POSTERN_PATH=$PATH PATH=$root/tools/kernel:$PATH \
    cargo-osdk osdk build --profile "$profile" --output "$out/osdk-$profile" 9>&-

# The file that cargo-osdk has marked as 32-bit, without which QEMU does not take it; cargo's own may be another copy.
elf=$out/osdk-$profile/postern-kernel-osdk-bin.qemu_elf
if ! cmp -s "$elf" "$out/$image"; then
    cp "$elf" "$out/$image.new"
    mv "$out/$image.new" "$out/$image"
fi
