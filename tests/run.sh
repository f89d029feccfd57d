#!/usr/bin/env bash
# All the tests, from a fresh clone: installs what is missing, builds, and checks format, lints, licences, code, scripts.
# The last line is `N passed, N failed`; the exit code is 0 only when nothing failed.
#
# One profile for the plugin, release: it is built once for the pipelines and for the tests, and the tests of whole
# pipelines run at the speed of the real thing. The dashboard has the dev profile, which is built sooner.
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. pipelines/env.sh

passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

say() { printf '\n== %s\n' "$*"; }

# count NAME COMMAND…: runs it; its `test result:` lines are added up, or it counts as one test when it has none. A
# command that fails without saying how many tests did (it did not compile) is one failure.
count() {
    local name=$1 ok=yes p f
    shift
    say "$name"
    "$@" 2>&1 | tee "$log" || ok=no
    read -r p f < <(awk '/^test result:/ {p += $4; f += $6; seen = 1} END {print (seen ? p : "-"), f + 0}' "$log")
    if [ "$p" = - ]; then
        p=0
        [ "$ok" = no ] || p=1
    fi
    if [ "$ok" = no ] && [ "$f" -eq 0 ]; then
        f=1
        printf 'FAILED: %s (see above)\n' "$name"
    fi
    passed=$((passed + p)) failed=$((failed + f))
}

say "setup"
{ pipelines/setup.sh && pipelines/setup.sh --dashboard-tests; } || {
    printf '0 passed, 1 failed\n'
    exit 1
}

count "format" cargo fmt --all --check
count "plugin" cargo build --release --lib
count "lints" cargo clippy --release --all-targets -- -D warnings
if ! cargo deny --version >/dev/null 2>&1; then
    say "cargo deny: not installed, not run"
else
    count "licences, bans and sources" cargo deny check licenses bans sources
    if cargo deny fetch db >/dev/null 2>&1; then
        count "advisories" cargo deny --offline check advisories
    else
        say "advisories: their database cannot be fetched here, not checked"
    fi
fi
count "tests" cargo test --release --no-fail-fast
if [ -f "${MASKCOUNT_GESTURES:-../shared/gesture/landmarks.npz}" ]; then
    count "recorded gestures" cargo test --release --test gesture -- --ignored
else
    say "recorded gestures: they are no part of the repository (tests/gesture.rs), not run"
fi
count "pipeline scripts" tests/scripts.sh
count "dashboard: lints" cargo clippy -p maskcount-dashboard --all-targets -- -D warnings
count "dashboard: tests" cargo test -p maskcount-dashboard --no-fail-fast
count "dashboard: the page in Chromium" env MASKCOUNT_DASHBOARD="$maskcount_target/debug/maskcount-dashboard" dashboard/tests/browser.sh

say "sum"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
