#!/usr/bin/env bash
# A recorded file becomes a covered file, and its counts become sidecar files.
#
#     pipelines/file.sh IN OUT.mp4 SIDECARDIR [START]
#
# For whoever has recordings to count after the fact. START is the UTC time of the first picture
# (2026-04-26T08:40:00Z): it decides into which window a passage falls; without it, windows count from now.
# To change: `window` (s) and `min-persons` of maskcount, and the encoder. WINDOW and MIN_PERSONS are taken from the
# environment too. Sound is left out. Ctrl-C ends it in order; what was seen until then is counted and kept.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lib.sh"

usage "$@"
[ $# -eq 3 ] || [ $# -eq 4 ] || die "usage: file.sh IN OUT.mp4 SIDECARDIR [START]"
[ -f "$1" ] || die "there is no file $1"
[ ! "$1" -ef "$2" ] || die "IN and OUT are the same file"
need_plugin
source_of "$1"
mkdir -p "$3"
start=()
[ $# -eq 3 ] || start=("start-time=$4")
name=$(basename -- "$1") camera=$(basename -- "${1%.*}")
[[ $name == ?*.* ]] || camera=$name
# What fails leaves an OUT of before as it was.
part=$2.part began=$(mktemp)
trap 'rm -f "$part" "$began"' EXIT
mp4_into "$part"

play "$3/messages.log" \
    "${source[@]}" \
    ! maskcount "camera=$camera" "window=${WINDOW:-1200}" "min-persons=${MIN_PERSONS:-10}" "${start[@]}" \
    "location=$3/%Y%m%dT%H%M%SZ.json" \
    ! facepixelate ! progressreport name=progress update-freq=5 ! queue ! "${sink[@]}" ||
    die "the pipeline failed (its error stands above; messages: $3/messages.log)"
mv "$part" "$2"

mapfile -d '' sidecars < <(find "$3" -maxdepth 1 -name '*.json' -newer "$began" -print0)
python3 "$here/totals.py" "${sidecars[@]}"
say "covered video: $2"
