#!/usr/bin/env python3
"""Figures of a model on labelled photos: what the plugin's own path finds (examples/detect), and what the scorer says.

    evaluate.py DATA --score SCORE_PY [--split dev] [--model MANIFEST] [--variant int8] [--input-size 640x640]
                     [--format NV12] [--iou 0.5 0.4] [--out PREDICTIONS]

Without --model it is the one built into the plugin, without --variant the one that the plugin takes on this CPU.
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PASSED_ON = ("split", "model", "variant", "input_size", "format")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("data", type=Path)
    ap.add_argument("--score", type=Path, required=True)
    ap.add_argument("--split", default="dev")
    ap.add_argument("--model", type=lambda path: Path(path).resolve())
    ap.add_argument("--variant")
    ap.add_argument("--input-size")
    ap.add_argument("--format")
    ap.add_argument("--iou", type=float, nargs="+", default=[0.5, 0.4])
    ap.add_argument("--out", type=Path, help="keep the predictions here")
    a = ap.parse_args()
    labels = (a.data / "labels.jsonl").resolve()
    out = a.out or Path(tempfile.mkdtemp()) / "predictions.jsonl"
    chosen = [word for name in PASSED_ON if getattr(a, name) for word in ("--" + name.replace("_", "-"), getattr(a, name))]
    with open(out, "wb") as predictions:
        subprocess.run(["cargo", "run", "--release", "--quiet", "--example", "detect", "--", labels, *chosen],
                       cwd=ROOT, stdout=predictions, check=True)
    for iou in a.iou:
        print(f"IoU {iou}")
        subprocess.run([sys.executable, a.score, labels, out, "--split", a.split, "--iou", str(iou)], check=True)


if __name__ == "__main__":
    main()
