#!/usr/bin/env python3
"""Raw frames for compare.sh: one second and a half of the demo clip in which most faces are seen, scaled to 1080p NV12 and
720p I420; and 1080p NV12 frames with ten faces of about 100 px, cut from the same clip, that move by 2 px a frame.

    frames.py FOLDER    writes clip-1080p.raw, clip-720p.raw and ten-1080p.raw there
"""
import json
import pathlib
import subprocess
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
CLIP = HERE.parent / "tests/media/demo.mp4"
COUNT = 30
W, H = 1920, 1080


def decode(target, pixels, width, height):
    line = f"filesrc location={CLIP} ! decodebin ! videoconvert ! videoscale ! video/x-raw,format={pixels},"
    line += f"width={width},height={height} ! filesink location={target}"
    subprocess.run(["gst-launch-1.0", "-q", *line.split()], check=True, stdin=subprocess.DEVNULL)


def ten_faces(clip, truth, scale):
    """A background without people, and ten patches around whole faces, each two face sizes wide."""
    background = clip[0].copy()
    patches = []
    for number, frame in enumerate(truth):
        for face in frame:
            if face["visible"] > 0.99 and 90 <= face["h"] * scale <= 130:
                x, y, w, h = (int(face[k] * scale) & ~1 for k in "xywh")
                left, top, right, bottom = x - w // 2 & ~1, y - h // 2 & ~1, x + 3 * w // 2 & ~1, y + 3 * h // 2 & ~1
                if 0 <= left and 0 <= top and right <= W and bottom <= H:
                    patches.append((number, left, top, right, bottom))
    chosen = [patches[i * len(patches) // 10] for i in range(10)]
    for step in range(COUNT):
        frame = background.copy()
        # Forth and back, so that the repeated clip has no jump.
        shift = 2 * min(step, COUNT - step)
        for index, (number, left, top, right, bottom) in enumerate(chosen):
            x, y = index % 5 * 370 + 60 + shift, index // 5 * 480 + 160
            w, h = right - left, bottom - top
            frame[y:y + h, x:x + w] = clip[number][top:bottom, left:right]
            frame[H + y // 2:H + (y + h) // 2, x:x + w] = clip[number][H + top // 2:H + bottom // 2, left:right]
        yield frame


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    truth = json.loads(CLIP.with_suffix(".json").read_text())
    faces = [f if isinstance(f, list) else f["faces"] for f in truth["frames"]]
    seen = [sum(face["visible"] > 0.9 for face in frame) for frame in faces]
    start = max(range(len(seen) - COUNT), key=lambda i: sum(seen[i:i + COUNT]))
    for name, pixels, width, height in (("clip-1080p.raw", "NV12", W, H), ("clip-720p.raw", "I420", 1280, 720)):
        whole = folder / "whole.raw"
        decode(whole, pixels, width, height)
        frames = np.memmap(whole, np.uint8, "r").reshape(-1, height * 3 // 2, width)
        frames[start:start + COUNT].tofile(folder / name)
        if pixels == "NV12":
            with open(folder / "ten-1080p.raw", "wb") as out:
                for frame in ten_faces(frames, faces, W / truth["width"]):
                    frame.tofile(out)
        del frames
        whole.unlink()


main(pathlib.Path(sys.argv[1]))
