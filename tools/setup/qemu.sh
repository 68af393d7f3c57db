# QEMU for x86, new enough for more than one CPU. Sourced after common.sh and apt.sh.

# qemu_major <binary>: prints its major version, or fails.
qemu_major() {
    "$1" --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9]*\)\..*/\1/p' | grep .
}

# The binary that everything here uses: $POSTERN_QEMU, else the one in .tools (env.sh put it into PATH), else the
# machine's.
qemu_binary() { echo "${POSTERN_QEMU:-qemu-system-x86_64}"; }

ensure_qemu() {
    if major=$(qemu_major "$(qemu_binary)"); then
        if [ "$major" -ge "$QEMU_MAJOR" ]; then return 0; fi
        if [ -n "${POSTERN_QEMU:-}" ]; then
            old_qemu
            return 0
        fi
    else
        [ -z "${POSTERN_QEMU:-}" ] ||
            fail "QEMU from POSTERN_QEMU=$POSTERN_QEMU" "set it to a working qemu-system-x86_64, or unset it"
        major=0
    fi
    # Asked once: a machine whose mirror has nothing newer is not asked again at every run (remove the file to ask).
    if [ "$major" != 0 ] && [ -f "$tools/old-qemu" ]; then
        old_qemu
        return 0
    fi
    install_qemu || true
    hash -r
    major=$(qemu_major "$(qemu_binary)") ||
        fail "qemu-system-x86_64" "install QEMU $QEMU_MAJOR or later, or name it in POSTERN_QEMU (logs: $logs)"
    if [ "$major" -lt "$QEMU_MAJOR" ]; then
        : >"$tools/old-qemu"
        old_qemu
    fi
}

old_qemu() {
    say "QEMU $major is older than $QEMU_MAJOR: everything works with one CPU, nothing with more"
}

install_qemu() {
    say "looking for QEMU $QEMU_MAJOR or later at the machine's package mirror"
    backports=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")-backports
    apt_prepare qemu "$backports" && pick_qemu "$major" || return 1
    if find_root; then
        say "installing QEMU $version from $suite"
        apt_install "$suite" "qemu-system-x86=$version"
    else
        say "unpacking QEMU $version from $suite into .tools (no root)"
        unpack_qemu
    fi
}

# pick_qemu <major version that is there, or 0>
# Sets $version and $suite to the release's own QEMU if it is new enough, else to that of its backports, else, on a
# machine without any, to the release's own after all.
pick_qemu() {
    for suite in "$release" "$backports"; do
        newest_qemu
        picked=${version#*:}
        picked=${picked%%[!0-9]*}
        if [ "${picked:-0}" -ge "$QEMU_MAJOR" ]; then return 0; fi
    done
    suite=$release
    newest_qemu
    [ "$1" = 0 ] && [ -n "$version" ]
}

# Sets $version to the newest in $suite.
newest_qemu() { version=$(apt_versions qemu-system-x86 | sed -n "s/ $suite\$//p" | sort -V | tail -n 1); }

# Without root: the package and those it needs that the machine lacks, unpacked, behind a wrapper.
unpack_qemu() {
    packages=$(apt-get $apt_options --simulate install --no-install-recommends -t "$suite" \
        "qemu-system-x86=$version" 2>"$logs/apt-simulate.log" |
        sed -n 's/^Inst \([^ ]*\) \(\[[^]]*\] \)*(\([^ ]*\) .*/\1=\3/p')
    [ -n "$packages" ] || return 1
    rm -rf "$tools/qemu" "$tools/qemu.new"
    mkdir -p "$tools/qemu.new/packages" "$tools/bin"
    (cd "$tools/qemu.new/packages" && bounded 600 apt-download apt-get $apt_options download $packages) || return 1
    for package in "$tools"/qemu.new/packages/*.deb; do
        bounded 60 dpkg-qemu dpkg -x "$package" "$tools/qemu.new" || return 1
    done
    rm -r "$tools/qemu.new/packages"
    mv "$tools/qemu.new" "$tools/qemu" || return 1
    cat >"$tools/bin/qemu-system-x86_64" <<'WRAPPER'
#!/bin/sh
# QEMU unpacked without root by tools/setup.sh: its libraries, firmware and modules are where the packages lie.
here=$(cd "$(dirname "$0")/../qemu" && pwd)
lib=$here/usr/lib/$(uname -m)-linux-gnu
LD_LIBRARY_PATH=$lib:$here/lib/$(uname -m)-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
QEMU_MODULE_DIR=$lib/qemu
export LD_LIBRARY_PATH QEMU_MODULE_DIR
exec "$here/usr/bin/qemu-system-x86_64" \
    -L "$here/usr/share/qemu" -L "$here/usr/share/seabios" -L "$here/usr/lib/ipxe/qemu" "$@"
WRAPPER
    chmod +x "$tools/bin/qemu-system-x86_64"
}
