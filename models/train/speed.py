#!/usr/bin/env python3
"""Time models against each other, one run of each in turn, so that other work on the machine hits all alike.

    speed.py WIDTHxHEIGHT A.onnx B.onnx ...        ratios are to the first model
"""
import argparse
import time

import numpy as np
import onnxruntime

from lower import PATCH

ROUNDS, WARM_UP = 300, 20


def session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("size")
    ap.add_argument("models", nargs="+")
    ap.add_argument("--threads", type=int, default=1)
    a = ap.parse_args()
    width, height = map(int, a.size.split("x"))
    random = np.random.default_rng(1)
    inputs = {"tensor(float)": random.uniform(-1, 1, (1, 3, height, width)).astype(np.float32),
              "tensor(uint8)": random.integers(0, 256, (1, height // 2, width // 2, PATCH), np.uint8)}
    sessions = [session(path, a.threads) for path in a.models]
    times = np.empty((ROUNDS, len(sessions)))
    for i in range(-WARM_UP, ROUNDS):
        for j, (one, taken) in enumerate(zip(sessions, (s.get_inputs()[0] for s in sessions))):
            start = time.perf_counter()
            one.run(None, {taken.name: inputs[taken.type]})
            times[i, j] = time.perf_counter() - start
    for j, path in enumerate(a.models):
        print(f"{np.median(times[:, j]) * 1e3:7.2f} ms median  {times[:, j].min() * 1e3:7.2f} ms least  "
              f"ratio {np.median(times[:, j]) / np.median(times[:, 0]):.3f} / {times[:, j].min() / times[:, 0].min():.3f}"
              f"  {path}")


if __name__ == "__main__":
    main()
