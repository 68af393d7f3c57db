# What every part of the set-up uses: how it speaks, how it gives up, how it waits. Sourced.

tools=$root/.tools
logs=$tools/log

say() { printf 'setup: %s\n' "$*"; }

# fail <what could not be had> <what to do>
fail() {
    printf 'setup: FAILED, could not get: %s\n' "$1" >&2
    printf 'setup: what to do: %s\n' "$2" >&2
    exit 1
}

# bounded <seconds> <log name> <command...>
# Runs a command that may hang (on a closed network, connections often neither open nor fail), with its output in a
# file, of which the end is shown when it fails.
bounded() {
    limit=$1 log=$logs/$2.log
    shift 2
    mkdir -p "$logs"
    status=0
    RUST_BACKTRACE=0 timeout --kill-after=5 "$limit" "$@" >"$log" 2>&1 </dev/null 9>&- || status=$?
    case $status in
    0) return 0 ;;
    124 | 137) say "gave up after $limit s (its output: $log)" ;;
    *)
        say "failed with status $status (its output: $log):"
        tail -n 4 "$log" | sed 's/^/setup:   | /'
        ;;
    esac >&2
    return 1
}

# Sets $as_root to what goes before a command to run it as root (nothing, for root itself), or fails.
# POSTERN_NO_ROOT=1 asks for the way that leaves the machine alone.
find_root() {
    if [ -n "${POSTERN_NO_ROOT:-}" ]; then return 1; fi
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        return 1
    fi
}
