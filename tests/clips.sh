#!/usr/bin/env bash
# Plays the clips of `clips.json` through the plugin and compares what it counts with what can be seen in them.
#
#     tests/clips.sh FOLDER
#
# The clips are other people's and not in the repository (clips.md says which they are), so this is no part of run.sh; a
# clip that is not in FOLDER is left out. GIFs need ffmpeg, see clips.md. The last line is the verdict; the exit code is
# 0 unless a clip without a face gives a passage or a clip cannot be played. Options for maskcount: MASKCOUNT="…".
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../pipelines/lib.sh"

[ $# -eq 1 ] && [ -d "$1" ] || die "usage: clips.sh FOLDER"
need_plugin
command -v ffmpeg >/dev/null || die "ffmpeg is needed for the clips that are GIFs (apt-get install ffmpeg; clips.md says why)"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
read -ra options <<<"${MASKCOUNT:-}"

count() ( # count FILE SIDECARS: an hour is one window, and no clip is as long
    file=$1
    case $1 in
        *.gif)
            ffmpeg -v error -i "$1" -pix_fmt yuv420p "$2.mp4" </dev/null
            file=$2.mp4
            ;;
    esac
    source_of "$file"
    gst-launch-1.0 -q "${source[@]}" \
        ! maskcount window=3600 min-persons=1 start-time=2026-04-26T08:00:00Z "location=$2/%H%M%S.json" "${options[@]}" \
        ! facepixelate ! fakesink sync=false </dev/null
)

while read -r clip; do
    [ -f "$1/$clip" ] || continue
    mkdir "$scratch/$clip"
    count "$1/$clip" "$scratch/$clip" || touch "$scratch/$clip/failed"
done < <(python3 -c 'import json, sys; [print(row["clip"]) for row in json.load(open(sys.argv[1]))]' "$here/clips.json")

python3 - "$here/clips.json" "$scratch" <<'PYTHON'
import json, pathlib, sys
truth, scratch = json.load(open(sys.argv[1])), pathlib.Path(sys.argv[2])
played = right = false_alarms = failed = 0
span = lambda row, name: "–".join(map(str, sorted({row[f"{name}_min"], row[f"{name}_max"]})))
for row in truth:
    folder = scratch / row["clip"]
    if not folder.is_dir():
        continue
    if (folder / "failed").exists():
        failed += 1
        print(f"--- {row['clip']}: could not be played (its error stands above)")
        continue
    found = dict.fromkeys(("persons", "masked", "unmasked", "unknown", "withdrawn"), 0)
    for path in folder.glob("*.json"):
        record = json.loads(path.read_text())
        found = {name: found[name] + record[name] for name in found}
    agrees = all(row[f"{n}_min"] <= found[n] <= row[f"{n}_max"] for n in ("persons", "masked", "unmasked"))
    played, right = played + 1, right + agrees
    false_alarms += row["persons_max"] == 0 < found["persons"]
    rest = "".join(f", {found[n]} {n}" for n in ("unknown", "withdrawn") if found[n])
    print(f"{'ok ' if agrees else 'off'} {row['clip']}: found {found['persons']}, {found['masked']} masked, "
          f"{found['unmasked']} bare{rest}; truth {span(row, 'persons')}, {span(row, 'masked')} masked, {span(row, 'unmasked')} bare")
print(f"{right} of {played} clips agree with what can be seen; passages where nobody passes: {false_alarms or 'none'}")
sys.exit(false_alarms > 0 or failed > 0 or played == 0)
PYTHON
