#!/bin/sh
# Fuzzes the parser of rules and the readers of traces and calls with libFuzzer. What it finds is in target/fuzz/<target>/,
# and becomes part of the corpus (tests/fuzz/corpus/) once the reason is gone; new paths are not kept.
#
#   tools/fuzz.sh [SECONDS [TARGET...]]     60 seconds for each of rules, trace and call
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tools/env.sh"
for part in common apt toolchain fuzz; do . "$root/tools/setup/$part.sh"; done
cd "$root"

seconds=${1:-60}
if [ $# -gt 0 ]; then shift; fi
[ $# -gt 0 ] || set -- rules trace call

mkdir -p "$tools"
(
    flock 9
    ensure_rust
    ensure_fuzz
) 9>"$tools/lock"

# Coverage is asked of the compiler by options that the stable one has only with this. Sanitizers are not needed: the code
# has no unsafe parts.
export RUSTC_BOOTSTRAP=1
for target; do
    found=target/fuzz/$target
    mkdir -p "$found/new"
    printf 'fuzz: %s, %s seconds\n' "$target" "$seconds"
    # The first folder takes what is new, the second is only read.
    cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none --features libfuzzer --target-dir target/fuzz/build "$target" \
        "$found/new" "tests/fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=16384 -artifact_prefix="$found/" -print_final_stats=1
done
