#!/bin/sh
# Builds everything that `make run` and `make test` start: the host tools, the guest suite, the OS image.
# Ends with target/release/{postern,runner}, target/guest/guest and target/kernel/postern-kernel.elf.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tools/env.sh"
cd "$root"

cargo build --release --locked -p emulator -p runner

# Static, so that the same bytes run on the host's Linux and in a guest without any library. With --target the flags
# do not reach build scripts, and the host tools' cache stays untouched. Without the debug information, because the
# program is laid into the image at every boot, and names the place of a failure by itself.
CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_RELEASE_STRIP=debuginfo \
CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --release --locked -p guest --target x86_64-unknown-linux-gnu
mkdir -p target/guest
cp -u target/x86_64-unknown-linux-gnu/release/guest target/guest/guest

tools/kernel.sh
