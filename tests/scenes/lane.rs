//! What happens in a scene: who walks where and when, looks where, wears what. Written in metres and seconds, so that
//! the same seed gives the same people at every frame rate and picture size.

use crate::cast::{Head, Wears, yuv};
use crate::dice::Dice;

/// The picture that places are given in; a camera with 60° of view.
pub const SIZE: (f32, f32) = (640.0, 360.0);
/// Pixels per metre at a depth of one metre.
const FOCAL: f32 = 554.0;
/// Height of a face, forehead to chin, in metres.
const FACE: f32 = 0.22;
/// The camera hangs this high, a little above the heads.
const CAMERA: f32 = 2.05;
/// Line of the picture that lies at the camera's height.
const HORIZON: f32 = 62.0;
/// Half of what the camera sees across, by the depth.
const VIEW: f32 = 0.58;
/// Who comes down the lane does so from here, where a face has 14 pixels.
const FAR: f32 = 8.7;
/// Faces of this height (pixels of [`SIZE`]) and more are passages.
pub const LEAST_HEIGHT: f32 = 24.0;
/// A head is shaken where the face is at least this high: a little above the 40 pixels of the rule, since detectors
/// draw their boxes a little tighter than labels.
const SHAKE_HEIGHT: f32 = 46.0;
/// Who shakes the head looks into the camera: the heads for it look no further to the side in their photo (degrees).
const SHAKER_YAW: f32 = 15.0;
/// Looks a second from which on heads are shaken: below, the plugin does not promise to see it.
pub const SHAKE_RATE: f32 = 10.0;

/// Colours of hair: black, dark and light brown, blond, grey.
const HAIR: [[u8; 3]; 5] = [[28, 24, 24], [58, 40, 28], [98, 66, 42], [150, 118, 76], [120, 118, 116]];

/// A place at a time: seconds, metres to the right of the camera, metres from it.
#[derive(Clone, Copy, Debug)]
struct Knot {
    t: f32,
    x: f32,
    depth: f32,
}

/// Where a head turns to for a while.
#[derive(Clone, Copy, Debug)]
pub enum Gaze {
    /// Says no: swings from side to side.
    Shake { from: f32, cycles: f32, hz: f32, degrees: f32 },
    /// Looks around.
    Around { from: f32, to: f32, hz: f32, degrees: f32 },
    /// Nods.
    Nod { from: f32, to: f32, hz: f32 },
    /// Looks away, to a stall; the face is not to be seen.
    Away { from: f32, to: f32, side: f32 },
    /// Turns the back to the camera for good.
    Back { from: f32 },
}

#[derive(Clone, Debug)]
pub struct Person {
    pub head: usize,
    pub mirrored: bool,
    knots: Vec<Knot>,
    /// Height of the face above the ground in metres.
    tall: f32,
    /// Where it looks while nothing else is said, in degrees.
    facing: f32,
    pub gazes: Vec<Gaze>,
    /// When a mask is put on (true) or taken off.
    pub swap: Option<(f32, bool)>,
    /// Steps a second and their phase.
    pace: (f32, f32),
    /// Colours (Y, U, V) of jacket and trousers.
    pub clothes: [[f32; 3]; 2],
    pub striped: bool,
    /// Colour (Y, U, V) of the back of the head.
    pub hair: [f32; 3],
}

/// A face in the picture, in pixels of [`SIZE`].
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub x: f32,
    pub y: f32,
    pub height: f32,
    /// Metres from the camera.
    pub depth: f32,
}

/// What the camera does.
#[derive(Clone, Debug)]
pub struct Camera {
    pub fps: f32,
    /// Part of the frames that is lost one by one.
    pub lost: f32,
    /// Seconds of each interruption, and how many there are in a minute.
    pub bursts: (f32, f32),
    /// How far frame times are off, in parts of their distance.
    pub jitter: f32,
    /// Standard deviation of the noise (levels of 255).
    pub noise: f32,
    /// How much the exposure wanders (parts of the light), and how long a swing takes (seconds).
    pub exposure: (f32, f32),
}

#[derive(Debug)]
pub struct Lane {
    pub people: Vec<Person>,
    pub camera: Camera,
    pub seconds: f32,
    /// A post before everybody: its middle and width in pixels of [`SIZE`].
    pub post: Option<(f32, f32)>,
    /// For what is painted.
    pub seed: u64,
}

/// A time in which people come.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    pub seconds: f32,
    /// About how many come.
    pub passages: f32,
    /// Part of them that wears a mask.
    pub share: f32,
}

impl Lane {
    /// A lane in which people come in stretches, one after the other.
    pub fn new(seed: u64, cast: &[Head], stretches: &[Stretch], fps: Option<f32>) -> Lane {
        let mut dice = Dice::new(seed);
        let camera = Camera::new(&mut dice, fps);
        let post = dice.chance(0.4).then(|| (dice.between(120.0, 520.0), dice.between(10.0, 24.0)));
        let (mut people, mut from) = (Vec::new(), 0.0);
        for stretch in stretches {
            let all = people.len() + (stretch.passages * dice.between(0.9, 1.1)).round() as usize;
            while people.len() < all {
                let time = from + dice.between(0.0, stretch.seconds);
                let person = Person::new(&mut dice, cast, stretch.share, time);
                // Some come in twos, side by side.
                if people.len() + 1 < all && dice.chance(0.15) {
                    people.push(person.beside(&mut dice, cast, stretch.share));
                }
                people.push(person);
            }
            from += stretch.seconds;
        }
        if camera.fps < SHAKE_RATE {
            people.iter_mut().for_each(|p| p.gazes.retain(|g| !matches!(g, Gaze::Shake { .. })));
        }
        let seconds = people.iter().map(|p| p.leaves()).fold(from, f32::max) + 0.5;
        Lane { people, camera, seconds, post, seed }
    }

    /// Presentation times of the frames that the camera delivers, in seconds.
    pub fn frame_times(&self) -> Vec<f32> {
        let mut dice = Dice::new(self.seed ^ 0x7469_6d65);
        let camera = &self.camera;
        let gaps: Vec<_> = (0..(camera.bursts.1 * self.seconds / 60.0).round() as usize)
            .map(|_| {
                let from = dice.between(0.0, self.seconds);
                from..from + camera.bursts.0
            })
            .collect();
        let all = (0..(self.seconds * camera.fps) as usize).map(|i| {
            let off = dice.between(-0.5, 0.5) * camera.jitter;
            let lost = dice.chance(camera.lost);
            ((i as f32 + 0.5 + off) / camera.fps, lost)
        });
        all.filter(|(t, lost)| !lost && !gaps.iter().any(|g| g.contains(t))).map(|(t, _)| t).collect()
    }
}

impl Camera {
    fn new(dice: &mut Dice, fps: Option<f32>) -> Camera {
        let own = *dice.pick(&[5.0, 7.5, 10.0, 10.0, 12.0, 12.5, 15.0, 15.0, 20.0, 25.0, 30.0]);
        let lost = if dice.chance(0.3) { dice.between(0.02, 0.1) } else { 0.0 };
        let bursts = if dice.chance(0.3) { (dice.between(0.2, 0.8), 6.0) } else { (0.0, 0.0) };
        Camera {
            fps: fps.unwrap_or(own),
            lost,
            bursts,
            jitter: if dice.chance(0.4) { dice.between(0.2, 0.8) } else { 0.02 },
            noise: dice.between(1.0, 6.0),
            exposure: (dice.between(0.0, 0.22), dice.between(4.0, 20.0)),
        }
    }
}

/// Half of what is seen across at a depth, and room for a body.
fn beyond(depth: f32) -> f32 {
    VIEW * depth + 0.3
}

impl Person {
    fn new(dice: &mut Dice, cast: &[Head], share: f32, t: f32) -> Person {
        let side = if dice.chance(0.5) { 1.0 } else { -1.0 };
        let mut gazes = Vec::new();
        let kind = dice.unit();
        let knots = if kind < 0.45 {
            // Strolls across, the face towards the camera.
            let (from, to) = (dice.between(1.7, 4.5), dice.between(1.7, 4.5));
            let to = to.clamp(from - 0.8, from + 0.8);
            walk(t, &[(-side * beyond(from), from), (side * beyond(to), to)], dice.between(0.35, 0.9))
        } else if kind < 0.72 {
            // Comes down the lane and past the camera.
            let near = dice.between(1.0, 1.5);
            let x = dice.between(-1.6, 1.6);
            walk(t, &[(x, FAR), (x.signum() * beyond(near), near)], dice.between(0.8, 1.5))
        } else if kind < 0.87 {
            // Stops on the way and looks at the goods or the camera.
            let depth = dice.between(1.7, 3.8);
            let stop = dice.between(-0.4, 0.4) * depth;
            let speed = dice.between(0.4, 0.9);
            let there = walk(t, &[(-side * beyond(depth), depth), (stop, depth)], speed);
            let from = there[1].t;
            let stay = dice.between(2.0, 6.0);
            if dice.chance(0.5) {
                let (hz, degrees) = (dice.between(0.15, 0.3), dice.between(15.0, 35.0));
                gazes.push(Gaze::Around { from, to: from + stay, hz, degrees });
            } else if dice.chance(0.3) {
                gazes.push(Gaze::Nod { from, to: from + stay.min(3.0), hz: dice.between(0.8, 1.6) });
            }
            let mut knots = there;
            knots.extend(walk(from + stay, &[(stop, depth), (side * beyond(depth), depth)], speed));
            knots
        } else if kind < 0.93 {
            // Comes in, turns round, and leaves with the back to the camera.
            let depth = dice.between(1.8, 3.5);
            let turn = dice.between(-0.3, 0.3) * depth;
            let speed = dice.between(0.4, 0.9);
            let mut knots = walk(t, &[(-side * beyond(depth), depth), (turn, depth)], speed);
            let from = knots[1].t;
            gazes.push(Gaze::Back { from });
            knots.extend(walk(from + 0.4, &[(turn, depth), (-side * beyond(depth), depth)], speed));
            knots
        } else {
            // Walks away: no face, no passage.
            gazes.push(Gaze::Back { from: t - 1.0 });
            let depth = dice.between(1.5, 3.5);
            walk(t, &[(-side * beyond(depth), depth), (dice.between(-1.5, 1.5), FAR)], dice.between(0.7, 1.3))
        };
        let mut person = Person {
            head: 0,
            mirrored: dice.chance(0.5),
            knots,
            tall: dice.between(1.42, 1.72),
            facing: dice.between(-12.0, 12.0),
            gazes,
            swap: None,
            pace: (dice.between(1.6, 2.1), dice.unit()),
            clothes: std::array::from_fn(|_| {
                [dice.between(40.0, 190.0), 128.0 + 22.0 * dice.normal(), 128.0 + 22.0 * dice.normal()]
            }),
            striped: dice.chance(0.25),
            hair: yuv(*dice.pick(&HAIR)),
        };
        person.act(dice);
        person.dress(dice, cast, share);
        person
    }

    /// Somebody who walks beside, at the same pace.
    fn beside(&self, dice: &mut Dice, cast: &[Head], share: f32) -> Person {
        let mut other = self.clone();
        let (aside, behind, later) = (dice.between(0.5, 0.7), dice.between(-0.25, 0.25), dice.between(0.0, 0.2));
        for knot in &mut other.knots {
            knot.x += aside;
            knot.depth = (knot.depth + behind).max(1.0);
            knot.t += later;
        }
        other.tall = dice.between(1.42, 1.72);
        other.mirrored = dice.chance(0.5);
        other.pace = (dice.between(1.6, 2.1), dice.unit());
        other.clothes.swap(0, 1);
        other.swap = None;
        other.gazes.retain(|g| matches!(g, Gaze::Back { .. }));
        other.dress(dice, cast, share);
        other
    }

    /// Decides about shakes of the head and looks to the side.
    fn act(&mut self, dice: &mut Dice) {
        let (wants_shake, wants_away) = (dice.chance(0.07), dice.chance(0.07));
        let (hz, cycles, degrees) = (dice.between(1.0, 1.8), dice.between(2.5, 4.0), dice.between(22.0, 38.0));
        let (away, side, at) = (dice.between(0.3, 1.2), if dice.chance(0.5) { 1.0 } else { -1.0 }, dice.unit());
        if self.gazes.iter().any(|g| matches!(g, Gaze::Back { .. })) {
            return;
        }
        let last = cycles / hz;
        let near: Vec<f32> = self.moments(SHAKE_HEIGHT).collect();
        let (first, end) = (near.first().copied().unwrap_or(0.0), near.last().copied().unwrap_or(0.0));
        // Within what is seen nearby, with time before it and after.
        if wants_shake && end - first > last + 1.0 {
            let from = first + 0.5 + at * (end - first - last - 1.0);
            self.gazes = vec![Gaze::Shake { from, cycles, hz, degrees }];
        } else if wants_away {
            let seen: Vec<f32> = self.moments(LEAST_HEIGHT).collect();
            let (first, end) = (seen.first().copied().unwrap_or(0.0), seen.last().copied().unwrap_or(0.0));
            if end - first > away + 2.4 {
                let from = first + 1.2 + at * (end - first - away - 2.4);
                self.gazes.push(Gaze::Away { from, to: from + away, side });
            }
        }
    }

    /// Chooses the head: one that is large enough in its photo for how near it comes.
    fn dress(&mut self, dice: &mut Dice, cast: &[Head], share: f32) {
        let nearest = self.moments(0.0).filter_map(|t| Some(self.place(t)?.height)).fold(0.0, f32::max);
        let wears = match dice.unit() {
            u if u < share => Wears::Mask,
            u if u < share + (1.0 - share) * 0.04 => Wears::Incorrect,
            _ => Wears::Nothing,
        };
        let most = if self.shakes() { SHAKER_YAW } else { f32::MAX };
        let fitting = |wears: Wears, least: f32| -> Vec<usize> {
            let fits = |h: &Head| h.wears == wears && h.largest >= least && h.yaw.abs() <= most;
            cast.iter().enumerate().filter(|(_, h)| fits(h)).map(|(i, _)| i).collect()
        };
        let mut heads = fitting(wears, nearest);
        // A cast may have none that wears it so.
        let instead = if wears == Wears::Incorrect { Wears::Nothing } else { wears };
        for least in [nearest, 0.0] {
            if heads.is_empty() {
                heads = fitting(instead, least);
            }
        }
        self.head = *dice.pick(&heads);
        let seen: Vec<f32> = self.moments(LEAST_HEIGHT).collect();
        let (from, part, wants) = (seen.first().copied(), dice.between(0.35, 0.5), dice.chance(0.06));
        let shakes = self.gazes.iter().any(|g| matches!(g, Gaze::Shake { .. } | Gaze::Back { .. }));
        if let (Some(first), Some(last)) = (from, seen.last())
            && wants
            && !shakes
            && last - first > 4.5
            && cast[self.head].masked.is_some()
        {
            self.swap = Some((first + part * (last - first), dice.chance(0.5)));
        }
    }

    /// Times, 30 a second, at which the whole face is in the picture, at least so high, and not turned away.
    fn moments(&self, least: f32) -> impl Iterator<Item = f32> + '_ {
        let (from, to) = (self.knots[0].t, self.leaves());
        (0..((to - from) * 30.0) as usize).map(move |i| from + i as f32 / 30.0).filter(move |t| {
            self.place(*t).is_some_and(|p| {
                p.height >= least && p.x > p.height / 2.0 && p.x < SIZE.0 - p.height / 2.0 && self.yaw(*t).abs() < 60.0
            })
        })
    }

    pub fn leaves(&self) -> f32 {
        self.knots.last().map_or(0.0, |k| k.t)
    }

    pub fn place(&self, t: f32) -> Option<Place> {
        let next = self.knots.iter().position(|k| k.t > t)?;
        let [a, b] = [self.knots.get(next.checked_sub(1)?)?, &self.knots[next]];
        let part = (t - a.t) / (b.t - a.t);
        let (x, depth) = (a.x + (b.x - a.x) * part, a.depth + (b.depth - a.depth) * part);
        // The head goes up and down with each step, unless one stands.
        let walks = (b.x - a.x).hypot(b.depth - a.depth) > 0.01;
        let step = (t * self.pace.0 + self.pace.1) * std::f32::consts::TAU;
        let bob = if walks { 0.02 * step.sin() } else { 0.0 };
        let sway = if walks { 0.02 * (step / 2.0).sin() } else { 0.0 };
        let height = FOCAL * FACE / depth;
        let (px, py) =
            (SIZE.0 / 2.0 + FOCAL * (x + sway) / depth, HORIZON + FOCAL * (CAMERA - self.tall - bob) / depth);
        Some(Place { x: px, y: py, height, depth })
    }

    /// Where the head looks, in degrees from the photo's own direction; 180: the back of the head.
    pub fn yaw(&self, t: f32) -> f32 {
        // Nobody turns at once: 0.4 s for a quarter.
        let ramp = |from: f32, to: f32| ((t - from) / 0.4).min((to - t) / 0.4 + 1.0).clamp(0.0, 1.0);
        let mut yaw = self.facing;
        for gaze in &self.gazes {
            match *gaze {
                Gaze::Shake { from, cycles, hz, degrees } => {
                    let phase = (t - from) * hz;
                    if (0.0..cycles).contains(&phase) {
                        yaw += degrees * (phase * std::f32::consts::TAU).sin();
                    }
                }
                Gaze::Around { from, to, hz, degrees } if (from..to).contains(&t) => {
                    yaw += degrees * ((t - from) * hz * std::f32::consts::TAU).sin() * ramp(from, to - 0.4);
                }
                Gaze::Away { from, to, side } => yaw += (side * 90.0 - yaw) * ramp(from, to),
                Gaze::Back { from } => yaw += (180.0 - yaw) * ramp(from, f32::MAX),
                Gaze::Around { .. } | Gaze::Nod { .. } => {}
            }
        }
        yaw
    }

    /// How far the inner face is moved down, in face heights.
    pub fn pitch(&self, t: f32) -> f32 {
        let nods = self.gazes.iter().filter_map(|gaze| match *gaze {
            Gaze::Nod { from, to, hz } if (from..to).contains(&t) => {
                Some(0.09 * ((t - from) * hz * std::f32::consts::TAU).sin())
            }
            _ => None,
        });
        nods.sum()
    }

    /// How much of the drawn mask is on, 0 to 1, for heads that have one.
    pub fn drawn_mask(&self, t: f32) -> f32 {
        let Some((at, on)) = self.swap else { return 0.0 };
        let part = ((t - at) / 0.3).clamp(0.0, 1.0);
        if on { part } else { 1.0 - part }
    }

    /// What is worn when the passage ends.
    pub fn at_end(&self, cast: &[Head]) -> Wears {
        match self.swap {
            Some((_, true)) => Wears::Mask,
            _ => cast[self.head].wears,
        }
    }

    /// Whether the head is being shaken.
    pub fn is_shaking(&self, t: f32) -> bool {
        self.gazes.iter().any(|gaze| match *gaze {
            Gaze::Shake { from, cycles, hz, .. } => (0.0..cycles).contains(&((t - from) * hz)),
            _ => false,
        })
    }

    pub fn shakes(&self) -> bool {
        self.gazes.iter().any(|g| matches!(g, Gaze::Shake { .. }))
    }
}

/// What a visitor does from a time on.
#[cfg(test)]
pub type Act = fn(f32) -> Gaze;

#[cfg(test)]
impl Lane {
    /// A lane with a still camera and, one after the other, people who come in from the side, stand before the camera for
    /// four seconds and go on; one second after they stopped they act.
    pub fn of_visitors(visitors: &[(usize, Option<Act>)], fps: f32) -> Lane {
        let camera = Camera { fps, lost: 0.0, bursts: (0.0, 0.0), jitter: 0.0, noise: 2.0, exposure: (0.0, 1.0) };
        let mut from = 0.0;
        let people = visitors.iter().map(|(head, act)| {
            let (depth, side) = (1.4, beyond(1.4));
            let mut knots = walk(from, &[(-side, depth), (0.0, depth)], 0.9);
            let stands = knots[1].t;
            knots.extend(walk(stands + 4.0, &[(0.0, depth), (side, depth)], 0.9));
            from = knots[3].t + 0.5;
            Person {
                head: *head,
                mirrored: false,
                knots,
                tall: 1.6,
                facing: 0.0,
                gazes: act.iter().map(|act| act(stands + 1.0)).collect(),
                swap: None,
                pace: (1.8, 0.0),
                clothes: [[90.0, 140.0, 120.0], [60.0, 128.0, 128.0]],
                striped: false,
                hair: yuv(HAIR[0]),
            }
        });
        Lane { people: people.collect(), camera, seconds: from, post: None, seed: 1 }
    }
}

/// A straight walk from place to place (metres aside, metres of depth) at a speed (metres a second).
fn walk(start: f32, places: &[(f32, f32)], speed: f32) -> Vec<Knot> {
    let mut t = start;
    let mut knots: Vec<Knot> = Vec::new();
    for (x, depth) in places {
        if let Some(last) = knots.last() {
            t += (x - last.x).hypot(depth - last.depth) / speed;
        }
        knots.push(Knot { t, x: *x, depth: *depth });
    }
    knots
}

impl Lane {
    /// Who comes and what they do, as JSON: beside a kept video.
    pub fn truth(&self, cast: &[Head]) -> String {
        let people: Vec<_> = self
            .people
            .iter()
            .map(|person| {
                let seen: Vec<f32> = person.moments(LEAST_HEIGHT).collect();
                let shakes = person.gazes.iter().filter_map(|g| match g {
                    Gaze::Shake { from, .. } => Some(*from),
                    _ => None,
                });
                serde_json::json!({
                    "comes": person.knots[0].t,
                    "leaves": person.leaves(),
                    "in_view": [seen.first(), seen.last()],
                    "at_end": format!("{:?}", person.at_end(cast)),
                    "mask_put_on_or_off": person.swap.map(|(t, _)| t),
                    "shakes_from": shakes.collect::<Vec<_>>(),
                })
            })
            .collect();
        serde_json::json!({ "fps": self.camera.fps, "seconds": self.seconds, "people": people }).to_string()
    }
}
