#!/usr/bin/env bash
# A recorded file becomes a covered file, and its counts become sidecar files.
#
#     pipelines/file.sh IN OUT.mp4 SIDECARDIR [START]
#
# For whoever has recordings to count after the fact. START is the UTC time of the first picture
# (2026-04-26T08:40:00Z): it decides into which window a passage falls; without it, windows count from now.
# To change: `window` (s) and `min-persons` of maskcount, and the encoder. WINDOW and MIN_PERSONS are taken from the
# environment too. Sound is left out.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lib.sh"

[ $# -eq 3 ] || [ $# -eq 4 ] || die "usage: file.sh IN OUT.mp4 SIDECARDIR [START]"
[ -f "$1" ] || die "there is no file $1"
[ ! "$1" -ef "$2" ] || die "IN and OUT are the same file"
need_plugin
source_of "$1"
mkdir -p "$3"
start=()
[ $# -eq 3 ] || start=("start-time=$4")

gst-launch-1.0 -m -e \
    "${source[@]}" ! videoconvert \
    ! maskcount "camera=$(basename "${1%.*}")" "window=${WINDOW:-1200}" "min-persons=${MIN_PERSONS:-10}" "${start[@]}" \
    "location=$3/%Y%m%dT%H%M%SZ.json" \
    ! facepixelate ! progressreport name=progress update-freq=5 \
    ! queue ! videoconvert ! x264enc speed-preset=veryfast tune=zerolatency pass=quant quantizer=24 \
    ! video/x-h264,profile=main ! h264parse ! mp4mux faststart=true ! filesink "location=$2" \
    </dev/null 2>&1 | show_messages "$3/messages.log" ||
    die "the pipeline failed (its error stands above; messages: $3/messages.log)"

python3 "$here/totals.py" "$3"
say "covered video: $2"
