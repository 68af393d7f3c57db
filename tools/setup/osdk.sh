# cargo-osdk, which links the kernel. Sourced after common.sh and toolchain.sh.

ensure_osdk() {
    if [ -x "$tools/bin/cargo-osdk" ] && grep -q "^\"cargo-osdk $OSDK_VERSION " "$tools/.crates.toml"; then
        return 0
    fi
    say "building cargo-osdk $OSDK_VERSION (half a minute or more)"
    # Not optimised: built in a third of the time, and as fast, since it waits for cargo. A target folder and flags that
    # the caller has set are for the caller's crates.
    bounded 1800 cargo-osdk env -u CARGO_TARGET_DIR -u CARGO_BUILD_TARGET -u RUSTFLAGS \
        CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_HTTP_TIMEOUT=20 CARGO_NET_RETRY=1 \
        cargo install cargo-osdk --version "=$OSDK_VERSION" --locked --root "$tools" ||
        fail "cargo-osdk $OSDK_VERSION" "see $log; if the network is at fault, cargo's configuration can name a mirror"
}
