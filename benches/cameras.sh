#!/usr/bin/env bash
# How many cameras one core carries: the sizing table of the README, as Markdown. Takes some minutes; nothing else should
# run meanwhile. Decoders are not in it.
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. benches/lib.sh
prepare cameras
field() { printf '%s' "$1" | python3 -c "import json, sys; print(round(json.load(sys.stdin)['$2']))"; }

printf '| frames | 5 looks a second | 10 | 15 | memory of the first camera | of each further one |\n|---|---|---|---|---|---|\n'
for frames in "720p I420 1280 720" "1080p NV12 1920 1080"; do
    read -r name format width height <<<"$frames"
    row="| $name $format |"
    for looks in 5 10 15; do
        said=$(taskset -c "$(($(nproc) - 1))" "$maskcount_target/release/examples/cameras" "$work/clip-$name.raw" "$format" "$width" "$height" "$looks")
        say "$name, $looks looks: $said"
        row="$row $(field "$said" cameras) |"
        # The most cameras give the best mean.
        [ "$looks" != 5 ] || memory="$(field "$said" mib_of_one) MiB | $(field "$said" mib_per_camera) MiB |"
    done
    printf '%s %s\n' "$row" "$memory"
done
