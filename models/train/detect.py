"""Run an exported model over photos the way the plugin does: letterbox, ONNX Runtime, decode, suppression with voting."""
import json
import math
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from colors import BLACK, GREY, RGB_OF_YUV

LEAST_SCORE = 0.02
LEAST_VOTER = 0.01  # as in src/detect/nms.rs
CANDIDATES = 1000  # the plugin takes 4000, which here takes minutes; one of 1,591 photos has more than 1000
ONE_HEAD_IOU, ONE_HEAD_INSIDE, LEAST_DOUBT = 0.3, 0.7, 1e-6  # as in src/detect/nms.rs
MATCH, IGNORED = 0.5, 0.4  # overlap from which a detection is a face, and is on an ignore region


class Detector:
    def __init__(self, manifest):
        manifest = Path(manifest)
        self.manifest = json.loads(manifest.read_text())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(manifest.parent / self.manifest["file"]), options,
                                                    providers=["CPUExecutionProvider"])

    def __call__(self, pixels, least=LEAST_SCORE):
        """Faces of one RGB picture, in its own pixels, best first: dict of box [n,4] (corners), score, label, points."""
        faces = self.faces(*self.run(pixels), min(least, LEAST_VOTER))
        return {k: v[faces["score"] >= least] for k, v in faces.items()}

    def run(self, pixels):
        """What `faces` needs of one RGB picture: the network's outputs, the picture's size and how it was scaled."""
        spec = self.manifest["input"]
        size = shaped_for(pixels.shape[1], pixels.shape[0], spec["width"] * spec["height"])
        tensor, scale = letterbox(pixels, *size, spec)
        outputs = self.session.run(self.manifest["decoder"]["outputs"], {self.manifest["input"]["name"]: tensor})
        return outputs, pixels.shape[1::-1], scale

    def faces(self, outputs, size, scale, voters=LEAST_VOTER):
        """All faces, however unsure, on which a cell has a score of `voters`."""
        faces = decode(outputs, self.manifest["decoder"], voters)
        faces = suppress(faces, self.manifest["nms_iou"], self.manifest.get("votes"))
        limit = np.array([*size, *size], np.float32)
        faces["box"] = np.clip(faces["box"] / scale, 0, limit)
        faces["points"] = faces["points"] / scale
        return faces


def shaped_for(width, height, cells):
    """The input's size for such a picture, as src/detect/shape.rs has it: of those with no more cells the one that shows
    it largest, without the cells that would stay empty."""
    best, size = 0.0, None
    for w in range(32, 4097, 32):
        h = min(cells // w // 32 * 32, 4096)
        scale = min(w / width, h / height)
        if scale > best:
            used = [-(-math.ceil(side * scale * (1 - 1e-9)) // 32) * 32 for side in (width, height)]
            best, size = scale, (min(w, used[0]), min(h, used[1]))
    return size


def letterbox(pixels, width, height, spec):
    """Scaled to fit, top-left, the rest grey. Linear sampling, since the plugin averages 2x2 samples."""
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    w, h = max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1)
    canvas = np.zeros((height, width, 3), np.float32)
    part = cv2.resize(pixels, (w, h), interpolation=cv2.INTER_LINEAR)
    canvas[:h, :w] = (part - np.float32(spec["mean"])) * np.float32(spec["scale"])
    return np.ascontiguousarray(canvas.transpose(2, 0, 1)[None]), scale


def patches_of(planes, spec):
    """The input of a network with the layout `patches` (src/detect/manifest.rs) from that of one with planes."""
    mean, scale = (np.reshape(spec[k], (3, 1, 1)) for k in ("mean", "scale"))
    yuv = np.einsum("dc,chw->dhw", np.linalg.inv(RGB_OF_YUV), planes[0] / scale + mean)
    height, width = yuv.shape[1:]
    luma = np.pad(yuv[0] + BLACK, 1, constant_values=BLACK + np.mean(spec["mean"]) * 219 / 255)
    under = [luma[y:y + height:2, x:x + width:2] for y in range(3) for x in range(3)]
    chroma = yuv[1:].reshape(2, height // 2, 2, width // 2, 2).mean((2, 4)) + GREY
    return np.rint(np.stack([*under, *chroma, np.zeros_like(chroma[0])], -1)).clip(0, 255).astype(np.uint8)[None]


def decode(outputs, spec, least):
    boxes, scores, labels, shares, points, logits = [], [], [], [], [], []
    for out, stride in zip(outputs, spec["strides"]):
        raw = out[0]
        face = raw[0] * spec["face_a"] + spec["face_b"]
        y, x = np.nonzero(face >= np.log(least / (1 - least)))
        v = raw[:, y, x].T
        cell = np.stack([x, y], 1) + 0.5
        centre, half = (cell + v[:, 4:6]) * stride, np.exp(np.minimum(v[:, 6:8], 8)) * stride / 2
        boxes.append(np.concatenate([centre - half, centre + half], 1))
        scores.append(1 / (1 + np.exp(-face[y, x])))
        labels.append(v[:, 1:4].argmax(1))
        shares.append(1 / np.exp((v[:, 1:4] - v[:, 1:4].max(1, keepdims=True)) * spec["label_a"]).sum(1))
        points.append((cell[:, None] + v[:, 8:].reshape(-1, 5, 2)) * stride)
        logits.append(v[:, :4])
    return {"box": np.concatenate(boxes), "score": np.concatenate(scores), "label": np.concatenate(labels),
            "label_share": np.concatenate(shares), "points": np.concatenate(points), "logits": np.concatenate(logits)}


def suppress(faces, most, votes):
    """The surest of the boxes of one head stays, at the mean of those that it covers and with the score that all of them
    make, as src/detect/nms.rs has it. `evidence` is what the score is made of."""
    order = np.argsort(-faces["score"], kind="stable")[:CANDIDATES]
    box, points, root = faces["box"][order], faces["points"][order], np.sqrt(faces["score"][order])
    share, size = overlap(box, box), (box[:, 2:] - box[:, :2]).prod(1)
    inside = share * (size[:, None] + size) / (1 + share) / (np.minimum(size[:, None], size) + 1e-9)
    covers = (share > most) | ((share > ONE_HEAD_IOU) & (inside >= ONE_HEAD_INSIDE))
    score = faces["score"][order].clip(LEAST_DOUBT, 1 - LEAST_DOUBT)
    odds = score / (1 - score)
    alive, kept, boxes, landmarks, support = np.ones(len(order), bool), [], [], [], []
    for i in range(len(order)):
        if alive[i]:
            kept.append(order[i])
            of_it = covers[i] & (np.arange(len(order)) >= i)
            weight = root[of_it] * share[i, of_it]
            boxes.append(np.average(box[of_it], 0, weight))
            near = share[i, of_it] > most  # the others' landmarks are of another box
            landmarks.append(np.average(points[of_it][near], 0, weight[near]))
            support.append(np.sqrt(odds[of_it]).sum())
            alive &= ~covers[i]
    out = {k: v[kept] for k, v in faces.items()}
    out["box"], out["points"] = np.reshape(boxes, (-1, 4)), np.reshape(landmarks, (-1, 5, 2))
    best = out["score"].clip(LEAST_DOUBT, 1 - LEAST_DOUBT)
    out["evidence"] = np.stack([np.log(best / (1 - best)), np.log(support), np.log(out["label_share"])], 1)
    if votes:
        logit = out["evidence"] @ [votes["best"], votes["support"], votes["label"]] + votes["bias"]
        out["score"] = 1 / (1 + np.exp(-logit))
    order = np.argsort(-out["score"], kind="stable")
    return {k: v[order] for k, v in out.items()}


def overlap(a, b):
    lt, rb = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.clip(rb - lt, 0, None).prod(2)
    return inter / ((a[:, 2:] - a[:, :2]).prod(1)[:, None] + (b[:, 2:] - b[:, :2]).prod(1)[None] - inter + 1e-9)


def corners(boxes):
    return np.array([[b["x"], b["y"], b["x"] + b["w"], b["y"] + b["h"]] for b in boxes], float).reshape(-1, 4)


def judged(row, boxes, least_height, label=None, match=MATCH):
    """For each detection on a photo, the best first: which labelled face it is (its place in `row["boxes"]`), -1: none, None:
    not to be judged, since it is on an ignore region or on a face of less than `least_height` pixels at 640. With `label`
    only faces of that one are asked for."""
    scale, truth = 640 / max(row["width"], row["height"]), corners(row["boxes"])
    known = np.array([b["label"] != "face_unknown" and b["h"] * scale >= least_height for b in row["boxes"]], bool)
    names = np.array([b["label"] for b in row["boxes"]])
    free = known & (names == label) if label else known.copy()
    ignored = ~known | (names == "incorrect") if label else ~known
    for box, each in zip(boxes, overlap(boxes, truth)):
        best = int(np.where(free, each, -1).argmax()) if len(truth) else -1
        if best >= 0 and free[best] and each[best] >= match:
            free[best] = False
            yield best
        elif ignored.any() and (each[ignored].max() >= IGNORED or covered(box, truth[ignored]) >= 0.5):
            yield None
        else:
            yield -1


def covered(box, others):
    inter = np.clip(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0, None).prod(1)
    return float((inter / max((box[2:] - box[:2]).prod(), 1e-9)).max())


def read_photo(path):
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
