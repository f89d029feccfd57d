#!/usr/bin/env bash
# A network camera is counted; what it sees goes on as a covered HLS stream in out/CAMERA/live.m3u8.
#
#     pipelines/rtsp.sh rtsp://[user:password@]host/path [SITE] [CAMERA]
#
# For a camera on a wall and a small computer that runs for months. RTSP over TCP; a queue of two frames that leaks before
# the analysis, so that a slow machine skips frames instead of falling behind; when the camera goes away, or sends nothing
# for ten seconds, the pipeline is started again after 1, 2, 4 … 60 s. The open window is journalled beside the sidecar
# files, so a restart goes on counting where the last run stopped. To change: `latency`, the watchdog's ms, the HLS sink.
# Ctrl-C gives out the open window and ends. RETRIES=n (environment) gives up after n failures in a row.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lib.sh"

[ $# -ge 1 ] || die "usage: rtsp.sh rtsp://host/path [SITE] [CAMERA]"
site=${2:-market} camera=${3:-camera-1} stats=${STATS:-stats}
need_plugin
source_of "$1"
[[ $1 == rtsp* ]] || die "$1 is no rtsp:// address; camera.sh and file.sh are for the others"
mkdir -p "$stats"

stop=no wait=1 failures=0
trap 'stop=yes' INT TERM
while [ "$stop" = no ]; do
    began=$SECONDS
    hls_into "${OUT:-out/$camera}"
    gst-launch-1.0 -m -e \
        "${source[@]}" ! watchdog timeout=10000 \
        ! maskcount "camera=$camera" "site=$site" "location=$stats/$camera-%Y%m%dT%H%M%SZ.json" \
        ! facepixelate ! "${sink[@]}" \
        </dev/null 2>&1 | { trap '' INT; show_messages "$stats/$camera.log"; } || true
    [ "$stop" = no ] || break
    if [ $((SECONDS - began)) -ge 60 ]; then
        wait=1 failures=0
    fi
    failures=$((failures + 1))
    [ "$failures" -le "${RETRIES:-$failures}" ] || die "gave up after $RETRIES failures in a row; the messages of the last one: $stats/$camera.log"
    say "rtsp: the stream ended; next try in $wait s"
    sleep "$wait" || true
    wait=$((wait * 2 < 60 ? wait * 2 : 60))
done
