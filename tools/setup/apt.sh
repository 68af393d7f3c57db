# apt with a sources list and package lists of its own, so that the machine's are neither needed nor changed.
# The mirror is the one that the machine's own sources name. Sourced after common.sh.

# Prints "<base> <suite>" for each entry of the machine's sources. Unlike `apt-get indextargets` it does so even where
# no package list has ever been fetched.
machine_sources() {
    apt-get -o Dir::State::lists="$tools/apt/none" --print-uris update 2>/dev/null |
        sed -n "s|^'\(.*\)/dists/\([^/]*\)/InRelease'.*|\1 \2|p"
}

# apt_prepare <name> <suite...>
# Fetches package lists for the machine's own release and for more suites of the same mirror, and sets $apt_options to
# what makes apt use them, and $release to the release's name. A suite that the mirror does not have is no error here:
# the caller looks at what is on offer.
apt_prepare() {
    command -v apt-get >/dev/null || return 1
    apt_dir=$tools/apt/$1
    shift
    mkdir -p "$apt_dir/lists/partial" "$apt_dir/parts" "$apt_dir/cache/archives/partial" "$tools/apt/none/partial"
    release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    distribution=$(. /etc/os-release && echo "${ID:-}")
    signed=
    for keyring in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-keyring.pgp; do
        if [ "$distribution" = debian ] && [ -f "$keyring" ]; then signed="[signed-by=$keyring]"; fi
    done
    machine_sources | while read -r base suite; do
        case $suite in
        "$release")
            for each in "$suite" "$@"; do echo "deb $signed $base $each main"; done
            ;;
        "$release"-*) echo "deb $signed $base $suite main" ;;
        esac
    done | sort -u >"$apt_dir/sources.list"
    [ -s "$apt_dir/sources.list" ] || return 1
    apt_options="-o Dir::Etc::sourcelist=$apt_dir/sources.list -o Dir::Etc::sourceparts=$apt_dir/parts
        -o Dir::State::lists=$apt_dir/lists -o Dir::Cache=$apt_dir/cache
        -o Acquire::Retries=1 -o Acquire::http::Timeout=15 -o Acquire::https::Timeout=15 -o DPkg::Lock::Timeout=120"
    # Asked once an hour where several calls share the lists.
    if [ -n "$(find "$apt_dir/updated" -mmin -60 2>/dev/null)" ]; then return 0; fi
    if bounded 120 apt-update apt-get $apt_options update; then : >"$apt_dir/updated"; fi
}

# apt_versions <package>: prints "<version> <suite>" for each version on offer.
apt_versions() {
    apt-cache $apt_options madison "$1" 2>/dev/null | sed -n 's#^[^|]*| *\([^ ]*\) *| *[^ ]* \([^/ ]*\)/.*#\1 \2#p'
}

# apt_install <suite> <package...>: as root, without questions, and without what is only recommended.
apt_install() {
    suite=$1
    shift
    bounded 600 apt-install $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get $apt_options install -y --no-install-recommends -t "$suite" "$@"
}
