#!/usr/bin/env python3
"""Fit the manifest's calibration on labelled photos, so that a score is a probability and 0.5 is the best threshold.

    calibrate.py MANIFEST DATA [--split dev]

Face score, fitted to hit or miss of every detection (matched at IoU 0.5, ignore regions left out): Platt scaling of each
cell's score, sigmoid(a * logit + b); then a logistic regression on the surest cell's score, the support of all cells and
the surest's label (`votes`, see src/detect/nms.rs). So 0.5 falls where missed and invented faces are worth the same.
Label: one temperature on the softmax. Also measures, for `quality`, how often a masked face is called mask (sensitivity)
and a bare one is not.
"""
import argparse
import json
from pathlib import Path

import numpy as np

from data import rows
from detect import LEAST_VOTER, Detector, judged, read_photo
from export import write_manifest

LEAST_HEIGHT, QUALITY_HEIGHT = 16, 24  # pixels once the long side is 640


def matched(detector, photos, voters=LEAST_VOTER):
    """Of every detection that is not to be ignored: what its score is made of [n, 3], its logits [n, 4], whether it hit, its
    true label (-1 if none), its height at 640, its score. `photos`: pairs of a row of labels and what `Detector.run` gave."""
    out = []
    for row, ran in photos:
        faces = detector.faces(*ran, voters)
        scale = 640 / max(row["width"], row["height"])
        for i, best in enumerate(judged(row, faces["box"], LEAST_HEIGHT)):
            if best is None:
                continue
            face = row["boxes"][best] if best >= 0 else None
            label = detector.manifest["labels"].index(face["label"]) if face else -1
            height = face["h"] if face else faces["box"][i, 3] - faces["box"][i, 1]
            out.append((faces["evidence"][i], faces["logits"][i], face is not None, label, height * scale, faces["score"][i]))
    return [np.array(column) for column in zip(*out)]


def logistic(x, hit, steps=200):
    """Newton's method on the parameters of a logistic regression; the last one is the bias."""
    x = np.column_stack([x, np.ones(len(x))])
    w = np.eye(x.shape[1])[0]
    for _ in range(steps):
        p = 1 / (1 + np.exp(-x @ w))
        curve = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(len(w))
        step = np.linalg.solve(curve, x.T @ (hit - p))
        w += np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-8:
            break
    return w


def temperature(logits, label):
    def cost(a):
        e = logits * a
        return np.mean(np.log(np.exp(e - e.max(1, keepdims=True)).sum(1)) + e.max(1) - e[np.arange(len(e)), label])
    grid = np.exp(np.linspace(np.log(0.2), np.log(5), 400))
    return float(grid[np.argmin([cost(a) for a in grid])])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("manifest", type=Path)
    ap.add_argument("data", type=Path)
    ap.add_argument("--split", default="dev")
    a = ap.parse_args()
    content = json.loads(a.manifest.read_text())
    detector = Detector(a.manifest)
    photos = [(row, detector.run(read_photo(a.data / row["image"]))) for row in rows(a.data, a.split)]

    detector.manifest["decoder"].update(face_a=1.0, face_b=0.0, label_a=1.0)
    detector.manifest["votes"] = None
    _, logits, hit, label, _, _ = matched(detector, photos, 0.004)
    known = label >= 0
    fitted = (*logistic(logits[:, :1], hit), temperature(logits[known, 1:], label[known]))
    content["decoder"].update({k: round(float(v), 5) for k, v in zip(("face_a", "face_b", "label_a"), fitted)})

    detector.manifest["decoder"] = content["decoder"]
    evidence, _, hit, _, _, _ = matched(detector, photos)
    names = ("best", "support", "label", "bias")
    content["votes"] = {k: round(float(v), 5) for k, v in zip(names, logistic(evidence, hit))}

    detector.manifest["votes"] = content["votes"]
    _, logits, _, label, height, score = matched(detector, photos)
    sure = (label >= 0) & (score >= content["threshold"]) & (height >= QUALITY_HEIGHT)
    guess = logits[:, 1:].argmax(1)
    masked, bare = (guess[sure & (label == i)] == 0 for i in (0, 1))
    quality = {"sensitivity": round(float(masked.mean()), 4), "specificity": round(float(1 - bare.mean()), 4)}
    print(f"quality at {QUALITY_HEIGHT} px and more: {quality}")
    content["quality"] = quality
    write_manifest(a.manifest, content)
    print(content["decoder"], content["votes"])


if __name__ == "__main__":
    main()
