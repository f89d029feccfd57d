#!/usr/bin/env bash
# The page in a real Chromium, on the real server, as `cargo test -p maskcount-dashboard` builds it. Needs `pipelines/setup.sh --dashboard-tests`. Ends with a line like cargo's.
set -uo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export MASKCOUNT_DASHBOARD=${MASKCOUNT_DASHBOARD:-${CARGO_TARGET_DIR:-$PWD/target}/debug/maskcount-dashboard}

node --test --test-reporter=tap dashboard/tests/browser/*.test.mjs | tee >(cat >&2) |
    awk '$2 == "pass" {passed = $3} $2 == "fail" {failed = $3}
        END {printf "test result: %s. %d passed; %d failed\n", failed + 0 || !passed ? "FAILED" : "ok", passed, failed; exit failed || !passed}'
