#!/usr/bin/env bash
# Shows the plugin at work: installs what is missing, builds, and sends a video through `maskcount ! facepixelate`.
#
#     pipelines/demo.sh [--dashboard] [FILE | /dev/videoN | rtsp://…]        (default: tests/media/demo.mp4)
#
# With --dashboard the operator's page shows the records as they come, on port 8008 or PORT (environment); it stays until Ctrl-C.
#
# The records appear on the terminal as windows close. In out/demo-… there are afterwards: the covered video, a picture
# of it, the sidecar files and all bus messages. A camera runs until Ctrl-C. Sound is left out.
# For a trial the windows are short (10 s) and said from one passage on; a real camera keeps the defaults (20 min, 10).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lib.sh"

dashboard=no
if [ "${1:-}" = --dashboard ]; then
    dashboard=yes
    shift
fi
usage "$@"
[ $# -le 1 ] || die "one source only, and --dashboard before it; --help says more"
input=${1:-$maskcount_root/tests/media/demo.mp4}
source_of "$input"

"$here/setup.sh"
say "demo: building the plugin (a few minutes the first time)"
cargo build --release --lib --manifest-path "$maskcount_root/Cargo.toml" </dev/null
need_plugin

if [ "$dashboard" = yes ]; then
    "$here/setup.sh" --dashboard
    say "demo: building the dashboard (a few minutes the first time)"
    cargo build -p maskcount-dashboard --manifest-path "$maskcount_root/Cargo.toml" </dev/null
fi

out=$maskcount_root/out/demo-$(date -u +%Y%m%d-%H%M%S)
mkdir -p "$out/stats"
say "demo: $input goes through maskcount ! facepixelate into $out"
[ "$live" = no ] || say "demo: Ctrl-C ends it"

# serve_page: starts the dashboard on the sidecar files and puts its address into `page`; it ends with this script.
serve_page() {
    local line
    exec 3< <(exec "$maskcount_target/debug/maskcount-dashboard" serve --port "${PORT:-8008}" "$out/stats" </dev/null)
    page_process=$!
    trap 'kill "$page_process" 2>/dev/null || true' EXIT
    IFS= read -r line <&3 || die "the dashboard did not start (its error stands above); another port: PORT=8009 $0 --dashboard"
    page=${line#the page is at }
    say "demo: the page is at $page"
    if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && command -v xdg-open >/dev/null; then
        xdg-open "$page" >/dev/null 2>&1 || say "demo: no browser opened; open it by hand"
    fi
}

# Hands how many faces are in view to the page, if there is one.
to_page() { if [ "$dashboard" = yes ]; then "$here/live.py" "${page}api/live" demo demo; else cat; fi; }

[ "$dashboard" = no ] || serve_page

mp4_into "$out/covered.mp4"
tap=to_page
play "$out/messages.log" \
    "${source[@]}" \
    ! maskcount site=demo camera=demo post-live=true window=10 min-persons=1 "location=$out/stats/demo-%Y%m%dT%H%M%SZ.json" \
    ! facepixelate ! progressreport name=progress update-freq=5 \
    ! queue ! "${sink[@]}" || die "the pipeline failed (its error stands above; messages: $out/messages.log)"
[ -s "$out/covered.mp4" ] || die "no covered video came out: did any frame arrive? Messages: $out/messages.log"

"$here/picture.py" "$out/covered.mp4" "$out/covered.png"
say ""
python3 "$here/totals.py" "$out/stats"
say "covered video:  $out/covered.mp4"
say "picture of it:  $out/covered.png"
say "sidecar files:  $out/stats"
if [ "$dashboard" = yes ]; then
    say "the page:       $page (Ctrl-C ends it)"
    wait "$page_process" || true
fi
