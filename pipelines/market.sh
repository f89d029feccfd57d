#!/usr/bin/env bash
# A market: three cameras in one process, each with its own counts and its own covered stream.
#
#     pipelines/market.sh [SOURCE SOURCE SOURCE]        each a file, /dev/videoN or rtsp://…; default: the demo clip, thrice
#
# For one small computer that looks after a whole site. The three elements share one model in memory. Each camera writes
# out/market/CAMERA/stats/….json and a covered HLS stream out/market/CAMERA/live.m3u8. To change: the cameras' names and
# `site`. WINDOW, MIN_PERSONS and OUT (instead of out/market) are taken from the environment. Ctrl-C gives out the open windows and ends. A camera that is
# lost ends all three, and nothing starts them again; for cameras that run for months, one rtsp.sh each.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lib.sh"

usage "$@"
[ $# -eq 0 ] || [ $# -eq 3 ] || die "usage: market.sh [SOURCE SOURCE SOURCE]"
clip=$maskcount_root/tests/media/demo.mp4
sources=("${@:-$clip}")
[ $# -eq 3 ] || sources=("$clip" "$clip" "$clip")
out=${OUT:-out/market} site=forville
need_plugin

line=()
for i in 0 1 2; do
    camera=$site-$((i + 1))
    source_of "${sources[i]}"
    hls_into "$out/$camera"
    mkdir -p "$out/$camera/stats"
    line+=("${source[@]}"
        ! maskcount "camera=$camera" "site=$site" "window=${WINDOW:-1200}" "min-persons=${MIN_PERSONS:-10}"
        "location=$out/$camera/stats/%Y%m%dT%H%M%SZ.json"
        ! facepixelate ! queue ! "${sink[@]}")
done

play "$out/messages.log" "${line[@]}" ||
    die "the pipeline failed (its error stands above; messages: $out/messages.log)"
python3 "$here/totals.py" "$out/$site-1/stats" "$out/$site-2/stats" "$out/$site-3/stats"
