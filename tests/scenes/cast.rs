//! The heads of a scene: cut from labelled photos of a folder, or from the demo clip of the repository.

use std::error::Error;
use std::path::Path;

use gst::prelude::*;
use image::{RgbImage, imageops};
use serde::Deserialize;

/// What a head wears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wears {
    Mask,
    Nothing,
    /// A mask under the nose or the chin.
    Incorrect,
}

/// Faces in photos less high than this (pixels) are too coarse to be shown nearby.
const LEAST_HEIGHT: f32 = 48.0;
/// Faces are scaled to this height (pixels).
const HEIGHT: f32 = 96.0;
/// A head is shown up to this many times as large as in its photo.
pub const ENLARGED: f32 = 1.25;
/// The picture of a head reaches this far from the middle of the face: widths to each side, heights up and down.
pub const REACH: (f32, f32) = (0.85, 0.85);
/// Half-axes of the ellipse that is cut out, in widths and heights of the face.
const OUTLINE: (f32, f32) = (0.68, 0.76);
/// The middle of the ellipse lies this much above that of the face, in heights.
pub const RAISED: f32 = 0.07;
/// Heads that look further to the side than this (degrees) are left out: walkers are turned further by the scene.
const MOST_YAW: f32 = 40.0;

/// A picture of a head in full and reduced sizes, each half of the one before; planes Y, U, V.
#[derive(Clone, Debug)]
pub struct Levels(pub Vec<Level>);

#[derive(Clone, Debug)]
pub struct Level {
    pub width: usize,
    pub height: usize,
    pub yuv: Vec<[f32; 3]>,
}

/// One head of the cast.
#[derive(Clone, Debug)]
pub struct Head {
    pub wears: Wears,
    pub as_is: Levels,
    /// With a drawn mask, for a bare one.
    pub masked: Option<Levels>,
    /// Width of the face by its height.
    pub aspect: f32,
    /// The largest height (pixels) that it is shown at.
    pub largest: f32,
    /// Tip of the nose, in widths and heights from the middle of the face.
    pub nose: (f32, f32),
    /// Where it looks in the photo, in degrees to the side; 0 if that is not known.
    pub yaw: f32,
    /// Colour (Y, U, V) of the neck.
    pub skin: [f32; 3],
}

/// A face in a photo, in pixels: middle, width, height; where nose and mouth are, if that is known.
#[derive(Clone, Copy, Debug)]
struct Found {
    center: (f32, f32),
    size: (f32, f32),
    nose_and_mouth: Option<[(f32, f32); 2]>,
    yaw: f32,
}

#[derive(Deserialize)]
struct Line {
    image: String,
    #[serde(default)]
    split: String,
    boxes: Vec<Labelled>,
}

#[derive(Clone, Deserialize)]
struct Labelled {
    x: f32,
    y: f32,
    w: f32,
    h: f32,
    label: String,
    landmarks: Option<[[f32; 2]; 5]>,
    yaw: Option<f32>,
    roll: Option<f32>,
}

/// The heads of the photos in a folder with a `labels.jsonl` (those of the split `dev`, if there is one): large enough,
/// with the whole head in the picture and nobody before it, and not in profile.
pub fn from_photos(folder: &Path) -> Result<Vec<Head>, Box<dyn Error>> {
    let labels = folder.join("labels.jsonl");
    let text = std::fs::read_to_string(&labels).map_err(|e| format!("{}: {e}", labels.display()))?;
    let mut lines = Vec::new();
    for (n, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).map_err(|e| format!("{} line {}: {e}", labels.display(), n + 1))?;
        lines.push(line);
    }
    if lines.iter().any(|l| l.split == "dev") {
        lines.retain(|l| l.split == "dev");
    }
    // Where a second detector marked the landmarks, a face without them is hidden, blurred, or no face.
    let marked = lines.iter().flat_map(|l| &l.boxes).any(|b| b.landmarks.is_some());
    let mut heads = Vec::new();
    for line in &lines {
        let wanted: Vec<_> =
            line.boxes.iter().filter(|b| b.is_suitable(marked) && b.stands_free(&line.boxes)).collect();
        if wanted.is_empty() {
            continue;
        }
        let path = folder.join(&line.image);
        let photo = image::open(&path).map_err(|e| format!("{}: {e}", path.display()))?.to_rgb8();
        heads.extend(wanted.iter().filter_map(|b| Some(Head::cut(&photo, &b.found(), b.wears()?)).flatten()));
    }
    Ok(heads)
}

impl Labelled {
    fn wears(&self) -> Option<Wears> {
        match self.label.as_str() {
            "mask" => Some(Wears::Mask),
            "no_mask" => Some(Wears::Nothing),
            "incorrect" => Some(Wears::Incorrect),
            _ => None,
        }
    }

    fn is_suitable(&self, marked: bool) -> bool {
        let straight = |degrees: Option<f32>, most| degrees.is_none_or(|d: f32| d.abs() <= most);
        self.wears().is_some()
            && self.h >= LEAST_HEIGHT
            && (0.55..=1.1).contains(&(self.w / self.h))
            && (self.landmarks.is_some() || !marked)
            && straight(self.yaw, MOST_YAW)
            && straight(self.roll, 30.0)
    }

    /// Whether no other face reaches into what is cut out.
    fn stands_free(&self, all: &[Labelled]) -> bool {
        let (cx, cy) = (self.x + self.w / 2.0, self.y + self.h / 2.0);
        let (rx, ry) = (REACH.0 * self.w, REACH.1 * self.h);
        all.iter()
            .filter(|o| (o.x, o.y) != (self.x, self.y))
            .all(|o| o.x > cx + rx || o.x + o.w < cx - rx || o.y > cy + ry || o.y + o.h < cy - ry)
    }

    fn found(&self) -> Found {
        let nose_and_mouth = self.landmarks.map(|[_, _, nose, right, left]| {
            [(nose[0], nose[1]), ((right[0] + left[0]) / 2.0, (right[1] + left[1]) / 2.0)]
        });
        Found {
            center: (self.x + self.w / 2.0, self.y + self.h / 2.0),
            size: (self.w, self.h),
            nose_and_mouth,
            yaw: self.yaw.unwrap_or(0.0),
        }
    }
}

#[derive(Deserialize)]
struct Truth {
    frames: Vec<Vec<InDemo>>,
}

#[derive(Clone, Deserialize)]
struct InDemo {
    person: u32,
    label: String,
    x: f32,
    y: f32,
    w: f32,
    h: f32,
    visible: f32,
}

/// The heads of the demo clip: each of its twelve people where the face is largest and nothing hides it.
pub fn from_demo(clip: &Path) -> Result<Vec<Head>, Box<dyn Error>> {
    let truth: Truth = serde_json::from_str(&std::fs::read_to_string(clip.with_extension("json"))?)?;
    let mut best: Vec<(usize, InDemo)> = Vec::new();
    for (frame, faces) in truth.frames.iter().enumerate() {
        for face in faces.iter().filter(|f| f.visible >= 0.99) {
            let alone = faces.iter().all(|o| {
                o.person == face.person || (o.x - face.x).abs() > 1.6 * face.w || (o.y - face.y).abs() > 1.8 * face.h
            });
            let inside = face.x > 0.5 * face.w && face.x + 1.5 * face.w < 1280.0;
            match best.iter_mut().find(|(_, b)| b.person == face.person) {
                _ if !alone || !inside => {}
                Some(b) if b.1.h < face.h => *b = (frame, face.clone()),
                Some(_) => {}
                None => best.push((frame, face.clone())),
            }
        }
    }
    let line = format!(
        "filesrc location=\"{}\" ! decodebin ! videoconvert ! video/x-raw,format=RGB ! appsink name=out sync=false",
        clip.display()
    );
    let pipeline = gst::parse::launch(&line)?.downcast::<gst::Pipeline>().map_err(|_| "no pipeline")?;
    let out = pipeline.by_name("out").ok_or("no sink")?;
    pipeline.set_state(gst::State::Playing)?;
    let mut heads = Vec::new();
    for frame in 0.. {
        let Some(sample) = out.emit_by_name::<Option<gst::Sample>>("pull-sample", &[]) else { break };
        for (_, face) in best.iter().filter(|(n, _)| *n == frame) {
            let info = gst_video::VideoInfo::from_caps(sample.caps().ok_or("no caps")?)?;
            let map = sample.buffer().ok_or("no buffer")?.map_readable()?;
            let photo = RgbImage::from_fn(info.width(), info.height(), |x, y| {
                let at = y as usize * info.stride()[0] as usize + x as usize * 3;
                image::Rgb([map[at], map[at + 1], map[at + 2]])
            });
            let found = Found {
                center: (face.x + face.w / 2.0, face.y + face.h / 2.0),
                size: (face.w, face.h),
                nose_and_mouth: None,
                yaw: 0.0,
            };
            let wears = if face.label == "mask" { Wears::Mask } else { Wears::Nothing };
            heads.extend(Head::cut(&photo, &found, wears));
        }
    }
    pipeline.set_state(gst::State::Null)?;
    Ok(heads)
}

impl Head {
    /// `None`: a part of the head lies outside of the photo.
    fn cut(photo: &RgbImage, face: &Found, wears: Wears) -> Option<Head> {
        let ((cx, cy), (w, h)) = (face.center, face.size);
        let (x, y) = (cx - REACH.0 * w, cy - REACH.1 * h);
        let (width, height) = (2.0 * REACH.0 * w, 2.0 * REACH.1 * h);
        // A little may be missing below and beside, where the edge is soft; the photo's border is repeated there.
        let (slack_x, slack_y) = (0.12 * w, 0.12 * h);
        let (photo_w, photo_h) = (photo.width() as f32, photo.height() as f32);
        if x < -slack_x || y < -slack_y || x + width > photo_w + slack_x || y + height > photo_h + slack_y {
            return None;
        }
        let part = RgbImage::from_fn(width.ceil() as u32, height.ceil() as u32, |px, py| {
            let at = |from: f32, step: u32, end: u32| ((from + step as f32).max(0.0) as u32).min(end - 1);
            *photo.get_pixel(at(x, px, photo.width()), at(y, py, photo.height()))
        });
        let scale = HEIGHT / h;
        let size = ((width * scale).round() as u32, (height * scale).round() as u32);
        let picture = imageops::resize(&part, size.0, size.1, imageops::FilterType::Triangle);
        let place = |(px, py): (f32, f32)| ((px - x) * scale, (py - y) * scale);
        let [nose, mouth] = face.nose_and_mouth.unwrap_or([(cx, cy + 0.08 * h), (cx, cy + 0.28 * h)]);
        let masked = (wears == Wears::Nothing)
            .then(|| Levels::of(&with_mask(&picture, place(nose), place(mouth), w * scale, h * scale)));
        let colour = |fx: f32, fy: f32| {
            let (px, py) = place((cx + fx * w, cy + fy * h));
            let pixel = picture.get_pixel((px.max(0.0) as u32).min(size.0 - 1), (py.max(0.0) as u32).min(size.1 - 1));
            yuv(pixel.0)
        };
        Some(Head {
            wears,
            as_is: Levels::of(&picture),
            masked,
            aspect: w / h,
            largest: h * ENLARGED,
            nose: ((nose.0 - cx) / w, (nose.1 - cy) / h),
            yaw: face.yaw,
            skin: colour(0.0, -0.3),
        })
    }

    /// The part of the head that covers what is behind it at a place, 0 to 1; in widths and heights from the middle of
    /// the face.
    pub fn alpha(x: f32, y: f32) -> f32 {
        let radius = (x / OUTLINE.0).hypot((y + RAISED) / OUTLINE.1);
        ((1.0 - radius) / 0.12 + 1.0).clamp(0.0, 1.0)
    }
}

/// Lays a drawn mask over nose, mouth and chin.
fn with_mask(picture: &RgbImage, nose: (f32, f32), mouth: (f32, f32), w: f32, h: f32) -> RgbImage {
    let mut drawn = picture.clone();
    // The colour depends on the picture, so that a cast has masks of several colours.
    let sum: u32 = picture.as_raw().iter().step_by(101).map(|v| u32::from(*v)).sum();
    let colour =
        [[150.0, 190.0, 215.0], [225.0, 228.0, 226.0], [52.0, 52.0, 58.0], [96.0, 140.0, 160.0]][sum as usize % 4];
    let middle = (0.4 * nose.0 + 0.6 * mouth.0, mouth.1);
    let (top, bottom) = (nose.1 - 0.12 * h, mouth.1 + 0.26 * h);
    for (x, y, pixel) in drawn.enumerate_pixels_mut() {
        let (x, y) = (x as f32, y as f32);
        let down = (y - top) / (bottom - top);
        let across = (x - middle.0) / (0.44 * w);
        // The upper rim rises to the bridge of the nose; the chin is round.
        let rim = down - 0.22 * across.powi(2);
        let round = across.powi(2) + ((down - 0.45).max(0.0) / 0.58).powi(2);
        let edge = (rim * 14.0).min((1.0 - round) * 8.0).clamp(0.0, 1.0);
        let strap = ((0.10 - (down - 0.22 - 0.1 * (across.abs() - 1.0)).abs() * 2.0) * 14.0).clamp(0.0, 1.0)
            * f32::from((0.9..1.5).contains(&across.abs()));
        let fold = if [0.32, 0.52, 0.72].iter().any(|f| (down - f - 0.04 * across.powi(2)).abs() < 0.022) {
            0.86
        } else {
            1.0
        };
        let light = (1.04 - 0.3 * across.powi(2)) * fold;
        let cover = edge.max(0.8 * strap);
        for (c, value) in pixel.0.iter_mut().enumerate() {
            *value = (f32::from(*value) * (1.0 - cover) + (colour[c] * light).min(250.0) * cover) as u8;
        }
    }
    imageops::blur(&drawn, 0.6)
}

/// BT.601, video range.
pub fn yuv([r, g, b]: [u8; 3]) -> [f32; 3] {
    let [r, g, b] = [r, g, b].map(f32::from);
    [
        16.0 + 0.257 * r + 0.504 * g + 0.098 * b,
        128.0 - 0.148 * r - 0.291 * g + 0.439 * b,
        128.0 + 0.439 * r - 0.368 * g - 0.071 * b,
    ]
}

impl Levels {
    fn of(picture: &RgbImage) -> Levels {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut levels = vec![Level { width, height, yuv: picture.pixels().map(|p| yuv(p.0)).collect() }];
        while let Some(last) = levels.last().filter(|l| l.width > 16 && l.height > 16) {
            let half = last.half();
            levels.push(half);
        }
        Levels(levels)
    }
}

impl Level {
    fn half(&self) -> Level {
        let (width, height) = (self.width / 2, self.height / 2);
        let yuv = (0..width * height)
            .map(|i| {
                let at = (i / width * 2) * self.width + i % width * 2;
                std::array::from_fn(|c| {
                    [0, 1, self.width, self.width + 1].iter().map(|o| self.yuv[at + o][c]).sum::<f32>() / 4.0
                })
            })
            .collect();
        Level { width, height, yuv }
    }

    /// The colour at a place given in parts of the picture, 0 to 1; between pixels it is interpolated.
    pub fn at(&self, u: f32, v: f32) -> [f32; 3] {
        let x = (u * self.width as f32 - 0.5).clamp(0.0, self.width as f32 - 1.001);
        let y = (v * self.height as f32 - 0.5).clamp(0.0, self.height as f32 - 1.001);
        let (fx, fy) = (x.fract(), y.fract());
        let i = y as usize * self.width + x as usize;
        let (a, b, c, d) = (self.yuv[i], self.yuv[i + 1], self.yuv[i + self.width], self.yuv[i + self.width + 1]);
        std::array::from_fn(|p| (a[p] * (1.0 - fx) + b[p] * fx) * (1.0 - fy) + (c[p] * (1.0 - fx) + d[p] * fx) * fy)
    }
}
