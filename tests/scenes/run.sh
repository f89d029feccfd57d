#!/usr/bin/env bash
# Market scenes with a known truth, played through the plugin; `tests/scenes/run.sh --help` says how to ask for them.
# Builds what is missing; progress goes to stderr, the figures to stdout.
set -euo pipefail
exec </dev/null
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=pipelines/env.sh
. "$root/pipelines/env.sh"
"$root/pipelines/setup.sh" >&2
# From the caller's folder, so that relative paths mean what they say.
cargo build --quiet --release --manifest-path "$root/Cargo.toml" --example scenes >&2
exec "$maskcount_target/release/examples/scenes" "$@"
