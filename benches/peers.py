#!/usr/bin/env python3
"""What people use instead, in Python, on the frames of compare.sh. Prints one line of JSON like benches/contender.rs.

    peers.py loop FRAMES FORMAT WIDTH HEIGHT COUNT MODEL [THREADS]  OpenCV, ONNX Runtime and NumPy, as a tutorial has it
    peers.py deface FRAMES FORMAT WIDTH HEIGHT COUNT [WxH [THREADS]]    the detector and the blur of deface, at its input size

Times are the processor's, as there, of all threads. The raw frame becomes BGR with cvtColor, as a capture gives it; reading
the file is not part of the time.
"""
import functools
import json
import statistics
import sys
import time
from pathlib import Path

import cv2
import numpy as np

GROUP, WARM_UP = 3, 1
TO_BGR = {"NV12": cv2.COLOR_YUV2BGR_NV12, "I420": cv2.COLOR_YUV2BGR_I420}


def loop(model, threads=None):
    import onnxruntime

    # Without THREADS as it comes: on one core, the threads that the runtime starts by itself spin beside each other.
    options = onnxruntime.SessionOptions()
    if threads:
        options.intra_op_num_threads = int(threads)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    decoder = json.loads(Path(model).with_name("maskcount-s.json").read_text())["decoder"]

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def frame(yuv, code):
        image = cv2.cvtColor(yuv, code)
        height, width = image.shape[:2]
        scale = min(640 / width, 384 / height)
        small = cv2.resize(image, (round(width * scale), round(height * scale)))
        padded = np.full((384, 640, 3), 127, np.uint8)
        padded[:small.shape[0], :small.shape[1]] = small
        tensor = cv2.dnn.blobFromImage(padded, 1 / 128, mean=(127.5, 127.5, 127.5), swapRB=True)
        boxes, scores, labels = [], [], []
        for stride, out in zip((8, 16, 32), session.run(["s8", "s16", "s32"], {"input": tensor})):
            out = out[0]
            score = sigmoid(out[0] * decoder["face_a"] + decoder["face_b"])
            for y, x in zip(*np.nonzero(score > 0.5)):
                dx, dy, w, h = out[4:8, y, x]
                w, h = np.exp(w) * stride, np.exp(h) * stride
                boxes.append([(x + 0.5 + dx) * stride - w / 2, (y + 0.5 + dy) * stride - h / 2, w, h])
                scores.append(float(score[y, x]))
                labels.append(int(out[1:4, y, x].argmax()))
        for i in cv2.dnn.NMSBoxes(boxes, scores, 0.5, 0.5) if boxes else []:
            x, y, w, h = (int(v / scale) for v in boxes[i])
            cv2.rectangle(image, (x, y), (x + w, y + h), (0, 255, 0), 2)
            cv2.putText(image, f"{labels[i]} {scores[i]:.2f}", (x, y - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 255, 0), 2)

    return frame


def deface(size=None, threads=None):
    import onnxruntime
    from deface.centerface import CenterFace
    from deface.deface import anonymize_frame

    if threads:
        # deface has no option for it.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(threads)
        onnxruntime.InferenceSession = functools.partial(onnxruntime.InferenceSession, sess_options=options)
    in_shape = tuple(int(v) for v in size.split("x")) if size else None
    detector = CenterFace(in_shape=in_shape, backend="onnxrt")

    def frame(yuv, code):
        image = cv2.cvtColor(yuv, code)
        found, _ = detector(image, threshold=0.2)
        anonymize_frame(found, image, mask_scale=1.3, replacewith="blur", ellipse=True, draw_scores=False, replaceimg=None,
                        mosaicsize=20)

    return frame


def main(what, frames, pixels, width, height, count, *more):
    cv2.setNumThreads(1)
    handle = {"loop": loop, "deface": deface}[what](*more)
    raw = np.fromfile(frames, np.uint8).reshape(-1, int(height) * 3 // 2, int(width))
    times = []
    for number in range(int(count)):
        yuv = raw[number % len(raw)]
        start = time.process_time()
        handle(yuv, TO_BGR[pixels])
        times.append(time.process_time() - start)
    groups = [sum(times[i:i + GROUP]) / GROUP for i in range(0, len(times) - GROUP + 1, GROUP)][WARM_UP:]
    print(json.dumps({"us": statistics.median(groups) * 1e6}))


main(*sys.argv[1:])
