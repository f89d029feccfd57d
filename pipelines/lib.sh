# shellcheck shell=bash
# Sourced by the pipeline scripts: what they share.

. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

say() { printf '%s\n' "$*"; }

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Stops unless GStreamer finds the plugin.
need_plugin() {
    command -v gst-launch-1.0 >/dev/null || die "gst-launch-1.0 is not installed: run pipelines/setup.sh first"
    gst-inspect-1.0 --exists maskcount || die "GStreamer does not find the element maskcount in $maskcount_target/release:" \
        "run pipelines/setup.sh and cargo build --release first (gst-inspect-1.0 maskcount tells more)"
}

# source_of FILE|DEVICE|URI: puts the elements that give its decoded video into the array `source`, and "yes" or "no"
# into `live`. Audio is not decoded. A live source leaks before the analysis: when the machine is too slow, the oldest
# frames go and the delay does not grow.
source_of() {
    local video=(decodebin caps=video/x-raw expose-all-streams=false)
    local leak=(queue leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0)
    case $1 in
        /dev/video*)
            [ -c "$1" ] || die "$1 is no camera: ls /dev/video* shows those that are there"
            live=yes
            source=(v4l2src "device=$1" ! "${video[@]}" ! "${leak[@]}")
            ;;
        rtsp://* | rtspt://* | rtsps://*)
            live=yes
            source=(rtspsrc "location=$1" protocols=tcp latency=200 ! application/x-rtp,media=video ! "${video[@]}" ! "${leak[@]}")
            ;;
        *://*) die "$1: only files, /dev/videoN and rtsp:// are known here" ;;
        *)
            [ -f "$1" ] || die "there is no file $1"
            live=no
            source=(filesrc "location=$1" ! "${video[@]}" ! queue)
            ;;
    esac
}
