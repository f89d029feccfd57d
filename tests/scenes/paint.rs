//! Paints a lane: a drawn market, and people with drawn bodies and the heads of the cast, the far ones first. Says
//! where each face is and how much of it is to be seen.

use crate::cast::{Head, Levels, REACH, yuv};
use crate::dice::Dice;
use crate::lane::{Lane, Person, Place, SIZE};

/// A face in the picture, in its pixels.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Index of the person.
    pub person: usize,
    pub x: f32,
    pub y: f32,
    pub w: f32,
    pub h: f32,
    /// Part of the face that is in the picture, faces the camera, and is hidden by nobody; 0 to 1.
    pub visible: f32,
}

/// Beyond this (degrees) a head shows its hair, not its face.
const PROFILE: f32 = 65.0;
/// Half-axes of the dome that a turning head is, aside and to the front, in widths of the face; and how far the nose
/// stands out of it. With these YuNet (which labelled the photos) sees the nose go aside by 0.48 eye distances per sine of
/// the yaw in drawn turns of bare heads and 0.29 of masked ones; in the photos it is 0.55 and 0.40.
const DOME: (f32, f32) = (0.46, 0.6);
const NOSE: f32 = 0.35;
/// The inner face is turned no further than this (degrees) before the hair takes its place.
const MOST_WARP: f32 = 50.0;
const NOBODY: u16 = u16::MAX;

pub struct Painter {
    width: usize,
    height: usize,
    /// Pixels per pixel of [`SIZE`].
    scale: f32,
    backdrop: Vec<[u8; 3]>,
    canvas: Vec<[u8; 3]>,
    /// Who is to be seen at each pixel.
    owner: Vec<u16>,
    noise: Vec<i8>,
    dice: Dice,
}

impl Painter {
    pub fn new(lane: &Lane, scale: usize) -> Painter {
        let (width, height) = (SIZE.0 as usize * scale, SIZE.1 as usize * scale);
        let mut dice = Dice::new(lane.seed ^ 0x7061_696e);
        let backdrop = backdrop(&mut dice, width, height);
        let noise = (0..1 << 16).map(|_| (dice.normal() * lane.camera.noise).clamp(-100.0, 100.0) as i8).collect();
        let pixels = width * height;
        let (canvas, owner) = (vec![[0; 3]; pixels], vec![NOBODY; pixels]);
        Painter { width, height, scale: scale as f32, backdrop, canvas, owner, noise, dice }
    }

    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The picture at a time as I420, and the faces in it.
    pub fn frame(&mut self, lane: &Lane, cast: &[Head], t: f32) -> (Vec<u8>, Vec<Seen>) {
        self.canvas.copy_from_slice(&self.backdrop);
        self.owner.fill(NOBODY);
        let mut there: Vec<_> = lane.people.iter().enumerate().filter_map(|(i, p)| Some((i, p, p.place(t)?))).collect();
        there.sort_by(|a, b| b.2.depth.total_cmp(&a.2.depth));
        for (index, person, place) in &there {
            let head = &cast[person.head];
            self.body(*index as u16, person, place, head);
            self.head(*index as u16, person, place, head, t);
        }
        if let Some((x, width)) = lane.post {
            let colour = yuv([92, 84, 74]);
            self.fill(
                NOBODY,
                ((x - width / 2.0) * self.scale, 0.0),
                (width * self.scale, self.height as f32),
                |_, _| colour,
            );
        }
        let seen = there.iter().filter_map(|(i, person, place)| self.seen(*i, person, place, &cast[person.head], t));
        let seen = seen.collect();
        (self.develop(lane, t), seen)
    }

    /// Paints a rectangle with a colour for each place in it.
    fn fill(&mut self, owner: u16, (x, y): (f32, f32), (w, h): (f32, f32), colour: impl Fn(f32, f32) -> [f32; 3]) {
        let (x0, x1) = (x.max(0.0) as usize, ((x + w).max(0.0) as usize).min(self.width));
        let (y0, y1) = (y.max(0.0) as usize, ((y + h).max(0.0) as usize).min(self.height));
        for py in y0..y1 {
            for px in x0..x1 {
                self.canvas[py * self.width + px] = colour(px as f32, py as f32).map(|v| v.clamp(0.0, 255.0) as u8);
                self.owner[py * self.width + px] = owner;
            }
        }
    }

    /// Neck, jacket and trousers, hanging from the face.
    fn body(&mut self, owner: u16, person: &Person, place: &Place, head: &Head) {
        let h = place.height * self.scale;
        let (cx, cy, w) = (place.x * self.scale, place.y * self.scale, h * head.aspect);
        let [jacket, trousers] = person.clothes;
        for py in (cy + 0.3 * h).max(0.0) as usize..((cy + 7.0 * h).max(0.0) as usize).min(self.height) {
            let down = (py as f32 - cy) / h;
            // Half-width in widths of the face, and the colour.
            let (half, colour) = match down {
                d if d < 0.72 => (0.30, head.skin),
                d if d < 1.15 => (0.30 + (d - 0.72) / 0.43 * 0.95, jacket),
                d if d < 3.4 => (1.25 - 0.05 * (d - 1.15), jacket),
                _ => (0.85, trousers),
            };
            let stripe =
                if person.striped && (0.72..3.4).contains(&down) && (down * 5.0) as i32 % 2 == 0 { 1.2 } else { 1.0 };
            let shadow = 1.0 - 0.25 * (1.0 - ((down - 0.55) / 0.3).abs()).max(0.0);
            self.fill(owner, (cx - half * w, py as f32), (2.0 * half * w, 1.0), |x, _| {
                let round = 1.0 - 0.35 * ((x - cx) / (half * w)).powi(2);
                [colour[0] * round * stripe * shadow, colour[1], colour[2]]
            });
        }
    }

    fn head(&mut self, owner: u16, person: &Person, place: &Place, head: &Head, t: f32) {
        let h = place.height * self.scale;
        let (cx, cy, w) = (place.x * self.scale, place.y * self.scale, h * head.aspect);
        let yaw = person.yaw(t);
        let nose = if person.mirrored { (-head.nose.0, head.nose.1) } else { head.nose };
        let warp = Warp::new(yaw.clamp(-MOST_WARP, MOST_WARP), nose);
        let mut columns = vec![(0.0, 0.0); (2.0 * REACH.0 * w).ceil() as usize + 1];
        let pitch = person.pitch(t);
        // The hair comes forward as the face goes to the side.
        let back = ((yaw.abs() - MOST_WARP) / (PROFILE - MOST_WARP + 10.0)).clamp(0.0, 1.0);
        let drawn = person.drawn_mask(t);
        let (y0, y1) = ((cy - REACH.1 * h).max(0.0) as usize, ((cy + REACH.1 * h).max(0.0) as usize).min(self.height));
        let (x0, x1) = ((cx - REACH.0 * w).max(0.0) as usize, ((cx + REACH.0 * w).max(0.0) as usize).min(self.width));
        for py in y0..y1 {
            let y = (py as f32 + 0.5 - cy) / h;
            warp.row(y, &mut columns);
            for px in x0..x1 {
                let x = (px as f32 + 0.5 - cx) / w;
                let alpha = Head::alpha(x, y);
                if alpha <= 0.0 {
                    continue;
                }
                let column = (x + REACH.0) / (2.0 * REACH.0) * columns.len() as f32;
                let sx = columns[(column.max(0.0) as usize).min(columns.len() - 1)].0;
                // Nodding moves what is inside more than the outline.
                let sy = y - pitch * (1.0 - (y / 0.7).powi(2)).max(0.0);
                let sx = if person.mirrored { -sx } else { sx };
                let mut colour = sample(&head.as_is, h, sx, sy);
                if let Some(masked) = head.masked.as_ref().filter(|_| drawn > 0.0) {
                    colour = mix(colour, sample(masked, h, sx, sy), drawn);
                }
                if back > 0.0 {
                    let strand = 1.0 + 0.12 * (x * 23.0 + (y * 3.0).sin() * 2.0).sin() - 0.3 * (x * x + y * y);
                    colour = mix(colour, [person.hair[0] * strand, person.hair[1], person.hair[2]], back);
                }
                let at = py * self.width + px;
                let under = self.canvas[at].map(f32::from);
                self.canvas[at] = mix(under, colour, alpha).map(|v| v.clamp(0.0, 255.0) as u8);
                if alpha > 0.5 {
                    self.owner[at] = owner;
                }
            }
        }
    }

    /// How much of the face is to be seen, after everybody is painted; `None` for one that is all outside.
    fn seen(&self, index: usize, person: &Person, place: &Place, head: &Head, t: f32) -> Option<Seen> {
        let h = place.height * self.scale;
        let (cx, cy, w) = (place.x * self.scale, place.y * self.scale, h * head.aspect);
        let (mut all, mut own) = (0u32, 0u32);
        for py in (cy - h / 2.0) as i32..(cy + h / 2.0) as i32 {
            for px in (cx - w / 2.0) as i32..(cx + w / 2.0) as i32 {
                let (x, y) = ((px as f32 + 0.5 - cx) / w, (py as f32 + 0.5 - cy) / h);
                if x * x + y * y > 0.25 {
                    continue;
                }
                all += 1;
                let inside = (0..self.width as i32).contains(&px) && (0..self.height as i32).contains(&py);
                own += u32::from(inside && self.owner[py as usize * self.width + px as usize] == index as u16);
            }
        }
        let faces = if person.yaw(t).abs() < PROFILE { 1.0 } else { 0.0 };
        let visible = own as f32 / all.max(1) as f32 * faces;
        (own > 0).then_some(Seen { person: index, x: cx - w / 2.0, y: cy - h / 2.0, w, h, visible })
    }

    /// Exposure and noise, and every second chroma sample: I420.
    fn develop(&mut self, lane: &Lane, t: f32) -> Vec<u8> {
        let (amount, seconds) = lane.camera.exposure;
        let light = 1.0 + amount * (t / seconds * std::f32::consts::TAU).sin();
        let curve: [i16; 256] = std::array::from_fn(|v| (16.0 + (v as f32 - 16.0) * light) as i16);
        let (w, h) = (self.width, self.height);
        let mut i420 = Vec::with_capacity(w * h * 3 / 2);
        for row in self.canvas.chunks_exact(w) {
            // Another piece of the same noise for each row.
            let from = self.dice.below(self.noise.len() - w);
            let noise = &self.noise[from..from + w];
            i420.extend(row.iter().zip(noise).map(|(p, n)| (curve[p[0] as usize] + i16::from(*n)).clamp(0, 255) as u8));
        }
        for plane in [1, 2] {
            for y in (0..h).step_by(2) {
                let (a, b) = (&self.canvas[y * w..(y + 1) * w], &self.canvas[(y + 1) * w..(y + 2) * w]);
                i420.extend(a.chunks_exact(2).zip(b.chunks_exact(2)).map(|(a, b)| {
                    let sum = u16::from(a[0][plane])
                        + u16::from(a[1][plane])
                        + u16::from(b[0][plane])
                        + u16::from(b[1][plane]);
                    (sum / 4) as u8
                }));
            }
        }
        i420
    }
}

/// The colour of a head at a place in widths and heights from the middle of the face.
fn sample(levels: &Levels, height: f32, x: f32, y: f32) -> [f32; 3] {
    // The level that is no smaller than what is shown.
    let full = levels.0[0].height as f32 / (2.0 * REACH.1);
    let level = (full / height).max(1.0).log2() as usize;
    let level = &levels.0[level.min(levels.0.len() - 1)];
    level.at(0.5 + x / (2.0 * REACH.0), 0.5 + y / (2.0 * REACH.1))
}

fn mix(a: [f32; 3], b: [f32; 3], part: f32) -> [f32; 3] {
    std::array::from_fn(|c| a[c] + (b[c] - a[c]) * part)
}

/// Turns a head from side to side: a dome with a nose, seen from far away. The outline stays where it is.
struct Warp {
    sin: f32,
    cos: f32,
    /// Where the tip of the nose is, in widths and heights from the middle of the face.
    nose: (f32, f32),
}

impl Warp {
    fn new(degrees: f32, nose: (f32, f32)) -> Warp {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Warp { sin, cos, nose }
    }

    /// How far a place of the face lies before the axis of the head, in widths of the face.
    fn depth(&self, x: f32, y: f32) -> f32 {
        let dome = DOME.1 * (1.0 - (x / DOME.0).powi(2)).max(0.0).sqrt();
        let (nx, ny) = ((x - self.nose.0) / 0.16, y - self.nose.1);
        // The bridge rises slowly from between the eyes; below the tip it ends soon.
        let ny = ny / if ny < 0.0 { 0.25 } else { 0.11 };
        dome + NOSE * (-nx * nx - ny * ny).exp()
    }

    /// For the columns of a row of the turned face, evenly from -`REACH.0` to `REACH.0` widths, the place of the straight
    /// face that is seen there: of those that come to lie there the one before the others.
    fn row(&self, y: f32, columns: &mut [(f32, f32)]) {
        const STEPS: usize = 120;
        columns.fill((f32::NAN, f32::MIN));
        let per_width = columns.len() as f32 / (2.0 * REACH.0);
        let mut before: Option<(f32, f32, f32)> = None;
        for step in 0..=STEPS {
            let x = (step as f32 / STEPS as f32 * 2.0 - 1.0) * REACH.0;
            let depth = self.depth(x, y);
            let column = (x * self.cos + depth * self.sin + REACH.0) * per_width;
            let nearer = depth * self.cos - x * self.sin;
            if let Some((last_x, last_column, last_nearer)) = before {
                let (from, to) = (last_column.min(column), last_column.max(column));
                let end = (to.max(0.0).ceil() as usize).min(columns.len());
                for (i, seen) in columns.iter_mut().enumerate().take(end).skip(from.max(0.0).floor() as usize) {
                    let part = ((i as f32 + 0.5 - last_column) / (column - last_column)).clamp(0.0, 1.0);
                    let here = last_nearer + (nearer - last_nearer) * part;
                    if here > seen.1 {
                        *seen = (last_x + (x - last_x) * part, here);
                    }
                }
            }
            before = Some((x, column, nearer));
        }
        // Beside the head its edge goes on.
        let (first, last) = (columns.iter().position(|c| !c.0.is_nan()), columns.iter().rposition(|c| !c.0.is_nan()));
        if let Some((first, last)) = first.zip(last) {
            let (left, right) = (columns[first], columns[last]);
            columns[..first].fill(left);
            columns[last + 1..].fill(right);
        }
    }
}

/// A drawn market: a wall, stalls with awnings and crates on both sides, the ground.
fn backdrop(dice: &mut Dice, width: usize, height: usize) -> Vec<[u8; 3]> {
    let scale = width as f32 / SIZE.0;
    let mut picture = vec![[0.0f32; 3]; width * height];
    let mut rectangle = |x: f32, y: f32, w: f32, h: f32, colour: &dyn Fn(f32, f32) -> [f32; 3]| {
        let clip = |v: f32, end: usize| ((v * scale).max(0.0) as usize).min(end);
        for py in clip(y, height)..clip(y + h, height) {
            for px in clip(x, width)..clip(x + w, width) {
                picture[py * width + px] = colour(px as f32 / scale, py as f32 / scale);
            }
        }
    };
    let colour = |dice: &mut Dice| yuv(std::array::from_fn(|_| dice.between(50.0, 220.0) as u8));
    let (wall, ground) = (dice.between(90.0, 170.0), dice.between(80.0, 140.0));
    rectangle(0.0, 0.0, SIZE.0, 130.0, &|x, y| [wall + 12.0 * (x * 0.05).sin() - 0.15 * y, 126.0, 131.0]);
    rectangle(0.0, 130.0, SIZE.0, 230.0, &|x, y| {
        [ground + 9.0 * ((x * 0.31).sin() * (y * 0.43).sin()) + 0.05 * y, 127.0, 129.0]
    });
    for _ in 0..5 {
        let (x, w, top) = (dice.between(-40.0, 600.0), dice.between(70.0, 150.0), dice.between(10.0, 50.0));
        let (cloth, front) = (colour(dice), colour(dice));
        rectangle(x, top, w, 24.0, &|px, _| {
            if ((px - x) / 12.0) as i32 % 2 == 0 { cloth } else { [215.0, 126.0, 129.0] }
        });
        rectangle(x + 5.0, top + 24.0, w - 10.0, 40.0, &|_, y| [50.0 + 0.3 * y, 128.0, 128.0]);
        rectangle(x, top + 64.0, w, 60.0, &|_, y| [front[0] - 0.2 * y, front[1], front[2]]);
        for _ in 0..14 {
            let (cx, cy, r) = (x + dice.between(6.0, w - 6.0), top + dice.between(54.0, 66.0), dice.between(2.5, 6.0));
            let goods = colour(dice);
            rectangle(cx - r, cy - r, 2.0 * r, 2.0 * r, &|px, py| {
                let inside = (px - cx).hypot(py - cy) < r;
                if inside { goods } else { [70.0, 128.0, 128.0] }
            });
        }
    }
    picture.iter().map(|p| p.map(|v| v.clamp(16.0, 235.0) as u8)).collect()
}
