"""From photos to training samples that look like a street camera's pictures.

`sample` gives one picture: a crop at a random scale (or four of them as a mosaic), with masks drawn on some
bare faces, hands and dark glasses on others, then the camera's faults: light, colour, blur, noise, compression.
Masked faces outnumber nothing and come in few colours in the photos; the drawn ones come in all.
"""
from dataclasses import dataclass

import cv2
import numpy as np

from losses import IGNORE, UNLABELLED

MASK, NO_MASK, INCORRECT = 0, 1, 2
GREY = 127
SKIN = np.array([[236, 200, 175], [205, 160, 130], [160, 110, 80], [95, 65, 50]], float)
LEAST_FACE = 6.0  # pixels high; smaller ones become ignore regions
LEAST_VISIBLE = 0.35  # share of a face inside the crop; less becomes an ignore region
MOST_OFTEN = 3  # times as often as others comes a photo on which the last model made the worst mistakes
MIRROR = [1, 0, 2, 4, 3]  # landmark order after a mirror


@dataclass
class Sample:
    pixels: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    landmarks: np.ndarray
    landmark_weight: np.ndarray


def sample(rng, photos, width, height, gentle=False):
    """`gentle`: few mosaics and milder faults, for the last stretch of a run."""
    if rng.random() < 0.1:
        picture = scribble(rng, width, height)
    elif rng.random() < (0.15 if gentle else 0.45):
        picture = mosaic(rng, photos, width, height)
    else:
        picture = crop(rng, choose(rng, photos), width, height)
    dress(rng, picture)
    if rng.random() < 0.3:
        put_a_thing(rng, picture)
    if rng.random() < 0.08:
        out_of_focus(rng, picture)
    picture.pixels = camera(rng, picture.pixels, gentle)
    return picture


def choose(rng, photos):
    """Photos on which the last model was wrong come more often (accept or draw again)."""
    while True:
        photo = photos[rng.integers(len(photos))]
        if rng.random() * MOST_OFTEN < 1 + 3 * photo.mistakes[:, 4].sum():
            return photo


def mosaic(rng, photos, width, height):
    split_x, split_y = (int(side * rng.uniform(0.35, 0.65)) for side in (width, height))
    pixels = np.empty((height, width, 3), np.uint8)
    parts = []
    for x0, x1 in ((0, split_x), (split_x, width)):
        for y0, y1 in ((0, split_y), (split_y, height)):
            if rng.random() < 0.08:
                part = scribble(rng, x1 - x0, y1 - y0)
            else:
                part = crop(rng, choose(rng, photos), x1 - x0, y1 - y0, smaller=0.7)
            pixels[y0:y1, x0:x1] = part.pixels
            part.boxes += np.float32([x0, y0, x0, y0])
            part.landmarks += np.float32([x0, y0])
            parts.append(part)
    joined = [np.concatenate([getattr(p, k) for p in parts])
              for k in ("boxes", "labels", "landmarks", "landmark_weight")]
    return Sample(pixels, *joined)


# --- geometry ---------------------------------------------------------------------------------------------------------

def crop(rng, photo, width, height, smaller=1.0):
    """A window of `photo` at a random scale; half of the windows are laid so that a face, or what the last model got
    wrong, gets a chosen height."""
    photo_h, photo_w = photo.pixels.shape[:2]
    long_side = max(photo_h, photo_w)
    scale = 640 / long_side * np.exp(rng.uniform(np.log(0.55), np.log(1.5))) * smaller
    centre = np.array([rng.uniform(0, photo_w), rng.uniform(0, photo_h)])
    faces = photo.boxes[photo.labels >= UNLABELLED]
    targets = photo.mistakes[:, :4] if len(photo.mistakes) and (not len(faces) or rng.random() < 0.4) else faces
    if len(targets) and rng.random() < 0.8:
        box = targets[rng.integers(len(targets))]
        if rng.random() < 0.5:
            wanted = np.exp(rng.uniform(np.log(9), np.log(0.85 * height)))
            scale = np.clip(wanted / (box[3] - box[1]), 0.35 * 640 / long_side, 2.0 * 640 / long_side)
        centre = (box[:2] + box[2:]) / 2 + rng.uniform(-0.42, 0.42, 2) * (width, height) / scale
    stretch = np.exp(rng.uniform(-0.1, 0.1))
    sx, sy = scale * stretch, scale / stretch
    # keep the window on the photo where the photo is larger than it
    corner = centre - np.array([width / sx, height / sy]) / 2
    room = np.array([photo_w - width / sx, photo_h - height / sy])
    corner = np.clip(corner, np.minimum(room, 0), np.maximum(room, 0))
    if rng.random() < 0.15:
        corner = np.where(room < 0, 0, corner)  # top-left, as the plugin's letterbox does

    turn = rng.normal(0, 8) if rng.random() < 0.25 else 0.0
    if turn:
        pixels, move = rotated(photo.pixels, corner, sx, sy, width, height, turn, rng)
    else:
        pixels, move = scaled(photo.pixels, corner, sx, sy, width, height, rng)
    out = Sample(pixels, move_boxes(photo.boxes, move), photo.labels.copy(), move_points(photo.landmarks, move),
                 photo.landmark_weight.copy())
    if rng.random() < 0.5:
        out.pixels = np.ascontiguousarray(out.pixels[:, ::-1])
        out.boxes[:, [0, 2]] = width - out.boxes[:, [2, 0]]
        out.landmarks[..., 0] = width - out.landmarks[..., 0]
        out.landmarks, out.landmark_weight = out.landmarks[:, MIRROR], out.landmark_weight[:, MIRROR]
    return clipped(out, width, height)


def scaled(pixels, corner, sx, sy, width, height, rng):
    """Cut the window, then scale it: by area, by 2x2 samples (as the plugin does), or by single samples."""
    photo_h, photo_w = pixels.shape[:2]
    x0, y0 = np.maximum(np.floor(corner).astype(int), 0)
    x1 = min(int(np.ceil(corner[0] + width / sx)), photo_w)
    y1 = min(int(np.ceil(corner[1] + height / sy)), photo_h)
    x1, y1 = max(x1, x0 + 2), max(y1, y0 + 2)
    to_w, to_h = max(int(round((x1 - x0) * sx)), 2), max(int(round((y1 - y0) * sy)), 2)
    pick = rng.random()
    how = cv2.INTER_AREA if pick < 0.35 else cv2.INTER_LINEAR if pick < 0.9 else cv2.INTER_NEAREST
    if sx > 1 and how == cv2.INTER_NEAREST:
        how = cv2.INTER_CUBIC
    part = cv2.resize(pixels[y0:y1, x0:x1], (to_w, to_h), interpolation=how)
    fx, fy = to_w / (x1 - x0), to_h / (y1 - y0)
    at_x, at_y = int(round((x0 - corner[0]) * fx)), int(round((y0 - corner[1]) * fy))
    canvas = np.full((height, width, 3), GREY, np.uint8)
    at_x, at_y = max(at_x, 0), max(at_y, 0)
    to_w, to_h = min(to_w, width - at_x), min(to_h, height - at_y)
    if to_w > 0 and to_h > 0:
        canvas[at_y:at_y + to_h, at_x:at_x + to_w] = part[:to_h, :to_w]
    return canvas, np.array([[fx, 0, at_x - x0 * fx], [0, fy, at_y - y0 * fy]], np.float32)


def rotated(pixels, corner, sx, sy, width, height, turn, rng):
    middle = corner + np.array([width / sx, height / sy]) / 2
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    linear = np.array([[c * sx, -s * sy], [s * sx, c * sy]])
    shift = np.array([width / 2, height / 2]) - linear @ middle
    move = np.column_stack([linear, shift]).astype(np.float32)
    if max(sx, sy) < 0.6:
        pixels = cv2.blur(pixels, (2, 2))
    fill = (GREY,) * 3
    return cv2.warpAffine(pixels, move, (width, height), flags=cv2.INTER_LINEAR, borderValue=fill), move


def move_points(points, move):
    return (points @ move[:, :2].T + move[:, 2]).astype(np.float32)


def move_boxes(boxes, move):
    """Turned boxes keep the size of the face, not the hull of the corners."""
    centre = move_points((boxes[:, :2] + boxes[:, 2:]) / 2, move)
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * np.linalg.norm(move[:, :2], axis=0)
    return np.concatenate([centre - half, centre + half], 1).astype(np.float32)


def clipped(out, width, height):
    inside = out.boxes.copy()
    inside[:, [0, 2]] = inside[:, [0, 2]].clip(0, width)
    inside[:, [1, 3]] = inside[:, [1, 3]].clip(0, height)
    whole = (out.boxes[:, 2:] - out.boxes[:, :2]).prod(1)
    share = (inside[:, 2:] - inside[:, :2]).prod(1) / np.maximum(whole, 1e-6)
    small = out.boxes[:, 3] - out.boxes[:, 1] < LEAST_FACE
    out.labels[(share < LEAST_VISIBLE) | small] = IGNORE
    cut = share < 0.9
    out.landmark_weight[cut] = 0
    keep = share > 0.02
    return Sample(out.pixels, inside[keep], out.labels[keep], out.landmarks[keep], out.landmark_weight[keep])


# --- what people wear -------------------------------------------------------------------------------------------------

def dress(rng, picture):
    """Draw masks, hands and glasses on faces whose landmarks are known."""
    for i in range(len(picture.labels)):
        label, box, points = picture.labels[i], picture.boxes[i], picture.landmarks[i]
        if label not in (MASK, NO_MASK) or picture.landmark_weight[i, 0] == 0 or box[3] - box[1] < 12:
            continue
        eyes = points[1] - points[0]
        if abs(eyes[1]) > 0.45 * max(abs(eyes[0]), 0.1 * (box[2] - box[0])):
            continue
        chance = rng.random()
        if label == NO_MASK and chance < 0.26:
            draw_mask(rng, picture.pixels, box, points)
            picture.labels[i] = MASK
        elif label == NO_MASK and chance < 0.29:
            draw_mask(rng, picture.pixels, box, points, under_nose=True)
            picture.labels[i] = INCORRECT
        elif label == NO_MASK and chance < 0.35:
            skin = patch_mean(picture.pixels, (points[0] + points[1]) / 2, 0.08 * (box[2] - box[0])) + rng.normal(0, 8, 3)
            mouth = points[3:].mean(0) + rng.normal(0, 0.05, 2) * (box[2:] - box[:2])
            draw_hand(rng, picture.pixels, mouth, *(box[2:] - box[:2]), skin)
        elif label == MASK and chance < 0.12:
            draw_mask(rng, picture.pixels, box, points, strength=rng.uniform(0.4, 0.9))
        if rng.random() < 0.05:
            draw_glasses(rng, picture.pixels, box, points)


def draw_mask(rng, pixels, box, points, under_nose=False, strength=1.0):
    """A patch from the bridge of the nose to the chin, of any colour and pattern, keeping the light on the face."""
    x0, y0, x1, y1 = box
    w, h = x1 - x0, y1 - y0
    eyes, nose, mouth = points[:2].mean(0), points[2], points[3:].mean(0)
    top = nose + (mouth - nose) * rng.uniform(0.25, 0.6) if under_nose else eyes + (nose - eyes) * rng.uniform(0.25, 0.75)
    side_y = top[1] + h * rng.uniform(-0.02, 0.12)
    inset = w * rng.uniform(0.0, 0.1)
    chin_y = min(mouth[1] + (mouth[1] - nose[1]) * rng.uniform(0.6, 1.4), y1 + 0.05 * h)
    low_y = (mouth[1] + chin_y) / 2
    tilt = (points[1, 1] - points[0, 1]) * 0.8
    half = w * rng.uniform(0.12, 0.25)
    outline = np.float32([
        [x0 + inset, side_y - tilt / 2], [nose[0] - half, (side_y + top[1]) / 2], [nose[0], top[1]],
        [nose[0] + half, (side_y + top[1]) / 2], [x1 - inset, side_y + tilt / 2],
        [x1 - inset - 0.06 * w, low_y], [mouth[0] + 0.2 * w, chin_y], [mouth[0] - 0.2 * w, chin_y],
        [x0 + inset + 0.06 * w, low_y]])
    paint(rng, pixels, outline, cloth(rng), strength)


def draw_hand(rng, pixels, middle, w, h, skin):
    """Four fingers of the colour `skin`, as large as they are before a face of `w` times `h`: a hand is no mask."""
    angle = rng.uniform(0, 180)
    width = 0.13 * w
    across = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    for number in range(4):
        at = middle + across * (number - 1.5) * width
        finger = oval(at, rng.uniform(0.3, 0.45) * h, width * 9 / 16, angle + 90)
        paint(rng, pixels, finger, plain(skin * rng.uniform(0.85, 1.08)), 1.0)


def draw_grip(rng, pixels, middle, w, h):
    """A fist around something: skin above, cloth or plastic of any colour below, and no eyes."""
    skin = SKIN[rng.integers(len(SKIN))] * rng.uniform(0.7, 1.1) + rng.normal(0, 10, 3)
    turn = rng.normal(0, 25)
    if rng.random() < 0.6:
        draw_arm(rng, pixels, middle, w, h, skin)
    beneath = patch_mean(pixels, middle + (w, 0), 2)
    paint(rng, pixels, oval(middle, 0.5 * w, 0.55 * h, turn), plain(skin), 1.0)
    if rng.random() < 0.6:  # what is seen between the fingers: more skin, its shade, or what is behind
        gap = oval(middle + np.float32([rng.normal(0, 0.08) * w, rng.normal(0, 0.12) * h]),
                   rng.uniform(0.15, 0.3) * w, rng.uniform(0.15, 0.35) * h, turn)
        paint(rng, pixels, gap, plain(skin * rng.uniform(0.3, 1.5) if rng.random() < 0.5 else beneath), 1.0)
    for _ in range(rng.integers(0, 5)):
        at = middle + np.float32([rng.uniform(-0.5, 0.5) * w, rng.uniform(-0.4, 0.4) * h])
        finger = oval(at, rng.uniform(0.05, 0.1) * w, rng.uniform(0.2, 0.4) * h, turn + rng.normal(0, 25))
        paint(rng, pixels, finger, plain(skin * rng.uniform(0.8, 1.1)), 1.0)
    thing = cloth(rng)
    at = middle + np.float32([rng.normal(0, 0.1) * w, rng.uniform(0.1, 0.45) * h])
    paint(rng, pixels, oval(at, rng.uniform(0.2, 0.55) * w, rng.uniform(0.15, 0.4) * h, rng.normal(0, 15)), thing, 1.0)
    if rng.random() < 0.5:
        half, long = rng.uniform(0.1, 0.35) * w, rng.uniform(0.3, 1.2) * h
        paint(rng, pixels, np.float32([at + (-half, 0), at + (half, 0), at + (half * 1.3, long), at + (-half * 1.3, long)]),
              thing if rng.random() < 0.5 else cloth(rng), 1.0)


def draw_pinch(rng, pixels, middle, w, h):
    """Thumb and fingers around the lid of a bottle: an arch of skin over something of one colour."""
    skin = SKIN[rng.integers(len(SKIN))] * rng.uniform(0.7, 1.1) + rng.normal(0, 10, 3)

    def at(x, y):
        return middle + np.float32([x * w, y * h])

    draw_arm(rng, pixels, at(0, -0.3), w, h, skin)
    lid, top, deep = rng.uniform(0.13, 0.26), rng.uniform(0.05, 0.3), rng.uniform(0.12, 0.3)
    neck, shoulder, body = lid * rng.uniform(0.7, 1.0), rng.uniform(0.3, 1.2), rng.uniform(0.3, 0.8)
    low, glass, clear = top + deep, plain(rng.uniform(40, 230, 3)), rng.uniform(0.15, 1.0)
    for (x0, y0), (x1, y1) in (((neck, low), (body, low + shoulder)), ((body, low + shoulder), (body, low + shoulder + 1))):
        paint(rng, pixels, np.float32([at(-x0, y0), at(x0, y0), at(x1, y1), at(-x1, y1)]), glass, clear)
    for _ in range(rng.integers(0, 5)):
        gleam = at(rng.uniform(-neck, neck), rng.uniform(low, low + shoulder))
        paint(rng, pixels, oval(gleam, 0.03 * w, rng.uniform(0.03, 0.1) * h, 0), plain(rng.uniform(180, 255)), 0.9)
    beneath = patch_mean(pixels, at(1, 0), 2)
    paint(rng, pixels, oval(at(0, -0.2), 0.48 * w, 0.33 * h, rng.normal(0, 15)), plain(skin), 1.0)
    hollow = plain(skin * rng.uniform(0.2, 0.7) if rng.random() < 0.6 else beneath)
    paint(rng, pixels, oval(at(rng.normal(0, 0.05), rng.uniform(-0.1, 0.1)), rng.uniform(0.15, 0.3) * w,
                            rng.uniform(0.15, 0.3) * h, rng.normal(0, 15)), hollow, 1.0)
    lid_colour = plain(rng.uniform(0, 255, 3))
    paint(rng, pixels, np.float32([at(-lid, top), at(lid, top), at(lid, low), at(-lid, low)]), lid_colour, 1.0)
    for side in (-1, 1):
        finger = oval(at(side * rng.uniform(0.28, 0.42), rng.uniform(0, 0.25)), rng.uniform(0.1, 0.16) * w,
                      rng.uniform(0.25, 0.42) * h, side * rng.normal(10, 12))
        paint(rng, pixels, finger, plain(skin * rng.uniform(0.85, 1.05)), 1.0)


def draw_arm(rng, pixels, hand, w, h, skin):
    """What a hand of that size hangs from: a wrist and a sleeve."""
    bend, sleeve, thick = rng.normal(0, 0.8), rng.uniform(0.4, 1.2), rng.uniform(0.2, 0.35) * w
    wrist, elbow = (hand + np.float32([-bend * w, -far * h]) for far in (sleeve, 3))
    for one, other, tone in ((hand, wrist, plain(skin)), (wrist, elbow, cloth(rng))):
        arm = np.float32([one + (-thick, 0), one + (thick, 0), other + (thick, 0), other + (-thick, 0)])
        paint(rng, pixels, arm, tone, 1.0)


def draw_car(rng, pixels, middle, w, h):
    """A car from before and above: a light bonnet under a dark windscreen, between lamps, is a mask under a fringe."""
    body = rng.uniform(10, 245, 3) if rng.random() < 0.4 else rng.uniform(20, 245) + rng.normal(0, 10, 3)
    dark, glass = plain(rng.uniform(5, 60, 3)), plain(rng.uniform(20, 140) + rng.normal(0, 12, 3))
    half, top = w / 2, rng.uniform(0.7, 1.0)

    def strip(wide, high, y0, y1, colour):
        """A trapezium between two heights, each from -0.5 to 0.5 of the car; widths in half cars."""
        corners = [(-wide, y0), (wide, y0), (high, y1), (-high, y1)]
        paint(rng, pixels, np.float32([middle + (x * half, y * h) for x, y in corners]), colour, 1.0)

    if rng.random() < 0.5:  # of the others the roof is outside the picture, or dark
        strip(0.75 * top, 0.8 * top, -0.75, -0.45, plain(body * rng.uniform(0.8, 1.1)))
    strip(0.85 * top, 1.0, -0.45, 0.3, plain(body))
    strip(0.75 * top, 0.88 * top, -0.42, rng.uniform(-0.2, -0.05), glass)
    if rng.random() < 0.5:  # the sky in the windscreen
        at = rng.uniform(-0.35, -0.2)
        strip(rng.uniform(0.2, 0.6), rng.uniform(0.2, 0.6), at, at + rng.uniform(0.03, 0.1), plain(rng.uniform(120, 250, 3)))
    strip(1.0, rng.uniform(0.75, 0.95), 0.3, rng.uniform(0.4, 0.5), plain(body * rng.uniform(0.5, 1.0)))
    if rng.random() < 0.8:
        strip(*rng.uniform(0.3, 0.8, 2), rng.uniform(0.2, 0.28), rng.uniform(0.32, 0.45), dark)
    lamp, slant = plain(rng.uniform(120, 255, 3)), rng.uniform(0, 35)
    size = np.float32([rng.uniform(0.12, 0.28) * half, rng.uniform(0.03, 0.09) * h])
    for side in (-1, 1):
        at = middle + np.float32([side * 0.75 * half, rng.uniform(0.15, 0.25) * h])
        paint(rng, pixels, oval(at, *(size * 1.2), -side * slant), dark, 1.0)
        paint(rng, pixels, oval(at, *size, -side * slant), lamp, 1.0)
        mirror = middle + np.float32([side * 1.05 * half * top, -0.2 * h])
        paint(rng, pixels, oval(mirror, 0.12 * half, 0.05 * h, 0), plain(body), 1.0)
    if rng.random() < 0.7:
        strip(0.2, 0.2, 0.33, 0.41, plain(rng.uniform(150, 250, 3)))


def put_a_thing(rng, picture):
    """Draws a hand that holds something, or a car, where nobody is."""
    height, width = picture.pixels.shape[:2]
    h = np.exp(rng.uniform(np.log(16), np.log(0.6 * height)))
    w = h * rng.uniform(0.6, 1.0)
    x, y = rng.uniform(0, width), rng.uniform(0, height)
    near = picture.boxes + np.float32([-2 * w, -2.7 * h, 2 * w, 3.5 * h])  # under the bottle, under the arm
    if ((x > near[:, 0]) & (x < near[:, 2]) & (y > near[:, 1]) & (y < near[:, 3])).any():
        return
    draw = (draw_grip, draw_pinch, draw_car)[rng.choice(3, p=(0.35, 0.35, 0.3))]
    draw(rng, picture.pixels, np.float32([x, y]), w, h)


def draw_glasses(rng, pixels, box, points):
    w = box[2] - box[0]
    tone = rng.uniform(0, 60, 3)
    for eye in points[:2]:
        paint(rng, pixels, oval(eye, w * 0.1625, w * 0.125, 0), plain(tone), rng.uniform(0.6, 1.0))


def oval(at, across, down, turn):
    """Outline of an ellipse with these half-axes, turned by degrees."""
    ring = cv2.ellipse2Poly((int(at[0] * 16), int(at[1] * 16)), (int(across * 16), int(down * 16)), int(turn), 0, 360, 30)
    return ring.astype(np.float32) / 16


def plain(tone):
    """The same colour at every place."""
    return lambda xx, yy: np.broadcast_to(tone, (*xx.shape, 3))


def cloth(rng):
    """A function from pixel positions to colours: plain, striped, checked, dotted or mottled."""
    kind = rng.random()
    if kind < 0.25:
        base = np.array([[225, 230, 235], [150, 190, 220], [25, 25, 28], [235, 235, 235]][rng.integers(4)], float)
        base = base + rng.normal(0, 12, 3)
    else:
        base = rng.uniform(10, 245, 3)
    other = rng.uniform(0, 255, 3)
    angle, period = rng.uniform(0, np.pi), rng.uniform(2.5, 14)
    phase = rng.uniform(0, 6.28)

    def colour(xx, yy):
        along = np.cos(angle) * xx + np.sin(angle) * yy
        across = -np.sin(angle) * xx + np.cos(angle) * yy
        if kind < 0.65:
            mix = np.zeros(xx.shape)
        elif kind < 0.75:
            mix = np.sin(along / period * 6.28 + phase) > 0.3
        elif kind < 0.83:
            mix = (np.sin(along / period * 6.28) > 0) ^ (np.sin(across / period * 6.28) > 0)
        elif kind < 0.92:
            mix = np.sin(along / period * 6.28) * np.sin(across / period * 6.28) > 0.4
        else:
            noise = np.random.default_rng(int(phase * 1e6)).random((6, 6)).astype(np.float32)
            mix = cv2.resize(noise, xx.shape[::-1], interpolation=cv2.INTER_CUBIC) > 0.5
        return base + (other - base) * np.asarray(mix, float)[..., None]

    return colour


def paint(rng, pixels, outline, colour, strength):
    """Lay `colour` over the outline, shaded by the light that falls on the pixels beneath."""
    height, width = pixels.shape[:2]
    x0, y0 = np.maximum(np.floor(outline.min(0)).astype(int) - 1, 0)
    x1, y1 = np.minimum(np.ceil(outline.max(0)).astype(int) + 2, (width, height))
    if x1 - x0 < 3 or y1 - y0 < 3:
        return
    part = pixels[y0:y1, x0:x1].astype(np.float32)
    cover = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(cover, [np.round((outline - (x0, y0)) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    cover = cover.astype(np.float32)[..., None] / 255 * strength
    yy, xx = np.mgrid[0:y1 - y0, 0:x1 - x0]
    light = cv2.blur(part.mean(2), (5, 5))
    within = max(float(light[cover[..., 0] > 0.3].mean()) if (cover > 0.3).any() else float(light.mean()), 20.0)
    shade = np.clip(light / within, 0.55, 1.45)[..., None] ** rng.uniform(0.3, 1.0)
    exposure = np.clip(within / 130, 0.35, 1.25)
    laid = colour(xx, yy) * shade * exposure + rng.normal(0, 3, part.shape[:2])[..., None]
    pixels[y0:y1, x0:x1] = np.clip(part + (laid - part) * cover, 0, 255).astype(np.uint8)


def patch_mean(pixels, at, radius):
    radius = max(int(radius), 1)
    x, y = int(np.clip(at[0], 0, pixels.shape[1] - 1)), int(np.clip(at[1], 0, pixels.shape[0] - 1))
    return pixels[max(y - radius, 0):y + radius + 1, max(x - radius, 0):x + radius + 1].reshape(-1, 3).mean(0)


# --- no faces at all --------------------------------------------------------------------------------------------------

def scribble(rng, width, height):
    """A made-up picture without a face: colour bars, gradients, discs, text, hands, static, facades."""
    pixels = np.empty((height, width, 3), np.uint8)
    if rng.random() < 0.5:
        facade(rng, pixels)
        return without_faces(pixels)
    kind = rng.integers(4)
    if kind == 0:
        pixels[:] = rng.integers(0, 256, (1, rng.integers(3, 9), 3), np.uint8).repeat(width // 3 + 1, 1)[:, :width]
    elif kind == 1:
        corners = rng.uniform(0, 255, (2, 2, 3)).astype(np.float32)
        pixels[:] = cv2.resize(corners, (width, height))
    elif kind == 2:
        pixels[:] = rng.integers(0, 256, (height, width, 1), np.uint8)
    else:
        pixels[:] = rng.integers(0, 256, 3)
    for _ in range(rng.integers(0, 9)):
        tone = tuple(int(v) for v in rng.integers(0, 256, 3))
        at = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        shape = rng.integers(5)
        if shape == 4:
            size = np.exp(rng.uniform(np.log(20), np.log(160)))
            draw_hand(rng, pixels, np.float32(at), size, size, SKIN[rng.integers(len(SKIN))] + rng.normal(0, 10, 3))
        elif shape == 0:
            axes = (int(rng.uniform(3, width / 3)), int(rng.uniform(3, height / 3)))
            cv2.ellipse(pixels, at, axes, rng.uniform(0, 180), 0, 360, tone, -1, cv2.LINE_AA)
        elif shape == 1:
            to = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
            cv2.rectangle(pixels, at, to, tone, -1 if rng.random() < 0.5 else 2)
        elif shape == 2:
            text = "".join(chr(c) for c in rng.integers(33, 126, rng.integers(1, 9)))
            cv2.putText(pixels, text, at, int(rng.integers(0, 8)), rng.uniform(0.4, 2), tone, int(rng.integers(1, 4)))
        else:
            to = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
            cv2.line(pixels, at, to, tone, int(rng.integers(1, 6)), cv2.LINE_AA)
    return without_faces(pixels)


def without_faces(pixels):
    empty = np.zeros((0,), np.float32)
    return Sample(pixels, empty.reshape(0, 4), np.zeros(0, np.int64), empty.reshape(0, 5, 2), empty.reshape(0, 5))


def facade(rng, pixels):
    """Houses around a market: two windows in a wall of the colour of skin, over the cloth of an awning, look like a masked
    face."""
    height, width = pixels.shape[:2]

    def tone(spread, *around):
        return tuple(int(v) for v in np.clip(around[rng.integers(len(around))] + rng.normal(0, spread, 3), 0, 255))

    pixels[:] = tone(15, *SKIN, np.array([200, 180, 140]), np.array([170, 170, 165]))
    w = np.exp(rng.uniform(np.log(5), np.log(60)))
    h = w * rng.uniform(0.7, 2.0)
    step_x, step_y = w * rng.uniform(1.3, 2.8), h * rng.uniform(1.3, 2.6)
    glass, shutter = tone(20, np.array([80, 92, 112]), np.array([40, 40, 45])), tone(25, np.array([100, 130, 105]))
    left, top, has_shutter = rng.uniform(-w, 0), rng.uniform(-h, 0), rng.random() < 0.6
    for y in np.arange(top, height, step_y):
        for x in np.arange(left, width, step_x):
            corners = [(int(x), int(y)), (int(x + w), int(y + h))]
            cv2.rectangle(pixels, *corners, glass, -1)
            if has_shutter:
                cv2.rectangle(pixels, corners[0], (int(x + 0.3 * w), int(y + h)), shutter, -1)
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(-0.3 * width, 0.8 * width), rng.uniform(0.1 * height, 0.9 * height)
        long, deep, slant = rng.uniform(3, 14) * w, rng.uniform(0.8, 4) * h, rng.uniform(-1.5, 1.5) * w
        stripes, one, two = int(rng.integers(1, 12)), tone(12, np.array([230, 225, 215])), tone(60, np.array([140, 90, 80]))
        for i in range(stripes):
            a, b = x + long * i / stripes, x + long * (i + 1) / stripes
            outline = np.array([[a, y], [b, y], [b + slant, y + deep], [a + slant, y + deep]])
            cv2.fillPoly(pixels, [np.round(outline * 16).astype(np.int32)], two if i % 2 else one, cv2.LINE_AA, 4)


def out_of_focus(rng, picture):
    """Blurs everything but what is near a face, known or not: discs of skin and cloth behind people are nobody."""
    height, width = picture.pixels.shape[:2]
    soft = picture.pixels
    size = int(np.exp(rng.uniform(np.log(7), np.log(61))))
    for _ in range(2):
        soft = cv2.blur(soft, (size, size))
    near = np.zeros((height, width), np.uint8)
    for x0, y0, x1, y1 in picture.boxes:
        middle, reach = (int((x0 + x1) / 2), int((y0 + y1) / 2)), (int(0.9 * (x1 - x0)) + 2, int(0.9 * (y1 - y0)) + 2)
        cv2.ellipse(near, middle, reach, 0, 0, 360, 255, -1)
    near = cv2.blur(near, (9, 9)).astype(np.float32)[..., None] / 255
    picture.pixels = (soft + (picture.pixels - soft.astype(np.float32)) * near).astype(np.uint8)


# --- the camera's faults ----------------------------------------------------------------------------------------------

def camera(rng, pixels, gentle=False):
    often = 0.6 if gentle else 1.0
    if rng.random() < 0.8 * often:  # light and colour in one table per channel
        gain, gamma = np.exp(rng.normal(0, 0.25)), np.exp(rng.normal(0, 0.3))
        if rng.random() < 0.12:
            gain *= rng.uniform(0.2, 0.6)
        tint = np.exp(rng.normal(0, 0.08, 3)) * gain
        lift = rng.normal(0, 12)
        if rng.random() < 0.15:  # daylight or a lamp that the camera does not know; haze and glass before it
            warmth = rng.uniform(-0.35, 0.35)
            tint *= np.exp([warmth, 0, -warmth])
            haze = rng.uniform(0, 0.4)
            tint, lift = tint * (1 - haze), lift + haze * rng.uniform(120, 220)
        ramp = (np.arange(256) / 255.0) ** gamma * 255
        table = np.clip(ramp[:, None] * tint + lift, 0, 255).astype(np.uint8)
        pixels = cv2.LUT(pixels, table.reshape(256, 1, 3))
    if rng.random() < 0.3 * often:
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None]
        keep = 0.0 if rng.random() < 0.4 else rng.uniform(0.2, 1.6)
        pixels = cv2.addWeighted(pixels, keep, np.repeat(grey, 3, 2), 1 - keep, 0)
    if rng.random() < 0.25 * often:
        if rng.random() < 0.5:
            pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.4, 1.6))
        else:
            length = int(rng.integers(3, 8))
            kernel = np.zeros((length, length), np.float32)
            angle = rng.uniform(0, np.pi)
            tip = (np.array([np.cos(angle), np.sin(angle)]) + 1) / 2 * (length - 1)
            start = tuple(int(round(v)) for v in tip)
            end = tuple(int(round(length - 1 - v)) for v in tip)
            cv2.line(kernel, start, end, 1.0)
            pixels = cv2.filter2D(pixels, -1, kernel / kernel.sum())
    if rng.random() < 0.3 * often:
        spread = abs(rng.normal(0, 9))
        tile = rng.normal(0, spread, (96, 96, 1 if rng.random() < 0.5 else 3)).astype(np.float32)
        times = -(-pixels.shape[0] // 96), -(-pixels.shape[1] // 96)
        noise = np.tile(tile, (*times, 1))[:pixels.shape[0], :pixels.shape[1]]
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.3 * often:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(18, 85))]
        pixels = cv2.imdecode(cv2.imencode(".jpg", pixels, quality)[1], cv2.IMREAD_COLOR)
    return pixels
