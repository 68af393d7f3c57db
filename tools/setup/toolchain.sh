# A C linker with a static C library, and the pinned Rust. Sourced after common.sh.

# rustc links with `cc`; programs for the guest are static (`-C target-feature=+crt-static`) and need libc.a.
ensure_linker() {
    if command -v cc >/dev/null && [ -f "$(cc -print-file-name=libc.a)" ]; then return 0; fi
    what="a C linker with a static C library (gcc, libc6-dev)"
    say "installing $what"
    find_root && command -v apt-get >/dev/null ||
        fail "$what, for lack of root or of apt" "install the packages gcc and libc6-dev, or what your system calls them"
    apt_prepare linker || true
    bounded 300 apt-linker $as_root apt-get $apt_options install -y --no-install-recommends gcc libc6-dev ||
        fail "$what" "see $log; install the packages gcc and libc6-dev"
}

# Leaves $rust_sysroot set (env.sh has looked already).
ensure_rust() {
    if [ -z "$rust_sysroot" ] && command -v rustup >/dev/null; then
        say "installing Rust $RUST_VERSION with rustup"
        bounded 300 rustup-toolchain rustup toolchain install "$RUST_VERSION" --profile minimal \
            --component clippy --component rustfmt || true
        find_rust
    fi
    if [ -z "$rust_sysroot" ]; then
        found=$(rustc --version 2>/dev/null) || found="no rustc in PATH"
        fail "Rust $RUST_VERSION (found: $found)" \
            "install rustup (its home page says how) and run 'rustup toolchain install $RUST_VERSION'"
    fi
    PATH=$rust_sysroot/bin:$PATH
    command -v cargo >/dev/null ||
        fail "cargo (rustc is there: $rust_sysroot)" "install cargo $RUST_VERSION beside it, best with rustup"
}
