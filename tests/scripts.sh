#!/usr/bin/env bash
# The pipeline scripts, each run for real on the demo clip. Ends with a line like cargo's: `test result: …`.
# run.sh builds the plugin first.
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."
clip=tests/media/demo.mp4
runtime_version=$(sed -n 's/^runtime_version=//p' pipelines/setup.sh)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

try() {
    # In a condition the `set -e` of the test would have no effect: only its last command would count.
    set +e
    "$1" >"$scratch/output" 2>&1
    local code=$?
    set -e
    if [ "$code" -eq 0 ]; then
        printf 'test %s ... ok\n' "$1"
        passed=$((passed + 1))
    else
        printf 'test %s ... FAILED\n' "$1"
        sed 's/^/    /' "$scratch/output"
        failed=$((failed + 1))
    fi
}

expect() { # expect WHAT TEXT: the text must hold it
    case $2 in
        *"$1"*) ;;
        *)
            printf 'expected "%s" in:\n%s\n' "$1" "$2"
            return 1
            ;;
    esac
}

frames_of() { # the number of pictures that a video holds
    gst-launch-1.0 -v filesrc "location=$1" ! decodebin ! video/x-raw ! fakesink silent=false sync=false | grep -c 'chain .*fakesink'
}

setup_does_nothing_the_second_time() (
    set -e
    said=$(pipelines/setup.sh)
    expect "Debian packages: there" "$said"
    expect "ONNX Runtime $runtime_version: there" "$said"
    ! printf '%s' "$said" | grep -E 'installing|downloading'
)

a_runtime_with_a_wrong_hash_is_fetched_again() (
    set -e
    export CARGO_TARGET_DIR=$scratch/target
    mkdir -p "$CARGO_TARGET_DIR/runtime"
    echo tampered >"$CARGO_TARGET_DIR/runtime/libonnxruntime.so"
    expect "ONNX Runtime $runtime_version: now in" "$(pipelines/setup.sh)"
    expect "ONNX Runtime $runtime_version: there" "$(pipelines/setup.sh)"
)

the_runtime_of_another_machine_is_fetched_alone() (
    set -e
    expect "now in $scratch/arm/libonnxruntime.so" "$(pipelines/setup.sh --runtime aarch64 "$scratch/arm")"
    # What kind of machine an ELF file is for stands in its bytes 18 and 19.
    [ "$(od -An -tx1 -j18 -N2 "$scratch/arm/libonnxruntime.so" | tr -d ' ')" = b700 ]
)

a_file_becomes_a_covered_file_of_the_same_length_with_the_right_totals() (
    set -e
    said=$(WINDOW=60 MIN_PERSONS=1 pipelines/file.sh "$clip" "$scratch/covered clip.mp4" "$scratch/side cars" 2026-04-26T08:40:00Z)
    expect "12 persons passed: 8 with a mask, 4 without" "$said"
    [ -f "$scratch/side cars/20260426T084000Z.json" ]
    [ "$(frames_of "$scratch/covered clip.mp4")" -eq "$(frames_of "$clip")" ]
)

a_file_that_is_interrupted_is_whole_and_counted_so_far() (
    set -e
    MIN_PERSONS=0 pipelines/file.sh "$clip" "$scratch/part.mp4" "$scratch/part" 2026-04-26T08:40:00Z >"$scratch/interrupted" 2>&1 &
    script=$!
    until compgen -G "$scratch/part/.*.journal" >/dev/null; do
        kill -0 "$script" || { cat "$scratch/interrupted"; return 1; }
        sleep 0.1
    done
    kill -TERM "$script"
    wait "$script"
    expect "passed: " "$(cat "$scratch/interrupted")"
    frames=$(frames_of "$scratch/part.mp4")
    [ "$frames" -gt 0 ] && [ "$frames" -lt "$(frames_of "$clip")" ]
    [ "$(find "$scratch/part" -name '*.json' | wc -l)" -eq 1 ] && [ ! -e "$scratch/part.mp4.part" ]
)

the_demo_says_how_many_passed_and_leaves_a_picture() (
    set -e
    said=$(pipelines/demo.sh)
    expect "12 persons passed: 8 with a mask, 4 without" "$said"
    expect "record: " "$said"
    picture=$(printf '%s' "$said" | sed -n 's/^picture of it: *//p')
    cmp -n 8 "$picture" <(printf '\x89PNG\r\n\x1a\n')
    rm -rf "$(dirname "$picture")"
)

the_demo_s_dashboard_shows_the_records_of_the_clip() (
    set -e
    PORT=0 pipelines/demo.sh --dashboard >"$scratch/dashboard" 2>&1 &
    demo=$!
    trap 'kill -- "$demo" $(pgrep -P "$demo") 2>/dev/null || true' EXIT
    # As long as it takes: on a new machine the dashboard is built first.
    until grep -qs '^the page:' "$scratch/dashboard"; do
        kill -0 "$demo" || { cat "$scratch/dashboard"; return 1; }
        sleep 0.2
    done
    said=$(cat "$scratch/dashboard")
    page=$(printf '%s' "$said" | sed -n 's/^the page: *\(http[^ ]*\).*/\1/p')
    date=$(python3 -c "import json, sys, urllib.request as u
print(json.load(u.urlopen(sys.argv[1] + 'api/sites'))['sites'][0]['last'])" "$page")
    expect '"persons":12,"masked":8,"unmasked":4' "$(python3 -c "import sys, urllib.request as u
print(u.urlopen(sys.argv[1]).read().decode())" "${page}api/day?site=demo&date=$date")"
    if printf '%s' "$said" | grep 'live.py: '; then return 1; fi
    rm -rf "$(dirname "$(printf '%s' "$said" | sed -n 's/^picture of it: *//p')")"
)

three_cameras_in_one_process_each_have_their_own_totals() (
    set -e
    said=$(OUT=$scratch/market WINDOW=60 MIN_PERSONS=1 pipelines/market.sh)
    for i in 1 2 3; do
        expect "forville-$i: 12 persons passed" "$said"
        [ -s "$scratch/market/forville-$i/live.m3u8" ]
    done
)

a_camera_that_is_not_there_is_said_and_tried_again() (
    set -e
    if said=$(RETRIES=1 STATS=$scratch/stats OUT=$scratch/hls pipelines/rtsp.sh rtsp://who:secret@127.0.0.1:9/none 2>&1); then
        echo "rtsp.sh succeeded without a camera"
        return 1
    fi
    expect "next try in 1 s" "$said"
    expect "gave up after 1 retries" "$said"
    expect "127.0.0.1:9" "$(cat "$scratch/stats/camera-1.log")"
    if printf '%s' "$said" | cat - "$scratch/stats/camera-1.log" | grep secret; then return 1; fi
)

a_missing_file_is_an_error_that_names_it() (
    set -e
    if said=$(pipelines/file.sh /nowhere/clip.mp4 "$scratch/x.mp4" "$scratch/x" 2>&1); then
        return 1
    fi
    expect "there is no file /nowhere/clip.mp4" "$said"
)

inspect_shows_every_property_with_its_range_default_and_when_it_may_change() (
    set -e
    . pipelines/env.sh
    for each in maskcount=25 facepixelate=8; do
        element=${each%=*} least=${each#*=}
        gst-inspect-1.0 "$element" | awk -v element="$element" -v least="$least" '
            # A property is a line `  name   : blurb`, then its flags, then type, range and default.
            /^  [a-z-]+ +: / {name = $1; blurb = $0; next}
            /flags:/ {if (name !~ /^(name|parent|qos)$/) {seen++; if (/writable/) {names[name]; if (!/changeable/) bad = bad " " name "(when?)"}}}
            /Default: / {good[name] = 1}
            /^ +(Unsigned )?(Integer|Double|Float|Fraction)/ && !/Range: / {bad = bad " " name "(no range)"}
            END {
                for (name in names) if (!(name in good)) bad = bad " " name "(no default)"
                if (seen < least || bad != "") {print element ": " seen " properties, wrong:" bad; exit 1}
            }'
    done
)

no_object_is_left_when_a_pipeline_has_ended() (
    set -e
    . pipelines/env.sh
    GST_TRACERS=leaks GST_DEBUG=GST_TRACER:7 GST_DEBUG_NO_COLOR=1 GST_DEBUG_FILE=$scratch/leaks gst-launch-1.0 -q \
        filesrc "location=$clip" ! decodebin ! maskcount window=60 min-persons=1 start-time=2026-04-26T08:40:00Z \
        "location=$scratch/leaks-%H%M.json" ! facepixelate ! fakesink
    [ -s "$scratch/leaks-0840.json" ]
    grep -q 'object-alive.class' "$scratch/leaks" # the tracer was at work
    ! grep 'object-alive, type-name' "$scratch/leaks" | grep -v 'format string'
)

a_machine_without_onnx_runtime_is_told_what_to_do() (
    set -e
    . pipelines/env.sh
    if ldconfig -p | grep -q libonnxruntime; then
        echo "this system has one of its own"
        return 0
    fi
    if said=$(ORT_DYLIB_PATH=/nowhere/libonnxruntime.so gst-launch-1.0 videotestsrc num-buffers=1 ! maskcount ! fakesink 2>&1); then
        return 1
    fi
    expect "no ONNX Runtime found; tried /nowhere/libonnxruntime.so (not there)" "$said"
    expect "Run pipelines/setup.sh" "$said"
)

a_market_scene_with_drawn_faces_is_counted_about_right() (
    set -e
    said=$(tests/scenes/run.sh --scenes 1 --seed 3 --fps 10 --json)
    # One scene of fifty passages says little; that most of them are counted, and once, it does.
    python3 - "$said" <<'PYTHON'
import json, sys
score = json.loads(sys.argv[1])
assert score["passages"] >= 40 and score["footfall_error_percent"] <= 20 and score["double_counts_per_100"] <= 10, score
PYTHON
)

try setup_does_nothing_the_second_time
try a_runtime_with_a_wrong_hash_is_fetched_again
try the_runtime_of_another_machine_is_fetched_alone
try a_file_becomes_a_covered_file_of_the_same_length_with_the_right_totals
try a_file_that_is_interrupted_is_whole_and_counted_so_far
try the_demo_says_how_many_passed_and_leaves_a_picture
try the_demo_s_dashboard_shows_the_records_of_the_clip
try three_cameras_in_one_process_each_have_their_own_totals
try a_camera_that_is_not_there_is_said_and_tried_again
try inspect_shows_every_property_with_its_range_default_and_when_it_may_change
try no_object_is_left_when_a_pipeline_has_ended
try a_machine_without_onnx_runtime_is_told_what_to_do
try a_missing_file_is_an_error_that_names_it
try a_market_scene_with_drawn_faces_is_counted_about_right

printf 'test result: %s. %d passed; %d failed\n' "$([ "$failed" -eq 0 ] && echo ok || echo FAILED)" "$passed" "$failed"
[ "$failed" -eq 0 ]
