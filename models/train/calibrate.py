#!/usr/bin/env python3
"""Fit the manifest's calibration on labelled photos, so that a score is a probability and 0.5 is the best threshold.

    calibrate.py MANIFEST DATA [--split dev]

Face score: Platt scaling, sigmoid(a * logit + b), fitted to hit or miss of every detection (matched at IoU 0.5, ignore
regions left out), balanced so that 0.5 falls where missed and invented faces are worth the same. Label: one temperature
on the softmax. Also measures, for `quality`, how often a masked face is called mask (sensitivity) and a bare one is not.
"""
import argparse
import json
from pathlib import Path

import numpy as np

from data import rows
from detect import Detector, judged, read_photo
from export import write_manifest

LEAST_HEIGHT, QUALITY_HEIGHT = 16, 24  # pixels once the long side is 640


def matched(detector, folder, split):
    """Per detection: logits, hit (1, 0), true label (-1 if none), height at 640. Ignored detections are left out."""
    out = []
    for row in rows(folder, split):
        faces = detector(read_photo(Path(folder) / row["image"]), least=0.004)
        scale = 640 / max(row["width"], row["height"])
        for logits, box, best in zip(faces["logits"], faces["box"], judged(row, faces["box"], LEAST_HEIGHT)):
            if best is None:
                continue
            face = row["boxes"][best] if best >= 0 else None
            label = detector.manifest["labels"].index(face["label"]) if face else -1
            out.append((*logits, int(face is not None), label, (face["h"] if face else box[3] - box[1]) * scale))
    return np.array(out)


def platt(logit, hit, steps=200):
    """Newton's method on the two parameters of a logistic regression."""
    x, w = np.stack([logit, np.ones_like(logit)], 1), np.array([1.0, 0.0])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-x @ w))
        curve = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2)
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
    content["decoder"].update(face_a=1.0, face_b=0.0, label_a=1.0)
    write_manifest(a.manifest, content)
    detector = Detector(a.manifest)
    found = matched(detector, a.data, a.split)
    logit, hit, label, height = found[:, 0], found[:, 4], found[:, 5].astype(int), found[:, 6]
    face_a, face_b = platt(logit, hit)
    probability = 1 / (1 + np.exp(-(face_a * logit + face_b)))
    known = label >= 0
    label_a = temperature(found[known, 1:4], label[known])

    sure = known & (probability >= content["threshold"]) & (height >= QUALITY_HEIGHT)
    guess = found[:, 1:4].argmax(1)
    masked, bare = (guess[sure & (label == i)] == 0 for i in (0, 1))
    quality = {"sensitivity": round(float(masked.mean()), 4), "specificity": round(float(1 - bare.mean()), 4)}
    print(f"quality at {QUALITY_HEIGHT} px and more: {quality}")
    content["decoder"].update(face_a=round(float(face_a), 5), face_b=round(float(face_b), 5), label_a=round(label_a, 5))
    content["quality"] = quality
    write_manifest(a.manifest, content)
    print(content["decoder"])


if __name__ == "__main__":
    main()
