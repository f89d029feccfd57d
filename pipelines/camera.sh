#!/usr/bin/env bash
# A camera at this machine is counted; what it sees is shown covered in a window, or, on a machine without a screen, as
# an HLS stream in out/CAMERA.
#
#     pipelines/camera.sh [/dev/videoN] [SITE] [CAMERA]        CAMERA: if not given, what the device is called
#
# For one camera at a door or a stall. To change: the picture's size and rate after v4l2src (video/x-raw,… or
# image/jpeg,…), `zone` and `line` of maskcount. Records go to stats/ and onto the terminal, one each 20 minutes once ten
# people have passed; for a trial set WINDOW=10 MIN_PERSONS=1 in the environment. Ctrl-C gives out the open window and ends.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lib.sh"

usage "$@"
[ $# -le 3 ] || die "usage: camera.sh [/dev/videoN] [SITE] [CAMERA]"
device=${1:-/dev/video0} site=${2:-home} camera=${3:-$(basename "${1:-/dev/video0}")}
need_plugin
source_of "$device"
[[ $device == /dev/* ]] || die "$device is no camera of this machine; file.sh is for files, rtsp.sh for network cameras"
mkdir -p stats
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    sink=(videoconvert ! autovideosink sync=false)
else
    hls_into "out/$camera"
    say "camera: no screen here; the covered stream is out/$camera/live.m3u8"
fi

play "stats/$camera.log" \
    "${source[@]}" \
    ! maskcount "camera=$camera" "site=$site" "window=${WINDOW:-1200}" "min-persons=${MIN_PERSONS:-10}" \
    "location=stats/$camera-%Y%m%dT%H%M%SZ.json" \
    ! facepixelate ! queue leaky=downstream max-size-buffers=4 ! "${sink[@]}" ||
    die "the pipeline failed (its error stands above; messages: stats/$camera.log)"
