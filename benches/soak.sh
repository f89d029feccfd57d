#!/usr/bin/env bash
# Plays 100,000 small frames through both elements and says by how much the memory of the process grew after the first
# 5,000 (bar: 1 MiB). Takes some minutes.
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. benches/lib.sh
prepare contender
small=$work/small.raw
gst-launch-1.0 -q filesrc location=tests/media/demo.mp4 ! decodebin ! videoconvert ! videoscale \
    ! video/x-raw,format=I420,width=320,height=180 ! filesink "location=$small"
"$maskcount_target/release/examples/contender" pipeline "$small" I420 320 180 100000 \
    "maskcount input-size=320x192 interval=2 window=60 min-persons=1 ! facepixelate"
