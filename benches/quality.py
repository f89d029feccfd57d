#!/usr/bin/env python3
"""What sparse sampling costs the detector: mAP of labelled photos in 1080p NV12 frames, as the plugin samples them, and of
the same frames reduced by the mean over areas (antialiased) to 640x360 RGB, which the plugin takes as they are.

    target/compare/venv/bin/python benches/quality.py FACES [evaluate.py's other arguments]

FACES holds `labels.jsonl` and its photos, of which those of the split `dev` are taken; each is enlarged to fill a black
1920x1080 frame as far as it goes. The environment is the one that compare.sh makes. Takes some minutes.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import cv2
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
WIDTH, HEIGHT, FACTOR = 1920, 1080, 3


def scaled(row, name, factor):
    boxes = [{**box, **{k: box[k] * factor for k in "xywh"}, "landmarks": None} for box in row["boxes"]]
    size = {k: row[k] * factor for k in ("width", "height")}
    return json.dumps({**row, **size, "image": name, "boxes": boxes}) + "\n"


def main(faces, *more):
    faces = pathlib.Path(faces)
    rows = [json.loads(line) for line in (faces / "labels.jsonl").read_text().splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        frame, reduced = (pathlib.Path(folder) / name for name in ("frame", "reduced"))
        frame.mkdir(), reduced.mkdir()
        with open(frame / "labels.jsonl", "w") as of_frame, open(reduced / "labels.jsonl", "w") as of_reduced:
            for number, row in enumerate(row for row in rows if row.get("split") == "dev"):
                photo = cv2.imread(str(faces / row["image"]))
                factor = min(WIDTH / photo.shape[1], HEIGHT / photo.shape[0])
                photo = cv2.resize(photo, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)[:HEIGHT, :WIDTH]
                whole = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
                whole[:photo.shape[0], :photo.shape[1]] = photo
                small = cv2.resize(whole, (WIDTH // FACTOR, HEIGHT // FACTOR), interpolation=cv2.INTER_AREA)
                for to, image, labels, scale in ((frame, whole, of_frame, factor), (reduced, small, of_reduced, factor / FACTOR)):
                    name = f"{number}.png"
                    cv2.imwrite(str(to / name), image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
                    labels.write(scaled(row, name, scale))
        for title, data, pixels in (("1080p NV12, sampled", frame, "NV12"), ("reduced by area, RGB", reduced, "RGB")):
            print(f"== {title}", flush=True)
            subprocess.run([sys.executable, ROOT / "models/train/evaluate.py", data, "--format", pixels, *more], check=True)


if len(sys.argv) < 2:
    sys.exit(__doc__)
main(*sys.argv[1:])
