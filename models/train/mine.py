#!/usr/bin/env python3
"""What a model takes for faces on training photos where nobody and no teacher saw one: food for the next run.

    mine.py MANIFEST DATA MISTAKES [--least 0.2]

Writes a JSON object: photo to a list of [x, y, w, h, score] that touch no labelled box and no ignore region.
`train.py --mistakes MISTAKES` then draws these photos more often, and lays some of the crops on the mistakes.
"""
import argparse
import json
from pathlib import Path

import numpy as np

from card import corners
from data import rows
from detect import Detector, overlap, read_photo

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
        if apart.any():
            mistakes[row["image"]] = [[round(float(v), 1) for v in (x0, y0, x1 - x0, y1 - y0)] + [round(float(score), 3)]
                                      for (x0, y0, x1, y1), score in zip(faces["box"][apart], faces["score"][apart])]
    a.mistakes.write_text(json.dumps(mistakes))
    print(f"{sum(map(len, mistakes.values()))} mistakes on {len(mistakes)} of {photos} photos")


if __name__ == "__main__":
    main()
