"""Which cells answer for which face, and what they are charged for.

Assignment is task-aligned: of the cells near a face, the `TOP` with the best score^A * IoU^B under the *present*
prediction answer for it. A cell that two faces want goes to the one it fits better. Its target score is
the root of how well it fits beside the best of them, times what the best IoU is worth: all from 0.55 on, nothing below
0.25. So the score comes to mean "here is a face, and a box of it that will do". Fit and IoU themselves as target keep the
score low of faces of which one source takes the cap in and another one does not, which is those with masks.

Losses, each summed over cells with the share that a cell has in its face, and divided by the sum of shares in the batch.
A face shares out the root of the best IoU: in full measure the faces that are found badly would hardly count, with none
at all wrong labels would count most.
  face       binary cross-entropy; negatives weighted by p^GAMMA (focal), cells in ignore regions by 0
  label      cross-entropy over mask / no_mask / incorrect, only where the label is known
  box        1 - CIoU
  landmarks  L1 in units of the face's size, only where a teacher gave them; those of small faces are guesses, and weigh less
"""
import math

import torch
from torch.nn import functional as F

from network import LABELS, STRIDES

UNLABELLED, IGNORE = -1, -2  # a face whose mask state nobody knows; a region that is neither face nor background
TOP, A, B = 10, 0.5, 4.0
LEAST_IOU = 0.05
NO_BOX, GOOD_BOX = 0.25, 0.55  # IoU up to which a box is worth nothing, and from which it is worth all
GAMMA, NEGATIVE = 2.0, 1.0
WEIGHTS = {"face": 1.0, "label": 0.5, "box": 3.0, "landmarks": 14.0}
LANDMARK_SIZE, LANDMARK_LEAST = 48, 0.2  # pixels from which landmarks weigh 1; weight of those of the smallest faces
LABEL_WEIGHT, LABEL_SMOOTHING = (1.0, 1.0, 1.5), 0.02
# Sizes in pixels (root of the area) that each stride may answer for; they overlap widely.
SIZE_RANGE = ((0, 72), (24, 208), (72, 1e9))


def cells(outputs):
    """All cells of all levels: predictions [N, A, 18], centres [A, 2] and strides [A]."""
    flat, centres, strides = [], [], []
    for out, stride in zip(outputs, STRIDES):
        n, c, h, w = out.shape
        flat.append(out.float().flatten(2).transpose(1, 2))
        y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        centres.append((torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride)
        strides.append(torch.full((h * w,), float(stride)))
    return torch.cat(flat, 1), torch.cat(centres), torch.cat(strides)


def boxes_of(flat, centres, strides):
    centre = centres + flat[..., 4:6] * strides[:, None]
    half = flat[..., 6:8].clamp(-4, 6).exp() * strides[:, None] / 2
    return torch.cat([centre - half, centre + half], -1)


def iou(a, b, complete=False):
    """IoU of boxes [..., 4] (corners), broadcast; `complete` gives CIoU."""
    lt, rb = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    inter = (rb - lt).clamp(min=0).prod(-1)
    size_a, size_b = a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2]
    value = inter / (size_a.prod(-1) + size_b.prod(-1) - inter + 1e-7)
    if not complete:
        return value
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    apart = ((a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2).square().sum(-1)
    v = 4 / math.pi**2 * (torch.atan(size_b[..., 0] / (size_b[..., 1] + 1e-7))
                          - torch.atan(size_a[..., 0] / (size_a[..., 1] + 1e-7))).square()
    with torch.no_grad():
        alpha = v / (1 - value + v + 1e-7)
    return value - apart / (hull.square().sum(-1) + 1e-7) - alpha * v


@torch.no_grad()
def assign(score, boxes, centres, strides, truth, image):
    """For faces `truth` [G, 4] of pictures `image` [G]: picture, cell, face, target score and share of each answering cell."""
    n_cells = len(centres)
    size = (truth[:, 2:] - truth[:, :2]).clamp(min=1)
    offset = (centres[None] - (truth[:, None, :2] + truth[:, None, 2:]) / 2).abs()
    near = (offset <= torch.maximum(size[:, None] * 0.4, strides[None, :, None] * 0.75)).all(-1)
    area = size.prod(-1).sqrt()
    for stride, (low, high) in zip(STRIDES, SIZE_RANGE):
        out_of_range = (area < low) | (area > high)
        near[out_of_range[:, None] & (strides == stride)[None]] = False
    overlap = iou(boxes[image], truth[:, None]).clamp(min=0)
    fit = (score[image].pow(A) * overlap.pow(B) + 1e-9) * near
    value, cell = fit.topk(TOP, dim=1)
    face, rank = torch.nonzero(value > 0, as_tuple=True)
    cell, value = cell[face, rank], value[face, rank]
    # one face a cell: the best fit wins
    key = image[face] * n_cells + cell
    best = torch.zeros(len(score) * n_cells).scatter_reduce(0, key, value, "amax")
    won = value >= best[key]
    face, cell, value = face[won], cell[won], value[won]
    # target: fit, scaled so that the best cell of each face gets the best IoU of that face
    reached = overlap[face, cell]
    top_value = torch.zeros(len(truth)).scatter_reduce(0, face, value, "amax")
    top_iou = torch.zeros(len(truth)).scatter_reduce(0, face, reached, "amax")
    fit, best_iou = value / (top_value[face] + 1e-12), top_iou[face]
    worth = ((best_iou - NO_BOX) / (GOOD_BOX - NO_BOX)).clamp(0, 1)
    return image[face], cell, face, fit.sqrt() * worth, fit * best_iou.clamp(min=LEAST_IOU).sqrt()


def loss(outputs, truth):
    """`truth`: image [G], box [G, 4], label [G], landmarks [G, 10], landmark_weight [G, 5]. Returns total and parts."""
    flat, centres, strides = cells(outputs)
    boxes = boxes_of(flat, centres, strides)
    logit = flat[..., 0]
    probability = logit.detach().sigmoid()
    real = truth["label"] != IGNORE
    faces = {k: v[real] for k, v in truth.items() if k != "pixels"}
    image, cell, face, target, share = assign(probability, boxes.detach(), centres, strides, faces["box"],
                                              faces["image"])

    wanted = torch.zeros_like(logit)
    wanted[image, cell] = target
    weight = NEGATIVE * probability.pow(GAMMA)
    for i, box in zip(truth["image"][~real].tolist(), truth["box"][~real]):
        margin = (box[2:] - box[:2]) * 0.1 + strides[:, None] * 0.5
        weight[i, ((centres > box[:2] - margin) & (centres < box[2:] + margin)).all(-1)] = 0
    weight[image, cell] = share.clamp(min=0.1)
    total = share.sum().clamp(min=4.0)
    parts = {"face": (F.binary_cross_entropy_with_logits(logit, wanted, reduction="none") * weight).sum() / total}

    mine = flat[image, cell]
    parts["box"] = ((1 - iou(boxes[image, cell], faces["box"][face], complete=True)) * share).sum() / total
    label = faces["label"][face]
    known = label >= 0
    parts["label"] = (F.cross_entropy(mine[known, 1:1 + len(LABELS)], label[known], torch.tensor(LABEL_WEIGHT),
                                      reduction="none", label_smoothing=LABEL_SMOOTHING) * share[known]).sum() / total
    points = mine[:, 8:].unflatten(1, (5, 2)) * strides[cell][:, None, None] + centres[cell][:, None]
    size = (faces["box"][face, 2:] - faces["box"][face, :2]).prod(-1).clamp(min=36).sqrt()
    error = (points - faces["landmarks"][face].unflatten(1, (5, 2))).abs().sum(-1) / size[:, None]
    sure = faces["landmark_weight"][face] * (size / LANDMARK_SIZE).clamp(LANDMARK_LEAST, 1)[:, None]
    parts["landmarks"] = (error * sure * share[:, None]).sum() / 5 / total
    return sum(WEIGHTS[k] * v for k, v in parts.items()), {k: float(v.detach()) for k, v in parts.items()}
