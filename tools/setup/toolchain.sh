# A C linker with a static C library, and the pinned Rust. Sourced after common.sh and apt.sh.

# rustc links with `cc`, and the programs for the guest are static (`-C target-feature=+crt-static`): they need libc.a.
have_linker() { command -v cc >/dev/null && [ -f "$(cc -print-file-name=libc.a)" ]; }

ensure_linker() {
    if have_linker; then return 0; fi
    what="a C linker and a static C library"
    how="install the packages gcc and libc6-dev, or what your system calls them"
    find_root || fail "$what, which needs root" "$how"
    say "installing gcc and libc6-dev"
    apt_prepare linker && apt_install "$release" gcc libc6-dev && have_linker || fail "$what" "$how"
}

# Leaves $rust_sysroot set (env.sh has looked already).
ensure_rust() {
    if [ -z "$rust_sysroot" ] && command -v rustup >/dev/null; then
        say "installing Rust $RUST_VERSION with rustup (5 minutes at most)"
        bounded 300 rustup-toolchain rustup toolchain install "$RUST_VERSION" \
            --profile minimal --component clippy --component rustfmt || true
        find_rust
    fi
    if [ -z "$rust_sysroot" ]; then
        found=$(rustc --version 2>/dev/null) || found="no rustc in PATH"
        fail "Rust $RUST_VERSION (there is: $found)" \
            "install rustup (its home page says how), then run 'rustup toolchain install $RUST_VERSION'"
    fi
    PATH=$rust_sysroot/bin:$PATH
    [ -x "$rust_sysroot/bin/cargo" ] ||
        fail "cargo $RUST_VERSION (rustc is there: $rust_sysroot)" "install the cargo that belongs to it, with rustup"
}
