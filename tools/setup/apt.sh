# apt with a sources list and package lists of its own, so that the machine's are neither needed nor changed.
# Sourced after common.sh. The mirror is the one that the machine's own sources name.

# Prints "<base> <suite>" for each entry of the machine's sources. It does so on a machine that has never
# fetched a package list, too, unlike `apt-get indextargets`.
machine_sources() {
    apt-get -o Dir::State::lists="$tools/apt/none" --print-uris update 2>/dev/null |
        sed -n "s|^'\(.*\)/dists/\([^/]*\)/InRelease'.*|\1 \2|p"
}

# The release's name, as in bookworm.
machine_release() { (. /etc/os-release && echo "${VERSION_CODENAME:-}"); }

# apt_prepare <name> <suite...>
# Fetches package lists for the machine's own release and for more suites of the same mirror, below .tools/apt/<name>,
# and sets $apt_options to what makes apt use them. What a mirror does not have is missing afterwards, no error:
# the caller looks at what is on offer.
apt_prepare() {
    apt_dir=$tools/apt/$1
    shift
    mkdir -p "$apt_dir/lists/partial" "$apt_dir/parts" "$apt_dir/cache/archives/partial" "$tools/apt/none/partial"
    release=$(machine_release)
    keyring=
    for file in /usr/share/keyrings/debian-archive-keyring.pgp /usr/share/keyrings/debian-archive-keyring.gpg; do
        if [ -f "$file" ] && [ -f /etc/debian_version ]; then keyring="[signed-by=$file] "; fi
    done
    case $(. /etc/os-release && echo "$ID") in debian) ;; *) keyring= ;; esac
    machine_sources | while read -r base suite; do
        case $suite in
        "$release")
            echo "deb $keyring$base $suite main"
            for more in "$@"; do echo "deb $keyring$base $more main"; done
            ;;
        "$release"-*) echo "deb $keyring$base $suite main" ;;
        esac
    done | sort -u >"$apt_dir/sources.list"
    apt_options="-o Dir::Etc::sourcelist=$apt_dir/sources.list -o Dir::Etc::sourceparts=$apt_dir/parts
        -o Dir::State::lists=$apt_dir/lists -o Dir::Cache=$apt_dir/cache -o APT::Sandbox::User=
        -o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20"
    [ -s "$apt_dir/sources.list" ] || return 1
    bounded 180 apt-update apt-get $apt_options update || true
}

# apt_versions <package>: prints "<version> <suite>" for each version on offer, the newest first.
apt_versions() {
    apt-cache $apt_options madison "$1" 2>/dev/null | sed -n 's#^[^|]*| *\([^ ]*\) *| *[^ ]* \([^/ ]*\)/.*#\1 \2#p'
}
