#!/usr/bin/env python3
"""Predictions of an exported model on labelled photos, and their figures.

    evaluate.py MANIFEST DATA --score SCORE_PY [--split dev] [--size 640x384] [--variant int8] [--out PREDICTIONS]

Writes one JSON object a line, as the scorer reads it, and calls the scorer on it.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from data import rows
from detect import Detector, read_photo


def predictions(detector, folder, split):
    for row in rows(folder, split):
        faces = detector(read_photo(Path(folder) / row["image"]))
        boxes = [{"x": round(float(x0), 2), "y": round(float(y0), 2), "w": round(float(x1 - x0), 2),
                  "h": round(float(y1 - y0), 2), "score": round(float(score), 5),
                  "label": detector.manifest["labels"][label],
                  "landmarks": [[round(float(v), 2) for v in point] for point in points]}
                 for (x0, y0, x1, y1), score, label, points
                 in zip(faces["box"], faces["score"], faces["label"], faces["points"])]
        yield {"image": row["image"], "boxes": boxes}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("manifest", type=Path)
    ap.add_argument("data", type=Path)
    ap.add_argument("--score", type=Path)
    ap.add_argument("--split", default="dev")
    ap.add_argument("--size", help="WxH, multiples of 32; the manifest's unless given")
    ap.add_argument("--variant")
    ap.add_argument("--out", type=Path)
    ap.add_argument("--json", action="store_true")
    a, more = ap.parse_known_args()
    width, height = map(int, a.size.split("x")) if a.size else (None, None)
    detector = Detector(a.manifest, width, height, a.variant)
    out = a.out or Path(tempfile.mkdtemp()) / "predictions.jsonl"
    with open(out, "w") as lines:
        for row in predictions(detector, a.data, a.split):
            lines.write(json.dumps(row) + "\n")
    if a.score:
        command = [sys.executable, str(a.score), str(a.data / "labels.jsonl"), str(out), "--split", a.split, *more]
        return subprocess.run(command + (["--json"] if a.json else []), check=False).returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
