# shellcheck shell=bash
# Sourced by the pipeline scripts: what they share.

. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

say() { printf '%s\n' "$*"; }

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# usage "$@": says what a script is for and ends, if that is asked; the comment at its head says it.
usage() {
    case ${1:-} in
        -h | --help)
            sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[1]}"
            exit 0
            ;;
        -*) die "there is no option $1; --help says what there is" ;;
    esac
}

# Stops unless GStreamer finds the plugin.
need_plugin() {
    command -v gst-launch-1.0 >/dev/null || die "gst-launch-1.0 is not installed: run pipelines/setup.sh first"
    gst-inspect-1.0 maskcount >/dev/null 2>&1 || die "GStreamer does not find the element maskcount in $maskcount_target/plugin:" \
        "run pipelines/setup.sh and cargo build --release first (gst-inspect-1.0 maskcount tells more)"
}

# source_of FILE|DEVICE|URI: puts the elements that give its decoded video into the array `source`, and "yes" or "no"
# into `live`. Sound is left unlinked. A live source leaks before the analysis: when the machine is too slow, the oldest
# frames go and the delay does not grow. `videoconvert` does nothing for the formats that maskcount takes itself; it lets
# 10-bit or 4:4:4 video in.
source_of() {
    local video=(decodebin ! video/x-raw)
    local leak=(queue leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0)
    case $1 in
        /dev/*)
            [ -c "$1" ] || die "$1 is no camera: ls /dev/video* shows those that are there"
            live=yes
            source=(v4l2src "device=$1" ! "${video[@]}" ! "${leak[@]}" ! videoconvert)
            ;;
        rtsp://* | rtspt://* | rtsps://*)
            live=yes
            source=(rtspsrc "location=$1" protocols=tcp latency=200 ! "application/x-rtp,media=video" ! "${video[@]}" ! "${leak[@]}"
                ! videoconvert)
            ;;
        *://*) die "$1: only files, devices (/dev/videoN) and rtsp:// are known here" ;;
        *)
            [ -f "$1" ] || die "there is no file $1"
            live=no
            source=(filesrc "location=$1" ! "${video[@]}" ! queue ! videoconvert)
            ;;
    esac
}

# Keeps gst-launch's messages in a file, but for those that come with every frame, state or piece of video, and shows records, warnings,
# errors and how far it is (from an element `progressreport name=progress`). Who may look into a camera is kept out of it.
show_messages() {
    local line next=no
    local -r address='^(.*://)[^@/[:space:]]+@(.*)$'
    : >"$1"
    while IFS= read -r line; do
        case $line in
            *'(qos):'* | *'(tag):'* | *'(state-changed):'* | *'(stream-status):'* | *'splitmuxsink-fragment-'*) continue ;;
        esac
        if [[ $line =~ $address ]]; then
            line="${BASH_REMATCH[1]}…@${BASH_REMATCH[2]}"
        fi
        printf '%s\n' "$line" >>"$1"
        if [ "$next" = yes ]; then
            next=no
            say "    $line"
            continue
        fi
        case $line in
            'progress ('*) say "$line" ;;
            *'(element): maskcount,'*) say "record: ${line#*: maskcount, }" ;;
            'Additional debug info'* | 'INFO:'*) next=yes ;;
            'WARNING'* | 'ERROR'* | 'Setting pipeline to PLAYING'* | 'Got EOS'*) say "$line" ;;
        esac
    done
}

# play LOG ELEMENTS…: runs the pipeline, its messages through `tap` (a command, if it is set) to the terminal and into the
# file; gives back how it ended. Ctrl-C and `kill` end it in order, once: open windows are given out, files become whole,
# and `stopped` is yes. A second time ends it at once.
play() {
    local log=$1 code=0 job last
    shift
    stopped=no
    # A group of its own: Ctrl-C reaches it through us only, and so does `kill`.
    set -m
    gst-launch-1.0 -m -e "$@" </dev/null 2>&1 | { trap '' INT; ${tap:-cat}; } | { trap '' INT; show_messages "$log"; } &
    last=$! job=$(jobs -p %+)
    set +m
    trap 'stopped=yes; kill -INT -- "-$job" 2>/dev/null || true' INT TERM
    while :; do
        code=0
        wait %+ || code=$?
        kill -0 "$last" 2>/dev/null || break # else it was our signal that ended the wait
    done
    trap - INT TERM
    return "$code"
}

# mp4_into FILE: puts the elements that write a video file into the array `sink`.
mp4_into() {
    sink=(videoconvert ! x264enc speed-preset=veryfast tune=zerolatency pass=quant quantizer=24
        ! "video/x-h264,profile=main" ! h264parse ! mp4mux faststart=true ! filesink "location=$1")
}

# hls_into FOLDER: puts the elements that write an HLS stream into the array `sink`; the playlist is FOLDER/live.m3u8.
# Each run names its own segments, so that a player never mixes an old one with a new one; those of earlier runs go.
hls_into() {
    mkdir -p "$1"
    rm -f "$1"/[0-9][0-9][0-9][0-9][0-9][0-9]-[0-9][0-9][0-9][0-9][0-9].ts
    sink=(videoconvert ! x264enc speed-preset=veryfast tune=zerolatency bitrate=1500 key-int-max=50
        ! "video/x-h264,profile=main" ! h264parse
        ! hlssink2 "location=$1/$(date -u +%H%M%S)-%05d.ts" "playlist-location=$1/live.m3u8" target-duration=4 max-files=8)
}
