# Finds the pinned tools and puts them first in PATH. Sourced, with $root set to the checkout; installs nothing.
#
# There is no rust-toolchain.toml on purpose: rustup goes by the toolchain's *name*, so on a closed network a machine
# whose `stable` is the right version, but which has no toolchain called "1.95.0", could not even run the host tests.
# Here any installed toolchain will do whose compiler says the right version.
#
# Its bin folder goes into PATH, not RUSTUP_TOOLCHAIN into the environment: cargo-osdk removes that variable before it
# calls cargo, and would get the default toolchain.

root=$(cd "$root" && pwd)
. "$root/tools/pins.sh"

is_pinned_rust() { # <sysroot>
    case $("$1/bin/rustc" --version 2>/dev/null) in
    "rustc $RUST_VERSION "*) return 0 ;;
    *) return 1 ;;
    esac
}

# Sets $rust_sysroot to that of an installed toolchain of the pinned version, or to nothing.
find_rust() {
    for choice in "" "+$RUST_VERSION" +stable; do
        rust_sysroot=$(RUSTUP_AUTO_INSTALL=0 rustc $choice --print sysroot 2>/dev/null) || continue
        if is_pinned_rust "$rust_sysroot"; then return 0; fi
    done
    rust_sysroot=
}

find_rust
PATH=$root/.tools/bin:${rust_sysroot:+$rust_sysroot/bin:}$PATH
export PATH
