#!/usr/bin/env python3
"""The model card's tables and its plot from predictions (`evaluate.py --out`) and labels.

    card.py DATA PREDICTIONS [--split dev] [--at 0.5] [--plot ../calibration.svg]

Recall by size and label, confusion of labels, recall by source, calibration, and landmarks against the teacher's. Sizes
are heights once the photo's long side is 640. A face is found if a detection at --at or more has an IoU of 0.5 (0.4 in
brackets).
"""
import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from data import rows
from detect import corners, judged, overlap
from network import LABELS

SIZES = ((8, 16), (16, 24), (24, 48), (48, 96), (96, 10000))
LANDMARK_HEIGHT = 40
LEAST_HEIGHT = 16  # of a face that the calibration asks for
BINS = np.linspace(0, 1, 11)


def pairs(labels, found, at, least_iou):
    """Each known face with the detection that answers for it, or None; best overlaps first."""
    for row in labels:
        scale = 640 / max(row["width"], row["height"])
        faces = [b for b in row["boxes"] if b["label"] in LABELS]
        hits = [b for b in found.get(row["image"], []) if b["score"] >= at]
        value = overlap(corners(faces), corners(hits))
        answer = [None] * len(faces)
        while value.size and value.max() >= least_iou:
            i, j = np.unravel_index(value.argmax(), value.shape)
            answer[i] = hits[j]
            value[i], value[:, j] = 0, 0
        for face, hit in zip(faces, answer):
            yield row, face, hit, face["h"] * scale


def turn(points):
    """(nose - eye midpoint) along the line of the eyes, in eye distances."""
    eyes = points[1] - points[0]
    return float((points[2] - points[:2].mean(0)) @ eyes / (eyes @ eyes))


def outcomes(labels, found):
    """Score of each detection, and whether it was a face (IoU 0.5); those on ignore regions and small faces are left out."""
    for row in labels:
        hits = sorted(found.get(row["image"], []), key=lambda hit: -hit["score"])
        for hit, best in zip(hits, judged(row, corners(hits), LEAST_HEIGHT)):
            if best is not None:
                yield hit["score"], int(best >= 0)


def calibration(labels, found):
    """For each tenth of the score: mean score, share that were faces, how many."""
    score, face = np.array(list(outcomes(labels, found))).T
    for low, high in zip(BINS[:-1], BINS[1:]):
        inside = (score >= low) & (score < high)
        if inside.any():
            yield float(score[inside].mean()), float(face[inside].mean()), int(inside.sum())


def plot(bins):
    """The calibration as SVG: a dot per tenth, on the diagonal where the score keeps its word, with its number beside it."""
    side, edge = 320, 45

    def at(x, y):
        return f"{edge + x * side:.1f}", f"{15 + (1 - y) * side:.1f}"

    (x0, y0), (x1, y1) = at(0, 0), at(1, 1)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side + edge + 60} {side + 60}" '
             'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="#fff"/>',
             f'<path d="M{x0} {y1}V{y0}H{x1}M{x0} {y0}L{x1} {y1}" fill="none" stroke="#999"/>']
    for tick in np.linspace(0, 1, 6):
        parts.append('<text x="{}" y="{}" text-anchor="middle" dy="15">{:.1f}</text>'.format(*at(tick, 0), tick))
        parts.append('<text x="{}" y="{}" text-anchor="end" dx="-5" dy="4">{:.1f}</text>'.format(*at(0, tick), tick))
    parts.append('<polyline points="{}" fill="none" stroke="#06c"/>'.format(" ".join(",".join(at(s, f)) for s, f, _ in bins)))
    for said, happened, count in bins:
        parts.append('<circle cx="{}" cy="{}" r="3.5" fill="#06c"/>'.format(*at(said, happened)))
        parts.append('<text x="{}" y="{}" dx="7" dy="12" fill="#555">{}</text>'.format(*at(said, happened), count))
    parts.append('<text x="{}" y="{}" text-anchor="middle" dy="33">calibrated score</text>'.format(*at(0.5, 0)))
    parts.append('<text transform="translate(12 {}) rotate(-90)" text-anchor="middle">share that were faces</text></svg>'
                 .format(at(0, 0.5)[1]))
    return "\n".join(parts) + "\n"


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("data", type=Path)
    ap.add_argument("predictions", type=Path)
    ap.add_argument("--split", default="dev")
    ap.add_argument("--at", type=float, default=0.5)
    ap.add_argument("--plot", type=Path, help="where to draw the calibration, as SVG")
    a = ap.parse_args()
    labels = rows(a.data, a.split)
    found = {p["image"]: p["boxes"] for p in map(json.loads, a.predictions.read_text().splitlines())}
    strict, loose = (list(pairs(labels, found, a.at, iou)) for iou in (0.5, 0.4))

    def recall(name, chosen):
        one = [hit is not None for row, face, hit, height in strict if chosen(row, face, height)]
        two = [hit is not None for row, face, hit, height in loose if chosen(row, face, height)]
        if one:
            print(f"  {name:44s} {len(one):5d}  {np.mean(one):.3f}  ({np.mean(two):.3f})")

    print("recall by size and label: faces, at IoU 0.5, (at 0.4)")
    for low, high in SIZES:
        for label in LABELS:
            recall(f"{low}-{high} {label}", lambda r, f, h, lo=low, hi=high, la=label: lo <= h < hi and f["label"] == la)
    for label in LABELS:
        recall(f"24 and more {label}", lambda r, f, h, la=label: h >= 24 and f["label"] == la)
    print("recall by source, 16 px and more")
    for source in sorted({row["source"] for row in labels}):
        recall(source, lambda r, f, h, s=source: r["source"] == s and h >= 16)

    print("labels of found faces (IoU 0.4): truth, called " + ", ".join(LABELS))
    for low in (16, 24):
        for label in LABELS:
            called = [hit["label"] for _, face, hit, height in loose if hit and height >= low and face["label"] == label]
            print(f"  {low:2d} and more {label:10s}", *(f"{called.count(name):5d}" for name in LABELS))

    print("calibration: mean score, share that were faces, detections")
    bins = list(calibration(labels, found))
    for said, happened, count in bins:
        print(f"  {said:.3f}  {happened:.3f}  {count}")
    if a.plot:
        a.plot.write_text(plot(bins))

    print(f"landmarks, {LANDMARK_HEIGHT} px and more: mean error in eye distances against the teacher")
    errors, yaws = defaultdict(list), defaultdict(list)
    for _, face, hit, height in loose:
        if hit and height >= LANDMARK_HEIGHT and "landmarks" in face and face["label"] != "incorrect":
            theirs, ours = np.array(face["landmarks"]), np.array(hit["landmarks"])
            eyes = np.linalg.norm(theirs[1] - theirs[0])
            if eyes < 0.15 * face["w"]:  # in profile the eye distance measures nothing
                continue
            errors[face["label"]].append(np.linalg.norm(theirs - ours, axis=1) / eyes)
            if "yaw" in face:
                yaws[face["label"]].append((turn(ours), face["yaw"]))
    for label in errors:
        each = np.array(errors[label])
        link = np.corrcoef(np.array(yaws[label]).T)[0, 1]
        rank = np.corrcoef(np.argsort(np.argsort(np.array(yaws[label]), axis=0), axis=0).T)[0, 1]
        print(f"  {label:8s} n {len(each)}  all {each.mean():.3f}  eyes {each[:, :2].mean():.3f}  nose {each[:, 2].mean():.3f}"
              f"  mouth {each[:, 3:].mean():.3f}  median of all {np.median(each.mean(1)):.3f}"
              f"  yaw correlation {link:.3f} (by rank {rank:.3f})")


if __name__ == "__main__":
    main()
