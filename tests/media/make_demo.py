#!/usr/bin/env python3
"""Makes the demo clip: twelve people pass through a drawn market lane, eight of them with a mask.

    python3 -m venv /tmp/demo && /tmp/demo/bin/pip install -r tests/media/requirements.txt
    /tmp/demo/bin/python tests/media/make_demo.py

The faces are one face: the portrait of the astronaut Eileen Collins (NASA, public domain) that scikit-image ships.
Everything else is drawn. The people differ in skin, hair, hats, glasses, clothes, size, pace and mask; their truth is
known because they were put there, and goes into demo.json beside the clip. Encoding is done by gst-launch-1.0.
"""

import argparse
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

WIDTH, HEIGHT, FPS, SECONDS = 1280, 720, 20, 19.5
SEED = 1945

# Coordinates in the portrait's pixels. The face box and the points were read from the portrait once.
FACE = (178.0, 65.0, 91.4, 111.4)  # x, y, width, height: forehead to chin
NECK = (226.0, 170.0)  # the head turns around this point and the body hangs on it
LEFT_EYE, RIGHT_EYE = (203.3, 103.6), (247.5, 104.4)
HEAD_OUTLINE = [
    (153, 72), (155, 60), (165, 50), (180, 41), (190, 32), (198, 25), (210, 20), (222, 17), (233, 16), (245, 18),
    (258, 22), (268, 27), (280, 33), (288, 40), (293, 50), (297, 60), (300, 73), (302, 87), (299, 97), (295, 107),
    (288, 116), (278, 124), (274, 131), (268, 136), (266, 141), (263, 150), (257, 160), (255, 172), (253, 182),
    (250, 187), (236, 190), (222, 189), (208, 186), (193, 182), (187, 176), (186, 160), (184, 150), (182, 132),
    (177, 130), (171, 120), (165, 116), (158, 107), (154, 98), (153, 85),
]  # fmt: skip
SKIN_OUTLINE = [
    (171, 118), (182, 112), (183, 95), (186, 80), (192, 79), (210, 81), (225, 82), (240, 84), (255, 88), (267, 91),
    (270, 105), (271, 122), (276, 126), (274, 131), (268, 137), (266, 141), (263, 150), (257, 160), (256, 190),
    (186, 190), (186, 160), (184, 150), (182, 132), (176, 130),
]  # fmt: skip

HEAD_CROP = (110, -40, 350, 200)  # the part of the portrait's plane that a head picture holds
HEAD_ZOOM = 2  # heads are painted at this many pixels per portrait pixel
BODY_HALF, BODY_LENGTH = 270, 1150  # the body's picture, in portrait pixels from the neck
SLIM = 0.84  # width of the bodies against how they are painted
PHASES = 12  # pictures of one walking cycle

HORIZON = 190  # where the lane vanishes
EYE_FALL = 1.75  # how far below the horizon a face is, in its own heights: the camera hangs above the heads
STALL_DEPTH = 57  # who has a smaller face walks behind the stalls


@dataclass(frozen=True)
class Person:
    mask: str | None  # surgical, ffp2, black, cloth
    path: list[tuple[float, float, float]]  # second, x of the face's centre, height of the face
    skin: tuple[float, float, float] = (1.0, 1.0, 1.0)  # gain per colour
    hair: tuple[float, float, float] = (1.0, 1.0, 1.0)
    hat: tuple[str, tuple[int, int, int]] | None = None
    glasses: bool = False
    mirrored: bool = False
    broad: float = 1.0  # width of the head against the portrait's
    tall: float = 0.0  # taller by this many face heights
    top: tuple[int, int, int] = (80, 90, 120)
    legs: tuple[int, int, int] = (40, 44, 60)
    wear: str = "jacket"  # jacket, stripes, coat
    light: float = 1.0
    cloth: tuple[int, int, int] = (150, 60, 70)

    @property
    def label(self) -> str:
        return "mask" if self.mask else "no_mask"

    def place(self, t: float) -> tuple[float, float] | None:
        """Where the person is at a time: x and the height of the face; None outside of the path."""
        if not self.path[0][0] <= t <= self.path[-1][0]:
            return None
        times, xs, heights = zip(*self.path)
        return float(np.interp(t, times, xs)), float(np.interp(t, times, heights))


PEOPLE = [
    Person("surgical", [(0.0, -75, 84), (8.2, 1370, 95)], top=(52, 78, 128), tall=0.1),
    Person(None, [(0.2, 1370, 72), (7.6, -80, 76)], hair=(0.45, 0.38, 0.36),
           skin=(0.93, 0.88, 0.84), mirrored=True, top=(168, 62, 58), legs=(52, 60, 88), wear="stripes"),
    Person("ffp2", [(1.4, 1180, 47), (3.4, 1010, 58), (9.9, -90, 100)], hair=(0.6, 0.6, 0.7), broad=0.95,
           top=(72, 98, 70), wear="coat", legs=(66, 58, 50)),
    Person("black", [(2.9, 95, 46), (4.9, 270, 57), (11.5, 1380, 102)], hair=(0.3, 0.28, 0.3), skin=(0.82, 0.72, 0.64),
           mirrored=True, broad=1.05, top=(150, 146, 138), tall=0.3, legs=(38, 38, 42)),
    Person(None, [(4.6, 1360, 62), (9.0, 600, 63), (10.4, 515, 62), (14.0, -70, 60)], hair=(1.15, 1.12, 1.2), broad=0.97,
           hat=("cap", (46, 70, 110)), top=(206, 190, 160), legs=(92, 84, 74), tall=-0.3),
    Person("cloth", [(5.4, -75, 80), (14.3, 1360, 71)], hair=(0.8, 0.5, 0.4), glasses=True, top=(120, 62, 104),
           wear="coat", mirrored=True, cloth=(46, 92, 120)),
    Person("surgical", [(6.6, 1185, 46), (8.6, 1040, 57), (14.6, -95, 108)], hair=(0.32, 0.32, 0.36),
           skin=(0.7, 0.6, 0.53), top=(198, 150, 62), tall=-0.1, light=1.05),
    Person(None, [(8.1, -90, 104), (15.7, 1380, 98)], hair=(0.5, 0.47, 0.45), broad=1.04, tall=0.45,
           hat=("beanie", (96, 40, 48)), top=(64, 66, 72), wear="coat"),
    Person("ffp2", [(9.1, 1370, 80), (17.3, -75, 72)], hair=(1.2, 1.25, 1.4), mirrored=True, glasses=True,
           top=(136, 150, 166), legs=(84, 88, 104)),
    Person("surgical", [(9.9, 90, 46), (11.7, 255, 57), (18.4, 1380, 98)], hair=(0.42, 0.36, 0.32),
           skin=(0.95, 0.9, 0.88), hat=("sunhat", (214, 192, 146)), top=(92, 138, 148), legs=(170, 160, 140), tall=-0.2),
    Person(None, [(10.7, 1385, 92), (18.3, -90, 100)], skin=(0.76, 0.65, 0.57), hair=(0.3, 0.28, 0.28), broad=0.96,
           glasses=True, top=(190, 194, 196), wear="stripes", legs=(42, 48, 66)),
    Person("cloth", [(11.4, -75, 72), (18.9, 1360, 68)], hair=(0.95, 0.75, 0.6), mirrored=True, top=(58, 84, 66),
           cloth=(88, 62, 128), tall=0.1),
]  # fmt: skip


def polygon_mask(size, points, feather, zoom=1):
    """An anti-aliased, feathered polygon as an 8-bit picture."""
    fine = 2
    picture = Image.new("L", (size[0] * fine, size[1] * fine))
    ImageDraw.Draw(picture).polygon([(x * zoom * fine, y * zoom * fine) for x, y in points], fill=255)
    picture = picture.resize(size, Image.Resampling.BOX)
    return picture.filter(ImageFilter.GaussianBlur(feather)) if feather else picture


def smooth(points, steps=6):
    """A closed Catmull-Rom curve through the points."""
    curve = []
    for i in range(len(points)):
        p = [np.array(points[(i + k - 1) % len(points)], float) for k in range(4)]
        for s in range(steps):
            t = s / steps
            curve.append(tuple(0.5 * (2 * p[1] + (p[2] - p[0]) * t + (2 * p[0] - 5 * p[1] + 4 * p[2] - p[3]) * t**2
                                      + (3 * p[1] - p[0] - 3 * p[2] + p[3]) * t**3)))  # fmt: skip
    return curve


def shade(colour, factor):
    return tuple(int(min(255, max(0, c * factor))) for c in colour)


class HeadPainter:
    """Paints heads from the portrait, all in the plane of HEAD_CROP at HEAD_ZOOM."""

    def __init__(self, portrait: Image.Image, rng: np.random.Generator):
        left, top, right, bottom = HEAD_CROP
        self.size = ((right - left) * HEAD_ZOOM, (bottom - top) * HEAD_ZOOM)
        self.rng = rng
        plane = Image.new("RGB", (right - left, bottom - top))
        plane.paste(portrait.crop((left, 0, right, bottom)), (0, -top))
        self.portrait = np.asarray(plane.resize(self.size, Image.Resampling.BICUBIC), np.float32)
        self.outline = polygon_mask(self.size, self.at(smooth(HEAD_OUTLINE)), 1.6, 1)
        self.skin = polygon_mask(self.size, self.at(SKIN_OUTLINE), 3.0, 1)

    @staticmethod
    def at(points):
        return [((x - HEAD_CROP[0]) * HEAD_ZOOM, (y - HEAD_CROP[1]) * HEAD_ZOOM) for x, y in points]

    def paint(self, person: Person) -> Image.Image:
        skin = np.asarray(self.skin, np.float32)[..., None] / 255
        tone = skin * np.array(person.skin, np.float32) + (1 - skin) * np.array(person.hair, np.float32)
        pixels = np.clip(self.portrait * tone * person.light, 0, 255).astype(np.uint8)
        head = Image.fromarray(pixels).convert("RGBA")
        head.putalpha(self.outline)
        if person.glasses:
            self.glasses(head)
        if person.mask:
            self.mask(head, person)
        if person.hat:
            getattr(self, person.hat[0])(head, person.hat[1])
        return head.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if person.mirrored else head

    def lay(self, head, points, colour, shading, feather=1.0):
        """Lays a piece of cloth over the head: a polygon, its colour times a shading per pixel."""
        shape = polygon_mask(self.size, self.at(points), feather)
        pixels = np.clip(np.array(colour, np.float32) * shading[..., None], 0, 255).astype(np.uint8)
        piece = Image.fromarray(pixels).convert("RGBA")
        piece.putalpha(shape)
        head.alpha_composite(piece)

    def roundness(self, centre, half_width, depth):
        """Shading of a cylinder that stands before the camera, with the light from the upper left."""
        ys, xs = np.mgrid[: self.size[1], : self.size[0]].astype(np.float32)
        u = (xs / HEAD_ZOOM + HEAD_CROP[0] - centre[0]) / half_width
        v = (ys / HEAD_ZOOM + HEAD_CROP[1] - centre[1]) / 40
        grain = self.rng.normal(0, 0.012, u.shape).astype(np.float32)
        return 1.0 - depth * np.abs(u) ** 2.2 - 0.05 * u - 0.07 * v + grain, u, v

    def strokes(self, head, lines, colour, width, soften=0.6):
        layer = Image.new("RGBA", self.size)
        draw = ImageDraw.Draw(layer)
        for line in lines:
            draw.line(self.at(line), fill=colour, width=max(1, round(width * HEAD_ZOOM)), joint="curve")
        head.alpha_composite(layer.filter(ImageFilter.GaussianBlur(soften)))

    def mask(self, head, person):
        light, u, v = self.roundness((224, 148), 46, 0.34)
        # The shadow of the mask on the face comes first.
        rim = [(181, 124), (200, 121), (214, 114), (224, 111), (234, 114), (248, 121), (268, 125)]
        self.strokes(head, [[(x, y + 1) for x, y in rim]], (60, 36, 28, 90), 2.2, 2.0)
        if person.mask == "surgical":
            outline = rim + [(266, 142), (260, 160), (246, 174), (224, 182), (203, 175), (190, 160), (184, 142)]
            light -= 0.06 * (np.sin(v * 14) > 0.75)
            self.ears(head, (226, 230, 232, 255), 1.0, [(268, 125), (266, 141)], [(181, 124), (184, 142)])
            self.lay(head, smooth(outline), shade((142, 188, 214), person.light), light)
            for y in (133, 145, 157):
                drop = (y - 133) * 0.18
                fold = [(184 + drop * 2, y - 5), (204, y - 1), (224, y + 2), (245, y - 1), (266 - drop * 2, y - 5)]
                self.strokes(head, [fold], (70, 112, 146, 150), 0.9)
                self.strokes(head, [[(x, y + 1.6) for x, y in fold]], (196, 226, 240, 120), 0.8)
            self.strokes(head, [[(206, 119), (215, 115), (224, 113), (233, 115), (243, 119)]], (222, 238, 246, 200), 1.6)
        elif person.mask == "ffp2":
            outline = [(183, 128), (199, 120), (213, 109), (224, 105), (235, 109), (249, 120), (266, 128), (262, 150),
                       (250, 170), (238, 181), (224, 186), (211, 181), (199, 170), (187, 150)]  # fmt: skip
            light += 0.10 * np.exp(-(((u + 0.12) / 0.22) ** 2)) - 0.10 * np.exp(-(((u - 0.06) / 0.1) ** 2))
            self.ears(head, (236, 236, 232, 255), 1.2, [(266, 130), (256, 162)], [(183, 130), (193, 162)])
            self.lay(head, smooth(outline), shade((232, 232, 228), person.light), light)
            self.strokes(head, [[(224, 106), (226, 128), (226, 150), (224, 185)]], (168, 168, 166, 170), 1.0)
            seam = [(189, 131), (203, 124), (224, 115), (245, 124), (261, 131)]
            self.strokes(head, [seam], (186, 186, 184, 150), 0.8)
            self.strokes(head, [[(208, 116), (224, 109), (240, 116)]], (150, 152, 156, 190), 1.8)
        else:
            colour = (38, 38, 42) if person.mask == "black" else person.cloth
            outline = [(179, 123), (198, 120), (213, 113), (224, 109), (235, 113), (250, 120), (270, 124), (267, 143),
                       (258, 162), (244, 176), (225, 183), (205, 176), (191, 162), (183, 143)]  # fmt: skip
            light += 0.16 * np.exp(-(((u + 0.2) / 0.3) ** 2 + ((v + 0.2) / 0.6) ** 2))
            if person.mask == "cloth":
                checks = (np.sin(u * 22) > 0.2).astype(np.float32) + (np.sin(v * 19 + u * u * 3) > 0.2)
                light += 0.2 * checks - 0.1
            self.ears(head, shade(colour, 0.8) + (255,), 1.6, [(270, 124), (266, 146)], [(179, 123), (184, 146)])
            self.lay(head, smooth(outline), shade(colour, person.light), light)
            self.strokes(head, [[(224, 110), (227, 130), (227, 152), (225, 182)]], shade(colour, 0.6) + (170,), 1.0)
            self.strokes(head, [[(187, 125), (205, 121), (224, 112), (243, 121), (262, 126)]],
                         shade(colour, 1.35) + (110,), 0.8)  # fmt: skip

    def ears(self, head, colour, width, right, left):
        self.strokes(head, [[right[0], (273, 122)], [right[1], (273, 131)],
                            [left[0], (174, 119)], [left[1], (176, 128)]], colour, width)  # fmt: skip

    def glasses(self, head):
        layer = Image.new("RGBA", self.size)
        draw = ImageDraw.Draw(layer)
        for x, y in (LEFT_EYE, RIGHT_EYE):
            box = self.at([(x - 17, y - 11), (x + 17, y + 13)])
            draw.rounded_rectangle([*box[0], *box[1]], 14, fill=(220, 230, 240, 22), outline=(40, 32, 30, 255), width=4)
        draw.line(self.at([(220, 103), (231, 103)]), fill=(40, 32, 30, 255), width=4)
        draw.line(self.at([(186, 100), (177, 104)]), fill=(40, 32, 30, 255), width=4)
        draw.line(self.at([(264, 101), (273, 106)]), fill=(40, 32, 30, 255), width=4)
        head.alpha_composite(layer.filter(ImageFilter.GaussianBlur(0.7)))

    def beanie(self, head, colour):
        light, _, v = self.roundness((228, 50), 76, 0.4)
        dome = [(156, 80), (154, 58), (166, 32), (192, 12), (228, 4), (264, 13), (290, 34), (301, 62), (300, 86), (230, 72)]
        self.lay(head, smooth(dome), colour, light)
        cuff = [(154, 84), (156, 66), (190, 58), (230, 56), (268, 60), (300, 70), (301, 92), (268, 82), (230, 78), (188, 78)]
        self.lay(head, smooth(cuff), shade(colour, 1.25), light + 0.05 * np.sin(v * 4))

    def cap(self, head, colour):
        light, _, _ = self.roundness((228, 50), 76, 0.4)
        dome = [(158, 74), (160, 48), (178, 24), (208, 10), (236, 8), (268, 18), (290, 40), (298, 68), (296, 80), (228, 66)]
        self.lay(head, smooth(dome), colour, light)
        brim = [(172, 76), (190, 66), (228, 62), (266, 68), (284, 80), (262, 84), (228, 80), (194, 80)]
        self.lay(head, smooth(brim), shade(colour, 0.75), light)

    def sunhat(self, head, colour):
        light, _, v = self.roundness((228, 40), 90, 0.35)
        crown = [(172, 60), (176, 28), (200, 8), (228, 3), (258, 8), (280, 28), (286, 60)]
        self.lay(head, smooth(crown), colour, light + 0.03 * np.sin(v * 30))
        band = [(171, 60), (173, 46), (228, 40), (284, 48), (287, 62), (228, 56)]
        self.lay(head, smooth(band), (94, 60, 48), light)
        brim = [(136, 76), (170, 56), (228, 51), (288, 58), (320, 80), (286, 84), (228, 77), (168, 80)]
        self.lay(head, smooth(brim), shade(colour, 0.95), light + 0.03 * np.sin(v * 30))


def limb(draw, a, b, wide, narrow, colour):
    """A tapering arm or leg with round ends."""
    a, b = np.array(a, float), np.array(b, float)
    along = (b - a) / np.hypot(*(b - a))
    across = np.array([-along[1], along[0]])
    corners = [a + across * wide, b + across * narrow, b - across * narrow, a - across * wide]
    draw.polygon([tuple(c) for c in corners], fill=colour)
    for centre, r in ((a, wide), (b, narrow)):
        draw.ellipse([centre[0] - r, centre[1] - r, centre[0] + r, centre[1] + r], fill=colour)


def paint_body(person: Person, phase: float, rng: np.random.Generator) -> Image.Image:
    """The body in one phase of its walk; the neck is at the middle of the upper edge."""
    size = (2 * BODY_HALF, BODY_LENGTH)
    picture = Image.new("RGBA", size)
    draw = ImageDraw.Draw(picture)
    swing, c = math.sin(phase), BODY_HALF
    coat = person.wear == "coat"
    hip = 520 if coat else 450
    for side in (-1, 1):
        knee = (c + side * 52 + swing * 10, 730 - max(0, side * swing) * 30)
        foot = (c + side * 50 + swing * 16 * side, 1040 - max(0, side * swing) * 60)
        tone = shade(person.legs, 0.82 if side * swing < 0 else 1.0)
        limb(draw, (c + side * 58, hip - 40), knee, 66, 48, tone)
        limb(draw, knee, foot, 48, 34, tone)
        draw.ellipse([foot[0] - 42, foot[1] - 4, foot[0] + 42, foot[1] + 58], fill=(34, 30, 30))
    for side in (-1, 1):
        elbow = (c + side * (172 + 8 * swing), 262)
        hand = (c + side * 168 + swing * 16, 430 + 34 * side * swing)
        limb(draw, hand, (hand[0], hand[1] + 26), 24, 18, shade((206, 158, 132), person.skin[1]))
        limb(draw, (c + side * 138, 84), elbow, 46, 38, shade(person.top, 0.84))
        limb(draw, elbow, hand, 38, 28, shade(person.top, 0.84))
    torso = smooth([(c - 52, 18), (c - 104, 34), (c - 162, 62), (c - 176, 118), (c - 146, 220), (c - 132, 330),
                    (c - 140, hip), (c, hip + 14), (c + 140, hip), (c + 132, 330), (c + 146, 220), (c + 176, 118),
                    (c + 162, 62), (c + 104, 34), (c + 52, 18), (c, 6)])  # fmt: skip
    draw.polygon(torso, fill=person.top)
    if person.wear == "stripes":
        for y in range(70, hip, 44):
            draw.line([(c - 170, y), (c, y + 8), (c + 170, y)], fill=shade(person.top, 0.55), width=15)
    else:
        draw.line([(c, 40), (c + 2, hip)], fill=shade(person.top, 0.6), width=5)
        for y in range(110, hip, 90):
            draw.ellipse([c + 10, y, c + 22, y + 12], fill=shade(person.top, 0.5 if coat else 1.4))
    if coat:
        draw.polygon([(c, 150), (c - 66, 18), (c - 24, 8), (c, 60), (c + 24, 8), (c + 66, 18)], fill=shade(person.top, 1.25))
    if person.tall > 0:  # a bag's strap
        draw.line([(c - 130, 44), (c + 134, 400)], fill=(58, 44, 36), width=18)
    collar = smooth([(c - 46, 30), (c - 40, 6), (c, 12), (c + 36, 8), (c + 46, 30), (c, 52)])
    draw.polygon(collar, fill=shade(person.top, 0.7))

    pixels = np.asarray(picture, np.float32).copy()
    xs = (np.arange(size[0], dtype=np.float32) - c) / 180
    light = 1.04 - 0.3 * np.abs(xs) ** 2 - 0.06 * xs
    folds = np.asarray(Image.fromarray(rng.normal(128, 60, (BODY_LENGTH // 24, size[0] // 36)).clip(0, 255).astype(np.uint8))
                       .resize(size, Image.Resampling.BICUBIC), np.float32)  # fmt: skip
    fade = (light[None] * (0.93 + 0.14 * folds / 255) * person.light)[..., None]
    pixels[..., :3] = np.clip(pixels[..., :3] * fade, 0, 255)
    alpha = Image.fromarray(pixels[..., 3].astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.2))
    body = Image.fromarray(pixels[..., :3].astype(np.uint8)).convert("RGBA")
    body.putalpha(alpha)
    return body


class Sprite:
    """A picture in halving sizes, so that a small copy is not aliased."""

    def __init__(self, picture: Image.Image, pixels_per_unit: float):
        self.levels = [(picture, pixels_per_unit)]
        while picture.width > 60:
            picture = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BOX)
            pixels_per_unit /= 2
            self.levels.append((picture, pixels_per_unit))

    def placed(self, anchor, target, scale, broad=1.0, angle=0.0) -> Image.Image:
        """The frame-sized layer with `anchor` (in units from the upper left) at `target`, at `scale` pixels per unit."""
        picture, density = next((l for l in reversed(self.levels) if l[1] >= scale * 0.8), self.levels[0])
        sx, sy = density / (scale * broad), density / scale
        cos, sin = math.cos(angle), math.sin(angle)
        a, b, d, e = cos * sx, sin * sx, -sin * sy, cos * sy
        c = anchor[0] * density - a * target[0] - b * target[1]
        f = anchor[1] * density - d * target[0] - e * target[1]
        return picture.transform((WIDTH, HEIGHT), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BICUBIC)


def paint_lane(rng: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """The empty lane, and the stalls that stand in it as a layer of their own."""
    fine = 2
    size = (WIDTH * fine, HEIGHT * fine)

    def box(draw, corners, **style):
        draw.polygon([(x * fine, y * fine) for x, y in corners], **style)

    lane = Image.new("RGB", size, (196, 208, 220))
    draw = ImageDraw.Draw(lane)
    for y in range(0, HORIZON + 40):  # sky
        draw.rectangle([0, y * fine, size[0], y * fine + fine], fill=shade((176, 198, 222), 1 + y / 1100))
    for x0, x1, roof, colour in ((0, 250, 8, (206, 178, 148)), (250, 420, 60, (220, 202, 172)), (420, 560, 96, (190, 160, 140)),
                                 (560, 740, 130, (214, 200, 186)), (740, 900, 88, (224, 196, 160)),
                                 (900, 1070, 50, (196, 172, 156)), (1070, 1280, 0, (214, 190, 150))):  # fmt: skip
        box(draw, [(x0, roof), (x1, roof), (x1, 300), (x0, 300)], fill=colour)
        box(draw, [(x0, roof), (x1, roof), (x1, roof + 7), (x0, roof + 7)], fill=shade(colour, 0.75))
        for wx in range(x0 + 18, x1 - 30, 44):
            for wy in range(roof + 24, 250, 56):
                box(draw, [(wx, wy), (wx + 18, wy), (wx + 18, wy + 30), (wx, wy + 30)], fill=(92, 104, 116))
                box(draw, [(wx - 8, wy), (wx - 1, wy), (wx - 1, wy + 30), (wx - 8, wy + 30)], fill=(104, 122, 108))
    for y in range(285, HEIGHT):  # the ground, lighter far away
        draw.rectangle([0, y * fine, size[0], y * fine + fine], fill=shade((168, 160, 150), 1.08 - (y - 285) / 1500))
    near, far = (287 - HORIZON) / 818, (HEIGHT - HORIZON) / 818
    for k in range(-58, 59):
        x0, x1 = WIDTH / 2 + k * 110 * near, WIDTH / 2 + k * 110 * far
        draw.line([(x0 * fine, 287 * fine), (x1 * fine, HEIGHT * fine)], fill=(146, 139, 130), width=2)
    box(draw, [(0, 240), (WIDTH, 240), (WIDTH, 287), (0, 287)], fill=(150, 140, 132))
    y = 8.0
    while HORIZON + y < HEIGHT:
        if HORIZON + y > 290:
            draw.line([(0, (HORIZON + y) * fine), (size[0], (HORIZON + y) * fine)], fill=(146, 139, 130), width=2)
        y *= 1.13
    lane = lane.resize((WIDTH, HEIGHT), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(1.1))

    stalls = Image.new("RGBA", size)
    draw = ImageDraw.Draw(stalls)
    for left, inner, colours in ((-30, 178, ((186, 62, 58), (236, 230, 220))), (1310, 1102, ((62, 112, 84), (236, 230, 220)))):
        way = 1 if inner > left else -1
        edges = lambda a, b: sorted((a, b))  # noqa: E731
        x0, x1 = edges(left, inner)
        box(draw, [(x0, 215), (x1, 215), (x1, 520), (x0, 520)], fill=(112, 92, 76))  # the cloth behind
        for x in (inner - way * 6,):
            box(draw, [(x - 5, 150), (x + 5, 150), (x + 5, 600), (x - 5, 600)], fill=(92, 84, 78))
        for i in range(8):  # awning
            a, b = left + (inner + way * 34 - left) * i / 8, left + (inner + way * 34 - left) * (i + 1) / 8
            ta, tb = left + (inner - left) * i / 8, left + (inner - left) * (i + 1) / 8
            box(draw, [(ta, 120), (tb, 120), (b, 205), (a, 205)], fill=colours[i % 2])
            box(draw, [(a, 205), (b, 205), (b, 226), ((a + b) / 2, 232), (a, 226)], fill=shade(colours[i % 2], 0.85))
        box(draw, [(x0, 430), (x1, 430), (x1, 600), (x0, 600)], fill=(128, 98, 70))  # the table
        for y in range(446, 600, 26):
            draw.line([(x0 * fine, y * fine), (x1 * fine, y * fine)], fill=(104, 78, 56), width=4)
        for row, y in enumerate((392, 412)):  # crates with vegetables
            for i, x in enumerate(range(int(x0), int(x1) - 40, 58)):
                colour = ((170, 70, 48), (116, 146, 66), (206, 150, 62), (136, 92, 122))[(i + row) % 4]
                for _ in range(40):
                    px, py = x + rng.uniform(2, 50), y + rng.uniform(0, 18)
                    box(draw, [(px, py), (px + 11, py - 2), (px + 9, py + 6), (px + 2, py + 7)],
                        fill=shade(colour, rng.uniform(0.75, 1.15)))  # fmt: skip
                box(draw, [(x, y + 18), (x + 54, y + 18), (x + 54, y + 30), (x, y + 30)], fill=(164, 130, 92))
    stalls = stalls.resize((WIDTH, HEIGHT), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.7))

    def grainy(picture, amount):
        pixels = np.asarray(picture, np.float32).copy()
        pixels[..., :3] = np.clip(pixels[..., :3] + rng.normal(0, amount, pixels.shape[:2])[..., None], 0, 255)
        return Image.fromarray(pixels.astype(np.uint8))

    return grainy(lane, 2.5), grainy(stalls, 2.0)


class Scene:
    def __init__(self, portrait: Image.Image):
        rng = np.random.default_rng(SEED)
        self.lane, self.stalls = paint_lane(rng)
        self.stalls_cover = np.asarray(self.stalls.getchannel("A")) > 128
        painter = HeadPainter(portrait, rng)
        self.heads = [Sprite(painter.paint(p), HEAD_ZOOM) for p in PEOPLE]
        self.bodies = []
        for i, person in enumerate(PEOPLE):
            cloth = int(rng.integers(1 << 31))  # one person's folds stay the same in all phases
            self.bodies.append([Sprite(paint_body(person, 2 * math.pi * k / PHASES, np.random.default_rng(cloth)), 1.0)
                                for k in range(PHASES)])  # fmt: skip

    def frame(self, t: float) -> tuple[Image.Image, list[dict]]:
        """The picture at a time, and the faces that can be seen in it."""
        picture = self.lane.copy().convert("RGBA")
        owner = np.zeros((HEIGHT, WIDTH), np.uint8)  # whose face each pixel shows
        faces = []
        stalls_stand = False
        present = [(place[1], place[0], i) for i, p in enumerate(PEOPLE) if (place := p.place(t))]
        for height, x, i in sorted(present):
            if height >= STALL_DEPTH and not stalls_stand:
                self.put_stalls(picture, owner)
                stalls_stand = True
            faces.append(self.put_person(picture, owner, i, x, height, t))
        if not stalls_stand:
            self.put_stalls(picture, owner)
        seen = []
        for face in sorted(faces, key=lambda f: f["person"]):
            area = face.pop("area")
            face["visible"] = round(min(1.0, float((owner == face["person"]).sum()) / area), 3)
            if face["visible"] > 0:
                seen.append(face)
        return picture.convert("RGB"), seen

    def put_stalls(self, picture, owner):
        picture.alpha_composite(self.stalls)
        owner[self.stalls_cover] = 0

    def put_person(self, picture, owner, i, x, height, t) -> dict:
        person = PEOPLE[i]
        scale = height / FACE[3]
        stride = 2 * math.pi * (0.95 + 0.02 * i) * t + i  # one cycle is two steps
        sway, bob = math.sin(stride) * 0.05 * height, -abs(math.cos(stride)) * 0.07 * height
        fx, fy = x + sway, HORIZON + (EYE_FALL - person.tall) * height + bob
        angle = math.radians(2.2 * math.sin(stride + 0.6) + (i % 5 - 2) * 1.2)
        # The face's centre is given; the neck, on which head and body meet, follows from it.
        side = -1 if person.mirrored else 1
        dx = (FACE[0] + FACE[2] / 2 - NECK[0]) * side * person.broad * scale
        dy = (FACE[1] + FACE[3] / 2 - NECK[1]) * scale
        cos, sin = math.cos(angle), math.sin(angle)
        neck = (fx - (dx * cos - dy * sin), fy - (dx * sin + dy * cos))

        shadow = Image.new("L", (WIDTH, HEIGHT))
        ground = neck[1] + 1090 * scale
        ImageDraw.Draw(shadow).ellipse([neck[0] - 190 * scale, ground - 30 * scale, neck[0] + 230 * scale, ground + 34 * scale], fill=90)
        picture.paste((60, 56, 54), (0, 0), shadow.filter(ImageFilter.GaussianBlur(6)))
        body = self.bodies[i][int(stride / (2 * math.pi) * PHASES) % PHASES].placed((BODY_HALF, 0), (neck[0], neck[1] + 4 * scale), scale, SLIM)
        anchor = (NECK[0] - HEAD_CROP[0], NECK[1] - HEAD_CROP[1])
        if person.mirrored:
            anchor = (HEAD_CROP[2] - NECK[0], anchor[1])
        head = self.heads[i].placed(anchor, neck, scale, person.broad, angle)
        for layer in (body, head):
            picture.alpha_composite(layer)
            owner[np.asarray(layer.getchannel("A")) > 128] = 0
        w, h = FACE[2] * scale * person.broad, FACE[3] * scale
        ys, xs = np.ogrid[:HEIGHT, :WIDTH]
        owner[((xs - fx) / (w / 2)) ** 2 + ((ys - fy) / (h / 2)) ** 2 <= 1] = i + 1
        return {"person": i + 1, "label": person.label, "x": round(fx - w / 2, 1), "y": round(fy - h / 2, 1),
                "w": round(w, 1), "h": round(h, 1), "area": math.pi * w * h / 4}  # fmt: skip


def find_portrait() -> Path:
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        sys.exit("make_demo: scikit-image is not installed: pip install -r tests/media/requirements.txt, or give --portrait PNG")
    return Path(spec.origin).parent / "data" / "astronaut.png"


def encoder(path: Path) -> subprocess.Popen:
    frame = WIDTH * HEIGHT * 3
    line = (
        f"fdsrc fd=0 blocksize={frame} ! rawvideoparse format=rgb width={WIDTH} height={HEIGHT} framerate={FPS}/1 "
        "! videoconvert ! video/x-raw,format=I420 "
        "! x264enc pass=quant quantizer=31 speed-preset=veryslow tune=0 key-int-max=60 threads=1 "
        f"! video/x-h264,profile=high ! h264parse ! mp4mux faststart=true ! filesink location={path}"
    )
    return subprocess.Popen(["gst-launch-1.0", "-q", *line.split()], stdin=subprocess.PIPE)


def main():
    here = Path(__file__).resolve().parent
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--portrait", type=Path, help="astronaut.png (default: the one of the installed scikit-image)")
    options.add_argument("--out", type=Path, default=here, help="folder for demo.mp4 and demo.json")
    options.add_argument("--frames", type=Path, help="also write every 10th frame as PNG into this folder")
    given = options.parse_args()

    portrait = Image.open(given.portrait or find_portrait()).convert("RGB")
    if portrait.size != (512, 512):
        sys.exit(f"make_demo: the portrait is {portrait.size[0]}x{portrait.size[1]} and not the expected 512x512 astronaut.png")
    scene = Scene(portrait)
    truth = {
        "fps": FPS, "width": WIDTH, "height": HEIGHT,
        "totals": {"persons": len(PEOPLE), "masked": sum(p.mask is not None for p in PEOPLE),
                   "unmasked": sum(p.mask is None for p in PEOPLE)},
        "frames": [],
    }  # fmt: skip
    clip = encoder(given.out / "demo.mp4")
    count = round(SECONDS * FPS)
    for n in range(count):
        picture, faces = scene.frame(n / FPS)
        picture = ImageEnhance.Contrast(picture).enhance(1.04)
        clip.stdin.write(picture.tobytes())
        truth["frames"].append(faces)
        if given.frames and n % 10 == 0:
            given.frames.mkdir(parents=True, exist_ok=True)
            picture.save(given.frames / f"{n:04d}.png")
        if (n + 1) % 30 == 0:
            print(f"frame {n + 1} of {count}", file=sys.stderr)
    clip.stdin.close()
    if clip.wait() != 0:
        sys.exit("make_demo: gst-launch-1.0 could not encode the clip; its message stands above")
    head = json.dumps({k: v for k, v in truth.items() if k != "frames"})[:-1]
    rows = ",\n".join("  " + json.dumps(faces, separators=(",", ":")) for faces in truth["frames"])
    (given.out / "demo.json").write_text(f'{head}, "frames": [\n{rows}\n]}}\n')


if __name__ == "__main__":
    main()
