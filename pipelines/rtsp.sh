#!/usr/bin/env bash
# A network camera is counted; what it sees goes on as a covered HLS stream in out/CAMERA/live.m3u8.
#
#     pipelines/rtsp.sh rtsp://[user:password@]host/path [SITE] [CAMERA]
#
# For a camera on a wall and a small computer that runs for months. RTSP over TCP; a queue of two frames that leaks before
# the analysis, so that a slow machine skips frames instead of falling behind; when the camera goes away, or sends nothing
# for ten seconds, the pipeline is started again after 1, 2, 4 … 60 s. What was counted until then is given out as a record
# of its own if enough have passed, else it is kept beside the sidecar files and the restart goes on with it, as it does
# after a power cut. The hours of the records are those of this computer: one without a clock of its own should wait for the
# network's time before this starts (systemd: After=time-sync.target).
# To change: `latency`, the watchdog's ms, the HLS sink; add-reference-timestamp-meta=true on rtspsrc (lib.sh) takes the
# hours of the camera (RTCP), if its clock is right.
# WINDOW (s), MIN_PERSONS, STATS (folder of the records) and OUT (of the stream) are taken from the environment: WINDOW=10
# MIN_PERSONS=1 for a trial.
# Ctrl-C or kill gives out the open window and ends. RETRIES=n (environment) gives up when n retries in a row have failed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lib.sh"

usage "$@"
[ $# -ge 1 ] && [ $# -le 3 ] || die "usage: rtsp.sh rtsp://host/path [SITE] [CAMERA]"
site=${2:-market} camera=${3:-camera-1} stats=${STATS:-stats}
need_plugin
source_of "$1"
[[ $1 == rtsp*://* ]] || die "$1 is no rtsp:// address; camera.sh and file.sh are for the others"
mkdir -p "$stats"

wait=1 failures=0
while :; do
    began=$SECONDS
    hls_into "${OUT:-out/$camera}"
    play "$stats/$camera.log" \
        "${source[@]}" ! watchdog timeout=10000 \
        ! maskcount "camera=$camera" "site=$site" "window=${WINDOW:-1200}" "min-persons=${MIN_PERSONS:-10}" \
        "location=$stats/$camera-%Y%m%dT%H%M%SZ.json" \
        ! facepixelate ! "${sink[@]}" || true
    [ "$stopped" = no ] || break
    if [ $((SECONDS - began)) -ge 60 ]; then
        wait=1 failures=0
    fi
    failures=$((failures + 1))
    [ "$failures" -le "${RETRIES:-$failures}" ] || die "gave up after $RETRIES retries in a row; the messages of the last one: $stats/$camera.log"
    say "rtsp: the stream ended; next try in $wait s"
    sleep "$wait"
    wait=$((wait * 2 < 60 ? wait * 2 : 60))
done
