# cargo-fuzz, which builds the fuzz targets with libFuzzer. Sourced after common.sh, apt.sh and toolchain.sh.

# libFuzzer comes as C++.
ensure_cxx() {
    if command -v c++ >/dev/null; then return 0; fi
    what="a C++ compiler" how="install the package g++, or what your system calls it"
    find_root || fail "$what, which needs root" "$how"
    say "installing g++"
    apt_prepare fuzz && apt_install "$release" g++ && command -v c++ >/dev/null || fail "$what" "$how"
}

ensure_fuzz() {
    ensure_cxx
    if [ -x "$tools/bin/cargo-fuzz" ] && grep -q "^\"cargo-fuzz $FUZZ_VERSION " "$tools/.crates.toml"; then
        return 0
    fi
    say "building cargo-fuzz $FUZZ_VERSION"
    bounded 900 cargo-fuzz env -u CARGO_TARGET_DIR -u CARGO_BUILD_TARGET -u RUSTFLAGS \
        CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_HTTP_TIMEOUT=20 CARGO_NET_RETRY=1 \
        cargo install cargo-fuzz --version "=$FUZZ_VERSION" --locked --root "$tools" ||
        fail "cargo-fuzz $FUZZ_VERSION" "see $log; if the network is at fault, cargo's configuration can name a mirror"
}
