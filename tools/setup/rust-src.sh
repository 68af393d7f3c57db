# The standard library's sources: cargo builds `core` and `alloc` for the kernel. Sourced after common.sh, apt.sh and
# toolchain.sh.

# Where they belong, and where they are when the toolchain's folder cannot be written to (kernel.sh then tells cargo).
sysroot_library() { echo "$rust_sysroot/lib/rustlib/src/rust/library"; }
local_library() { echo "$tools/rust-src/$RUST_VERSION/library"; }

# The release that sources are of: the newest in which something in them became stable.
library_release() { # <library>
    grep -rhoE 'stable\(feature = "[^"]*", since = "[0-9.]+"' "$1/core/src" "$1/alloc/src" |
        sed 's/.*since = //' | tr -d '"' | sort -Vu | tail -n 1
}

check_library() { # <library>
    found=$(library_release "$1")
    [ "$found" = "$RUST_VERSION" ] ||
        fail "the standard library's sources of Rust $RUST_VERSION: those in $1 are of ${found:-no release}" \
            "move that folder away and run this again"
}

ensure_rust_src() {
    for library in "$(sysroot_library)" "$(local_library)"; do
        if [ -f "$library/core/src/lib.rs" ]; then
            # Reading them takes longer than all the rest: once per place.
            stamp=$tools/rust-src.checked
            if [ "$(cat "$stamp" 2>/dev/null)" = "$RUST_VERSION $library" ]; then return 0; fi
            check_library "$library"
            mkdir -p "$tools"
            echo "$RUST_VERSION $library" >"$stamp"
            say "standard library sources: those in $library"
            return 0
        fi
    done
    rust_src_from_rustup || rust_src_from_apt ||
        fail "the standard library's sources of Rust $RUST_VERSION, neither from rustup nor as a package" \
            "where rustup's server is in reach: rustup component add rust-src --toolchain $RUST_VERSION (logs: $logs)"
    ensure_rust_src
}

# Is the toolchain one of rustup's, and not, say, the distribution's, whose folders belong to its packages?
is_rustups() { case $rust_sysroot in */toolchains/*) return 0 ;; *) return 1 ;; esac }

rust_src_from_rustup() {
    command -v rustup >/dev/null && is_rustups || return 1
    say "installing the standard library's sources with rustup (20 s at most)"
    # The folder's name is the toolchain's; "1.95.0" may be only an alias, which rustup does not add components to.
    bounded 20 rustup-rust-src rustup component add rust-src --toolchain "$(basename "$rust_sysroot")" || return 1
    [ -d "$(sysroot_library)" ]
}

rust_src_from_apt() {
    say "downloading the standard library's sources as the package $RUST_SRC_PACKAGE"
    apt_prepare rust-src "$RUST_SRC_SUITE" || return 1
    unpacked=$tools/rust-src/unpacked
    rm -rf "$unpacked"
    mkdir -p "$unpacked"
    (cd "$unpacked" && bounded 300 apt-download apt-get $apt_options download "$RUST_SRC_PACKAGE") || return 1
    if ! echo "$RUST_SRC_SHA256  $(ls "$unpacked"/rust-src_*.deb)" | sha256sum --check --status; then
        say "the package is not the known one (its sha256 differs): not used"
        return 1
    fi
    bounded 120 dpkg-rust-src dpkg -x "$unpacked"/rust-src_*.deb "$unpacked" || return 1
    library=$(sysroot_library)
    if ! is_rustups || ! mkdir -p "$library.new" 2>/dev/null; then
        library=$(local_library)
        say "nothing can be added to the toolchain in $rust_sysroot: the sources stay in .tools"
    fi
    # Copied under another name first: an interrupted copy must not look complete.
    rm -rf "$library.new"
    mkdir -p "$(dirname "$library")" &&
        cp -r "$unpacked/usr/src/rustc-$RUST_VERSION/library" "$library.new" &&
        mv "$library.new" "$library" &&
        rm -rf "$unpacked"
}
