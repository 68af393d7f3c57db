# cargo-osdk, which links the kernel. Sourced after common.sh and toolchain.sh.

ensure_osdk() {
    if [ -x "$tools/bin/cargo-osdk" ] && grep -q "^\"cargo-osdk $OSDK_VERSION " "$tools/.crates.toml" 2>/dev/null; then
        return 0
    fi
    say "building cargo-osdk $OSDK_VERSION (some minutes)"
    # A target folder that the caller has set is for the caller's crates.
    bounded 1800 cargo-osdk env -u CARGO_TARGET_DIR -u RUSTFLAGS \
        cargo install cargo-osdk --version "=$OSDK_VERSION" --locked --root "$tools" ||
        fail "cargo-osdk $OSDK_VERSION" "see $log; cargo needs its registry (or a mirror of it in cargo's configuration)"
}
