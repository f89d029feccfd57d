#!/usr/bin/env python3
"""What a model gets wrong on the training photos: food for the next run.

    mine.py MANIFEST DATA MISTAKES [--least 0.2]

Writes a JSON object: photo to a list of [x, y, w, h, weight], of two kinds: what it takes for a face where nobody and no
teacher saw one (no labelled box and no ignore region is touched; the weight is the score), and labelled faces that it
misses (weight 0.5). `train.py --mistakes MISTAKES` draws these photos more often, and lays some of the crops there.
"""
import argparse
import json
from pathlib import Path

import numpy as np

from data import rows
from detect import Detector, corners, overlap, read_photo

FOUND = 0.4  # overlap from which a face is found
LEAST_HEIGHT = 16  # pixels once the long side is 640; smaller ones it may miss
APART = 0.05  # more overlap with any box than this, and it may be a face in another box


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("manifest", type=Path)
    ap.add_argument("data", type=Path)
    ap.add_argument("mistakes", type=Path)
    ap.add_argument("--least", type=float, default=0.2, help="least score of a mistake")
    a = ap.parse_args()
    detector, mistakes, photos = Detector(a.manifest), {}, 0
    for row in rows(a.data, "train"):
        faces = detector(read_photo(a.data / row["image"]), least=a.least)
        photos += 1
        # where people wear masks, a thing called mask may well be a masked face that nobody labelled
        masked = any(b["label"] == "mask" for b in row["boxes"])
        apart = np.array([not (masked and detector.manifest["labels"][i] == "mask") for i in faces["label"]], bool)
        if row["boxes"] and len(apart):
            apart &= overlap(faces["box"], corners(row["boxes"])).max(1) < APART
        wrong = [[round(float(v), 1) for v in (x0, y0, x1 - x0, y1 - y0)] + [round(float(score), 3)]
                 for (x0, y0, x1, y1), score in zip(faces["box"][apart], faces["score"][apart])]
        scale = 640 / max(row["width"], row["height"])
        known = [b for b in row["boxes"] if b["label"] in detector.manifest["labels"] and b["h"] * scale >= LEAST_HEIGHT]
        sure = faces["box"][faces["score"] >= detector.manifest["threshold"]]
        wrong += [[b["x"], b["y"], b["w"], b["h"], 0.5] for b, over in zip(known, overlap(corners(known), sure))
                  if not (over >= FOUND).any()]
        if wrong:
            mistakes[row["image"]] = wrong
    a.mistakes.write_text(json.dumps(mistakes))
    print(f"{sum(map(len, mistakes.values()))} mistakes on {len(mistakes)} of {photos} photos")


if __name__ == "__main__":
    main()
