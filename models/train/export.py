#!/usr/bin/env python3
"""Write a checkpoint's averaged weights as ONNX, with its manifest beside it.

    export.py CHECKPOINT OUT_DIR [--version 0.1.0]

BatchNorm is folded, the graph is compared with torch at two sizes, and both files are replaced in one rename each.
A manifest that is already there keeps its calibration unless --fresh is given; `calibrate.py` fits it anew.
"""
import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from network import LABELS, STRIDES, fold, restore

NAME = "maskcount-s"
OUTPUTS = [f"s{s}" for s in STRIDES]
TOLERANCE = 2e-3


def manifest(version, digest):
    return {
        "format": "maskcount-model/1", "name": NAME, "version": version, "file": f"{NAME}.onnx", "sha256": digest,
        "licence": "MPL-2.0", "source": "Trained from scratch by models/train on the photos named in models/README.md.",
        "input": {"name": "input", "width": 640, "height": 384, "resizable": True, "color": "rgb",
                  "mean": [127.5] * 3, "scale": [0.0078125] * 3},
        "labels": list(LABELS),
        "decoder": {"kind": "maskcount", "outputs": OUTPUTS, "strides": list(STRIDES),
                    "face_a": 1.0, "face_b": 0.0, "label_a": 1.0},
        "threshold": 0.5, "nms_iou": 0.5,
    }


def write_manifest(path, content):
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, indent=2) + "\n")
    part.replace(path)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check(path, net):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for height, width in ((384, 640), (320, 320)):
        x = torch.rand(1, 3, height, width) * 2 - 1
        with torch.no_grad():
            wanted = net(x)
        for name, want, got in zip(OUTPUTS, wanted, session.run(OUTPUTS, {"input": x.numpy()})):
            worst = float(np.abs(want.numpy() - got).max())
            if worst > TOLERANCE:
                raise SystemExit(f"{name} at {width}x{height} differs from torch by {worst:.4f}")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("checkpoint", type=Path)
    ap.add_argument("out", type=Path)
    ap.add_argument("--version", default="0.1.0")
    ap.add_argument("--fresh", action="store_true", help="forget the calibration of the manifest that is there")
    a = ap.parse_args()
    saved = torch.load(a.checkpoint, map_location="cpu", weights_only=False)
    net = fold(restore(saved, "average"))
    a.out.mkdir(parents=True, exist_ok=True)
    target, part = a.out / f"{NAME}.onnx", a.out / f"{NAME}.onnx.part"
    torch.onnx.export(net, torch.zeros(1, 3, 384, 640), str(part), input_names=["input"], output_names=OUTPUTS,
                      opset_version=17, dynamo=False,
                      dynamic_axes={"input": {2: "height", 3: "width"},
                                    **{o: {2: f"height_{o}", 3: f"width_{o}"} for o in OUTPUTS}})
    onnx.checker.check_model(str(part))
    check(part, net)
    content = manifest(a.version, sha256(part))
    described = target.with_suffix(".json")
    if described.exists() and not a.fresh:
        before = json.loads(described.read_text())
        content["decoder"] = before["decoder"]
        content.update({k: before[k] for k in ("nms_iou", "votes") if k in before})
    part.replace(target)
    write_manifest(described, content)
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB, {sum(p.numel() for p in net.parameters())} parameters")


if __name__ == "__main__":
    main()
