"""What a list of detections is worth against labelled photos: average precision, recall and precision, labels, share.

A detection hits the labelled face that it overlaps most, the surest detection first, each face once. One that lies on an
ignore region (or a face too small to be asked for) counts neither way; where one label is asked for, the others are no
excuse, but `incorrect` is.
"""
from collections import Counter

import numpy as np

from detect import MATCH, corners, judged

LEAST_HEIGHT = 16  # pixels once the long side is 640


def average_precision(hit, faces):
    """`hit` of each detection, the surest first: the area under the envelope of precision over recall."""
    hits = np.cumsum(hit)
    precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return float(precision[np.asarray(hit, bool)].sum() / max(faces, 1))


def figures(labels, found, at=0.5, match=MATCH, least_height=LEAST_HEIGHT):
    """`found`: detections by photo. A dict of name to number."""
    hits = {label: [] for label in (None, "mask", "no_mask")}
    truth, called, counts = Counter(), Counter(), Counter()
    for row in labels:
        boxes = sorted(found.get(row["image"], []), key=lambda box: -box["score"])
        scale = 640 / max(row["width"], row["height"])
        truth.update(b["label"] for b in row["boxes"] if b["label"] != "face_unknown" and b["h"] * scale >= least_height)
        for label, so_far in hits.items():
            asked = [box for box in boxes if label in (None, box["label"])]
            for box, best in zip(asked, judged(row, corners(asked), least_height, label, match)):
                if best is not None:
                    so_far.append((box["score"], best >= 0))
        sure = [box for box in boxes if box["score"] >= at]
        for box, best in zip(sure, judged(row, corners(sure), least_height, None, match)):
            if best is not None:
                called[box["label"]] += 1
                counts["hit" if best >= 0 else "false"] += 1
                if best >= 0:
                    counts[row["boxes"][best]["label"], box["label"]] += 1
    ap = {}
    for label, so_far in hits.items():
        faces = truth[label] if label else truth.total()
        ap[label or "face"] = average_precision([hit for _, hit in sorted(so_far, key=lambda each: -each[0])], faces)

    def right(label):
        of_it = sum(n for key, n in counts.items() if isinstance(key, tuple) and key[0] == label)
        return counts[label, label] / max(of_it, 1)

    def share(of):
        return 100 * of["mask"] / max(of["mask"] + of["no_mask"], 1)

    return {**ap, "mAP": (ap["mask"] + ap["no_mask"]) / 2, "recall": counts["hit"] / max(truth.total(), 1),
            "precision": counts["hit"] / max(counts["hit"] + counts["false"], 1),
            "mask_label_accuracy": right("mask"), "no_mask_label_accuracy": right("no_mask"),
            "true_share": share(truth), "found_share": share(called), "faces": truth.total(), "images": len(labels)}
