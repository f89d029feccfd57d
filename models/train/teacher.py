#!/usr/bin/env python3
"""What the landmarks' teacher, YuNet, finds itself at the size of our input: how near to its own labels one can come.

    teacher.py DATA YUNET.onnx PREDICTIONS [--split dev] && card.py DATA PREDICTIONS

YUNET is its export with inputs of any size (outputs cls, obj, bbox and kps for each stride). It knows no masks: every
face is written down as bare, so that of the card's tables only recall and landmarks mean anything.
"""
import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from data import rows
from detect import overlap, read_photo, shaped_for

STRIDES = (8, 16, 32)
CELLS = 640 * 384
LEAST_SCORE, SAME_FACE = 0.3, 0.3


def faces(session, pixels):
    """Boxes (corners), scores and landmarks in the picture's pixels, the surest first."""
    height, width = pixels.shape[:2]
    to_width, to_height = shaped_for(width, height, CELLS)
    scale = min(to_width / width, to_height / height)
    part = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)[:to_height, :to_width]
    canvas = np.zeros((to_height, to_width, 3), np.float32)
    canvas[:part.shape[0], :part.shape[1]] = part[..., ::-1]
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, {session.get_inputs()[0].name: canvas.transpose(2, 0, 1)[None]})))
    boxes, scores, points = [], [], []
    for stride in STRIDES:
        sure, face, box, landmarks = (outputs[f"{name}_{stride}"][0] for name in ("cls", "obj", "bbox", "kps"))
        score = np.sqrt((sure * face).clip(0, 1))[:, 0]
        at = np.flatnonzero(score >= LEAST_SCORE)
        cell = np.stack([at % (to_width // stride), at // (to_width // stride)], 1)
        centre, half = (cell + box[at, :2]) * stride, np.exp(box[at, 2:]) * stride / 2
        boxes.append(np.concatenate([centre - half, centre + half], 1) / scale)
        scores.append(score[at])
        points.append((cell[:, None] + landmarks[at].reshape(-1, 5, 2)) * stride / scale)
    boxes, scores, points = map(np.concatenate, (boxes, scores, points))
    kept, order = [], np.argsort(-scores)
    for i in order:
        if not kept or overlap(boxes[i:i + 1], boxes[kept]).max() <= SAME_FACE:
            kept.append(i)
    return boxes[kept], scores[kept], points[kept]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("data", type=Path)
    ap.add_argument("yunet", type=Path)
    ap.add_argument("predictions", type=Path)
    ap.add_argument("--split", default="dev")
    a = ap.parse_args()
    session = onnxruntime.InferenceSession(str(a.yunet), providers=["CPUExecutionProvider"])
    with open(a.predictions, "w") as out:
        for row in rows(a.data, a.split):
            found = [{"x": x, "y": y, "w": right - x, "h": bottom - y, "label": "no_mask", "score": score, "landmarks": points}
                     for (x, y, right, bottom), score, points in
                     zip(*(part.astype(float).tolist() for part in faces(session, read_photo(a.data / row["image"]))))]
            out.write(json.dumps({"image": row["image"], "boxes": found}) + "\n")


if __name__ == "__main__":
    main()
