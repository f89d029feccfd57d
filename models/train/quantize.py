#!/usr/bin/env python3
"""Make the int8 variant of an exported model: QDQ, weights per channel, activations calibrated on training photos.

    quantize.py MANIFEST DATA [--photos 200] [--ship]

The results of the heads stay in float: their numbers are coordinates. `nearer.py` keeps the rest near to float. Then `lower.py`
rewrites what the runtime does slowly; it makes the first convolution int8, too, and the input the bytes under each of its places.
Without --ship it goes, with a copy of model and manifest, into the folder given with --out, for measuring first.
"""
import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

import lower
import nearer
from data import rows
from detect import letterbox, patches_of, read_photo
from export import sha256, write_manifest

CENTRED = 24  # photos on which biases are corrected
TOLERANCE = 0.1  # mean difference of an output before and after lowering: cells, or log-odds


def photos(manifest, folder, count, seed=1):
    """Training photos as the network gets them."""
    chosen = rows(folder, "train")
    picks = np.random.default_rng(seed).choice(len(chosen), count, replace=False)
    spec = manifest["input"]
    for i in picks:
        photo = read_photo(Path(folder) / chosen[i]["image"])
        yield {spec["name"]: letterbox(photo, spec["width"], spec["height"], spec)[0]}


class Calibration(CalibrationDataReader):
    def __init__(self, feeds):
        self.feeds = feeds

    def get_next(self):
        return next(self.feeds, None)


def kept_in_float(path):
    """The convolution on the picture, which `lower.py` sees to, and those whose result meets nothing but the
    concatenation of a head."""
    graph = onnx.load(path).graph
    joined = {name for node in graph.node if node.op_type == "Concat" for name in node.input}
    first = {node.name for node in graph.node if graph.input[0].name in node.input}
    fed = {name for node in graph.node if node.name in first for name in node.output}
    return [node.name for node in graph.node
            if node.name in first or node.op_type == "Concat" or (node.op_type == "Relu" and set(node.input) & fed)
            or (node.op_type == "Conv" and set(node.output) & joined)]


def lowered(path, spec, photo):
    """Rewrites the model in place; its outputs on a photo must stay near to what they were."""
    before, model = onnx.load(path), onnx.load(path)
    (mean,), (scale,) = set(spec["mean"]), set(spec["scale"])
    lower.patches(model, mean, scale)
    lower.heads(model)
    lower.doublings(model)
    onnx.checker.check_model(model)
    planes, _ = letterbox(photo, spec["width"], spec["height"], spec)
    inputs = planes, patches_of(planes, spec)
    results = [onnxruntime.InferenceSession(m.SerializeToString()).run(None, {spec["name"]: x})
               for m, x in zip((before, model), inputs)]
    worst = max(float(np.abs(a - b).mean()) for a, b in zip(*results))
    if worst > TOLERANCE:
        raise SystemExit(f"lowering changed an output by {worst:.4f} in the mean")
    onnx.save(model, path)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("manifest", type=Path)
    ap.add_argument("data", type=Path)
    ap.add_argument("--photos", type=int, default=200)
    ap.add_argument("--out", type=Path, help="folder for the measured copy; with --ship the model's own folder is used")
    ap.add_argument("--ship", action="store_true", help="offer the variant in the manifest itself")
    a = ap.parse_args()
    content = json.loads(a.manifest.read_text())
    model = a.manifest.parent / content["file"]
    out = a.manifest.parent if a.ship else a.out
    if out is None:
        ap.error("--out or --ship")
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{content['name']}-int8.onnx"
    part = target.with_suffix(".part")
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "plain.onnx"
        quant_pre_process(str(model), str(plain), skip_symbolic_shape=True)
        exact = onnx.load(plain)
        nearer.evened(exact, photos(content, a.data, a.photos))
        onnx.save(exact, plain)
        quantize_static(str(plain), str(part), Calibration(photos(content, a.data, a.photos)), quant_format=QuantFormat.QDQ,
                        per_channel=True, weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8,
                        calibrate_method=CalibrationMethod.MinMax, nodes_to_exclude=kept_in_float(plain))
        quantised = onnx.load(part)
        nearer.centred(quantised, exact, photos(content, a.data, CENTRED))
        onnx.save(quantised, part)
    lowered(part, content["input"], read_photo(a.data / rows(a.data, "train")[0]["image"]))
    part.replace(target)
    content["variants"] = {"int8": {"file": target.name, "sha256": sha256(target), "layout": "patches"}}
    if not a.ship:
        shutil.copy(model, out / content["file"])
    write_manifest(out / a.manifest.name, content)
    print(f"{target.name}: {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
