"""The photos in memory, and a stream of augmented batches from them.

The folder holds `labels.jsonl`, one photo a line: image, split, width, height, boxes (x y w h, label, and where known
landmarks, landmark_score); labels are those of the network and `face_unknown`.
"""
import json
import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

import augment
from losses import IGNORE, UNLABELLED
from network import LABELS

SURE_SCORE, SURE_PASSES = 0.6, 3  # of the teacher's note `auto` on a face that nobody labelled
LEAST_LANDMARK_SCORE = 0.5


@dataclass
class Photo:
    pixels: np.ndarray  # RGB, uint8
    boxes: np.ndarray  # [n, 4] corners
    labels: np.ndarray  # [n] index of LABELS, UNLABELLED or IGNORE
    landmarks: np.ndarray  # [n, 5, 2]
    landmark_weight: np.ndarray  # [n, 5]
    mistakes: np.ndarray  # [m, 5] corners and weight of what the last model got wrong


def label_of(box):
    """A face that nobody labelled, but that the teacher is sure of, still teaches the face score."""
    if box["label"] in LABELS:
        return LABELS.index(box["label"])
    note = re.fullmatch(r"\w+ ([\d.]+)(?: x(\d))?", box.get("auto") or "")
    sure = note and float(note[1]) >= SURE_SCORE and int(note[2] or SURE_PASSES) >= SURE_PASSES and box["h"] >= 7
    return UNLABELLED if sure else IGNORE


def rows(folder, split):
    with open(Path(folder) / "labels.jsonl") as lines:
        return [row for row in map(json.loads, lines) if row["split"] == split]


def load(folder, split, mistakes=None):
    """`mistakes`: the file that `mine.py` wrote."""
    mistakes = json.loads(Path(mistakes).read_text()) if mistakes else {}
    photos = []
    for row in rows(folder, split):
        pixels = cv2.cvtColor(cv2.imread(str(Path(folder) / row["image"])), cv2.COLOR_BGR2RGB)
        n = len(row["boxes"])
        boxes = np.array([[b["x"], b["y"], b["x"] + b["w"], b["y"] + b["h"]] for b in row["boxes"]], np.float32)
        labels = np.array([label_of(b) for b in row["boxes"]], np.int64)
        landmarks, weight = np.zeros((n, 5, 2), np.float32), np.zeros((n, 5), np.float32)
        for i, box in enumerate(row["boxes"]):
            if "landmarks" in box and box.get("landmark_score", 0) >= LEAST_LANDMARK_SCORE:
                landmarks[i] = box["landmarks"]
                # behind a mask the teacher guesses nose and mouth
                weight[i] = (1, 1, 1, 1, 1) if box["label"] == "no_mask" else (1, 1, 0.5, 0.3, 0.3)
        wrong = np.array(mistakes.get(row["image"], []), np.float32).reshape(-1, 5)
        wrong[:, 2:4] += wrong[:, :2]
        photos.append(Photo(pixels, boxes.reshape(-1, 4), labels, landmarks, weight, wrong))
    return photos


class Stream(torch.utils.data.IterableDataset):
    """So many batches; worker w draws from the seed (*seed, w)."""

    def __init__(self, photos, batch, size, seed, batches, gentle=False):
        self.photos, self.batch, self.size = photos, batch, size
        self.seed, self.batches, self.gentle = seed, batches, gentle

    def __iter__(self):
        cv2.setNumThreads(0)
        info = torch.utils.data.get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        rng = np.random.default_rng((*self.seed, worker))
        for _ in range(worker, self.batches, workers):
            yield collate([augment.sample(rng, self.photos, *self.size, self.gentle) for _ in range(self.batch)])


def collate(samples):
    pixels = torch.from_numpy(np.stack([s.pixels for s in samples]))
    counts = torch.tensor([len(s.labels) for s in samples])
    return {
        "pixels": pixels,
        "image": torch.repeat_interleave(torch.arange(len(samples)), counts),
        "box": torch.from_numpy(np.concatenate([s.boxes for s in samples])),
        "label": torch.from_numpy(np.concatenate([s.labels for s in samples])),
        "landmarks": torch.from_numpy(np.concatenate([s.landmarks for s in samples]).reshape(-1, 10)),
        "landmark_weight": torch.from_numpy(np.concatenate([s.landmark_weight for s in samples])),
    }


def to_input(pixels):
    """uint8 NHWC to what the network sees."""
    return pixels.permute(0, 3, 1, 2).float().sub_(127.5).mul_(1 / 128)
