# The versions everything else is tested with, in one place. Sourced.
#
# ostd 0.18.0 is the newest release that builds with a stable compiler, and Rust 1.95.0 the compiler it builds with;
# cargo-osdk goes with ostd.

RUST_VERSION=1.95.0
OSDK_VERSION=0.18.0

# The fuzzer of `make soak`.
FUZZ_VERSION=0.13.2

# Before 9.0 QEMU's own translator had no x2APIC, which ostd needs for more than one CPU.
QEMU_MAJOR=9

# The distribution's copy of the standard library's sources, for networks on which rustup cannot reach its server.
RUST_SRC_SUITE=trixie-backports
RUST_SRC_PACKAGE="rust-src=1.95.0+dfsg1-2~bpo13+1"
RUST_SRC_SHA256=7b76db5b880a77f9e52975d2baa6209d2f76d2c9c2789515c3088cb960e2c83b
