#!/usr/bin/env python3
"""Figures of a model on labelled photos: what the plugin's own path finds (examples/detect), held against the labels.

    evaluate.py DATA [--split dev] [--model MANIFEST] [--variant int8] [--input-size 640x640]
                     [--format NV12] [--iou 0.5 0.4] [--out PREDICTIONS]

Without --model it is the one built into the plugin, without --variant the one that the plugin takes on this CPU.
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path

from figures import figures

ROOT = Path(__file__).resolve().parents[2]
PASSED_ON = ("split", "model", "variant", "input_size", "format")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("data", type=Path)
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
    found = {photo["image"]: photo["boxes"] for photo in map(json.loads, out.read_text().splitlines())}
    asked = [row for row in map(json.loads, labels.read_text().splitlines()) if row["split"] == a.split]
    for iou in a.iou:
        print(f"IoU {iou}")
        for name, value in figures(asked, found, match=iou).items():
            print(f"{name:24s} {value:.4f}" if isinstance(value, float) else f"{name:24s} {value}")


if __name__ == "__main__":
    main()
