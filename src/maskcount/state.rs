//! What one run of the element rests on, and what each frame does to it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::IncorrectIs;
use super::clock::UtcClock;
use super::eye::{Eye, Frame, Look};
use super::failure::Failure;
use super::imp::CAT;
use super::properties::Settings;
use super::stats::Stats;
use super::untimed::Untimed;
use super::video::Video;
use crate::detect::change::Change;
use crate::detect::{DetectError, Label};
use crate::look::{self, FaceMeta, Shape};
use crate::people::{self, Event, People, State as Worn};
use crate::picture::Rect;
use crate::report::{Passage, Report, Wearing, WindowId};

/// A frame that is this much earlier than the one before it, within one segment, is out of order; what is more is another
/// stretch of time.
const OUT_OF_ORDER: Duration = Duration::from_secs(1);
/// So many looks in a row that come too late are no gap in the stream.
const SELDOM: u32 = 3;
/// Time between two `maskcount-live` messages.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);

/// What one run of the element rests on, from start to stop.
pub struct State {
    pub eye: Eye,
    /// Where somebody may have come in since the look that the boxes rest on.
    change: Change,
    /// A frame came that was not looked at though each was to be: from then on pictures are kept for the next one.
    leaves_out: bool,
    pub report: Report,
    /// The window that was counted into last, and the running time of its first passage: earlier ones are in another.
    counted: (WindowId, Duration),
    pub people: People,
    pub clock: UtcClock,
    /// Set by the caps.
    pub video: Option<Video>,
    /// Revision of the settings that `people` and `report` have.
    revision: u64,
    /// Frames since the last one that was given to the eye, for `interval`, and its running time, for `max-fps`.
    since_begun: u32,
    last_begun: Option<Duration>,
    /// When the next look is due by `max-fps`; `None`: at once.
    next_due: Option<Duration>,
    /// How many looks in a row came so long after the one before that nobody can be found again.
    seldom: u32,
    /// Running time of the frame that the boxes rest on; with `async` it is older than `last_begun` most of the time.
    last_look: Option<Duration>,
    pub last_frame: Option<Duration>,
    pub untimed: Untimed,
    last_live: Option<Duration>,
    /// Nothing of what was seen before can be joined to the next frame.
    broken: bool,
    /// Of the frame at hand; kept for its memory.
    faces: Vec<FaceMeta>,
    pub posts: VecDeque<gst::Message>,
}

impl State {
    /// As it stands before the first frame.
    pub fn new(eye: Eye, report: Report, settings: &Settings) -> State {
        State {
            people: People::new(settings.people(eye.manifest()), (1, 1)),
            change: Change::default(),
            leaves_out: false,
            eye,
            report,
            counted: Default::default(),
            clock: UtcClock::new(settings.start_time.as_ref().map(|(_, time)| *time)),
            video: None,
            revision: settings.revision,
            since_begun: u32::MAX,
            last_begun: None,
            next_due: None,
            seldom: 0,
            last_look: None,
            last_frame: None,
            untimed: Untimed::default(),
            last_live: None,
            broken: false,
            faces: Vec::with_capacity(64),
            posts: VecDeque::new(),
        }
    }

    /// Goes on to the next frame, which comes `now`, and tells its running time: its own, else that of [`Untimed`]; of a frame
    /// out of order a little more than the last one's. A step further back, a flush or a new segment ends every track.
    pub fn advance(&mut self, own: Option<Duration>, video: &Video, now: Instant) -> Duration {
        let steady = (!self.clock.is_of_a_recording()).then_some(now);
        let time = match self.untimed.own(own) {
            Some(time) => time,
            None => self.untimed.next(self.last_frame, video.known_frame_duration(), steady),
        };
        let back = self.last_frame.map_or(Duration::ZERO, |last| last.saturating_sub(time));
        let is_out_of_order = !self.broken && !back.is_zero() && back <= OUT_OF_ORDER;
        // Time goes on: what grows with the age of a look must not stand still. But not as fast as frames come, so that their
        // own times catch up.
        let little = video.frame_duration() / 4;
        let next = self.last_frame.map_or(Duration::ZERO, |last| last.saturating_add(little));
        let time = if is_out_of_order { next } else { time };
        if self.broken || back > OUT_OF_ORDER {
            self.forget();
            self.clock.segment();
            self.look_anew();
            self.last_live = None;
            self.broken = false;
        }
        self.last_frame = Some(time);
        time
    }

    /// A pause has ended. Running time stood still, so the next frame alone does not tell how long it was.
    pub fn resume(&mut self, now: Instant) {
        let paused = self.clock.resume(now);
        if paused > people::LOST_AFTER {
            self.break_off();
        } else if !paused.is_zero() {
            self.eye.forget();
            self.look_anew();
        }
    }

    /// The boxes are worth nothing any more: until the next look everything is covered, and the next frame is looked at.
    fn look_anew(&mut self) {
        (self.last_begun, self.last_look, self.since_begun, self.next_due) = (None, None, u32::MAX, None);
    }

    /// What comes next has nothing to do with what was: a flush, a new segment, a long pause of a camera.
    pub fn break_off(&mut self) {
        self.broken = true;
        self.eye.forget();
    }

    /// The pictures that come are of this kind.
    pub fn set_video(&mut self, video: Video) {
        let size = |video: &Video| (video.info.width(), video.info.height());
        let size_now = size(&video);
        if self.video.replace(video).is_some_and(|before| size(&before) != size_now) {
            // Where the boxes lie in a picture of another size nobody knows.
            self.look_anew();
        }
        self.eye.forget();
    }

    /// Drops the look under way, and what is kept of pictures.
    pub fn forget_pictures(&mut self) {
        self.eye.forget();
        self.change.forget();
    }

    /// Ends every track and the look under way.
    fn forget(&mut self) {
        self.forget_pictures();
        if let Some(last) = self.last_frame {
            take(&mut self.report, &mut self.counted, self.people.forget(last), &self.clock);
        }
        self.counted = Default::default();
    }

    /// Waits for the look under way, ends every track, closes the open window and waits for its files.
    pub fn finish(&mut self, stats: &mut Stats) -> Result<(), DetectError> {
        let seen = self.end_look(true, stats);
        self.forget();
        self.broken = true;
        self.report.finish(self.clock.last());
        seen.map(drop)
    }

    /// Whether this frame is to be looked at by `interval` and `max-fps`.
    pub fn is_due(&mut self, settings: &Settings, time: Duration, video: &Video) -> bool {
        self.since_begun = self.since_begun.saturating_add(1);
        // The frame that is nearest to when a look is due: one that waited for its time to be over would lose up to a
        // frame at each look, and where the times of frames scatter more looks than not.
        let rested = self.next_due.is_none_or(|due| time + video.frame_duration() / 2 >= due);
        self.since_begun >= settings.interval && rested
    }

    /// Takes over settings that changed since the last frame.
    pub fn follow(&mut self, settings: &Settings) {
        if self.revision != settings.revision {
            self.people.set(settings.people(self.eye.manifest()));
            self.report.set_max_files(settings.report.max_files);
            self.report.set_incorrect_apart(settings.incorrect_is == IncorrectIs::Separate);
            // By another `max-fps` it may be due now.
            self.next_due = None;
            self.revision = settings.revision;
        }
    }

    /// Takes the picture in, to be looked at now or, with `async`, meanwhile.
    pub fn begin_look(
        &mut self,
        buffer: &gst::BufferRef,
        video: &Video,
        settings: &Settings,
        time: Duration,
        stats: &mut Stats,
    ) -> Result<(), Failure> {
        // Who counts only the surest faces does not want the others shown.
        let usual = self.eye.manifest().threshold;
        let threshold = settings.threshold.unwrap_or(usual).min(usual) as f32 * people::COVERED;
        let looks_at_each = settings.interval == 1 && settings.max_fps.numer() == 0 && self.eye.is_awaited();
        let keep = self.leaves_out || !looks_at_each;
        let sampling = video.with_picture(buffer, |picture| {
            let (width, height) = (picture.width(), picture.height());
            let of = Frame { time, size: (width as u32, height as u32) };
            // Before the look begins: with `async` it may be done at once.
            if keep {
                self.change.take(picture);
                self.change.begin();
            } else {
                self.change.begin_unkept();
            }
            self.eye.begin(picture, &video.geometry(buffer, width, height), threshold, of)
        })??;
        stats.sampling.add(sampling);
        let alone = self.last_begun.is_some_and(|last| time.saturating_sub(last) > people::LOST_AFTER);
        self.seldom = if alone { self.seldom.saturating_add(1) } else { 0 };
        (self.since_begun, self.last_begun) = (0, Some(time));
        // Looks that came too late are not made up for.
        self.next_due = between_looks(settings)
            .map(|between| self.next_due.map_or(time + between, |due| (due + between).max(time + between / 2)));
        stats.analysed += 1;
        Ok(())
    }

    /// Tells the people room what the look that was begun has found, as of the time of its frame; the events go to the
    /// report. Tells how long the network was waited for; `None`: no look has ended.
    pub fn end_look(&mut self, wait: bool, stats: &mut Stats) -> Result<Option<Duration>, DetectError> {
        let awaited = self.eye.is_awaited();
        let Some(Look { frame, times, faces }) = self.eye.end(wait)? else { return Ok(None) };
        let Frame { time, size } = frame;
        stats.runtime.add(times.runtime);
        stats.decoding.add(times.decoding);
        let start = Instant::now();
        take(&mut self.report, &mut self.counted, self.people.resize(size, time), &self.clock);
        take(&mut self.report, &mut self.counted, self.people.look(time, faces), &self.clock);
        stats.people.add(start.elapsed());
        self.last_look = Some(time);
        self.change.end();
        Ok(Some(if awaited { times.runtime } else { Duration::ZERO }))
    }

    /// Takes in a picture that is not looked at, to be held against that of the newest look.
    pub fn watch(&mut self, buffer: &gst::BufferRef, video: &Video) -> Result<(), Failure> {
        self.leaves_out = true;
        video.with_picture(buffer, |picture| self.change.take(picture))
    }

    /// Ends the tracks of those who are gone by now while nothing is looked at (and all is covered): their passages are of this
    /// time, not of the next look's.
    pub fn rest(&mut self, time: Duration) {
        self.forget_pictures();
        let is_long_ago = self.last_look.is_some_and(|last| time.saturating_sub(last) > people::LOST_AFTER);
        if is_long_ago && !self.people.is_empty() {
            take(&mut self.report, &mut self.counted, self.people.forget(time), &self.clock);
        }
    }

    /// Whether it is to be said that looks are too far apart to count anybody: once one after the other was, and once only.
    pub fn looks_are_seldom(&self) -> bool {
        self.seldom == SELDOM
    }

    /// Who is in view for the wall display: nobody while nothing is looked at, or has not been for so long that they may
    /// all be gone.
    pub fn on_display(&self, settings: &Settings, time: Duration) -> impl Iterator<Item = people::InView> {
        let looked = self.last_look.is_some_and(|last| time.saturating_sub(last) <= people::LOST_AFTER);
        let shown = looked && !settings.paused;
        self.people.in_view(time).filter(move |_| shown)
    }

    /// Whether a second has passed since `maskcount-live` was posted last; if so, it is posted now.
    pub fn live_is_due(&mut self, time: Duration) -> bool {
        let due = self.last_live.is_none_or(|last| time.saturating_sub(last) >= LIVE_INTERVAL);
        if due {
            self.last_live = Some(time);
        }
        due
    }

    /// Leaves the metadata of this frame on the buffer; how many of the faces are followed.
    pub fn attach(
        &mut self,
        buffer: &mut gst::BufferRef,
        settings: &Settings,
        time: Duration,
        analysed: bool,
        shape: Shape,
    ) -> Result<u32, Failure> {
        self.faces.clear();
        // While nothing is looked at, no box rests on anything.
        let age = if settings.paused { None } else { self.last_look.map(|last| time.saturating_sub(last)) };
        let mut followed = 0;
        if age.is_some() {
            self.faces.extend(self.people.in_view(time).map(|face| {
                followed += u32::from(face.followed);
                let (rect, label, id) = (face.rect, face.label, face.id);
                let since = gst::ClockTime::try_from(face.since).unwrap_or_default();
                FaceMeta { rect, label, confidence: f64::from(face.score), id, since }
            }));
        }
        for face in &self.faces {
            gst::trace!(CAT, "{time:?}: {} {:?} {:.2} {:?}", face.id, face.label, face.confidence, face.rect);
        }
        let areas = settings.exclude.iter().flat_map(|(_, areas)| areas).map(|area| {
            let (x, y, w, h) = area.bounds();
            let (fx, fy) = (shape.width as f32 / 1000.0, shape.height as f32 / 1000.0);
            Rect::new(x * fx, y * fy, w * fx, h * fy)
        });
        // Before the first look, `age` says that nothing is known of the whole picture.
        let unseen = match age {
            Some(_) if !(analysed && self.eye.is_awaited()) => {
                self.change.areas(self.faces.iter().map(|face| face.rect))
            }
            _ => &[],
        };
        let age = age.and_then(|age| gst::ClockTime::try_from(age).ok());
        look::attach(buffer, analysed, age, self.faces.iter().copied(), areas, unseen.iter().copied(), shape)?;
        Ok(followed)
    }
}

/// Time from look to look that `max-fps` asks for.
fn between_looks(settings: &Settings) -> Option<Duration> {
    let (numer, denom) = (settings.max_fps.numer(), settings.max_fps.denom());
    (numer > 0).then(|| Duration::from_secs_f64(f64::from(denom) / f64::from(numer)))
}

/// Tells the report what happened to the counts. What is counted already is amended or withdrawn in its window only: one that
/// is given out is not changed.
fn take(report: &mut Report, counted: &mut (WindowId, Duration), events: &[Event], clock: &UtcClock) {
    // Events carry times of frames that came, so all of them have a UTC.
    let utc_of = |time: Duration| clock.of(time).or(clock.last()).unwrap_or_default();
    let window_of = |(window, first), at| if first <= at { window } else { WindowId::default() };
    for event in events {
        match *event {
            Event::Counted { id, at, state } => {
                gst::trace!(CAT, "passage {id} counted as {state:?}");
                let window = report.take(Passage { time: utc_of(at), wearing: wearing(state) });
                if counted.0 != window {
                    *counted = (window, at);
                }
            }
            Event::Amended { id, counted_at, from, to } => {
                gst::trace!(CAT, "passage {id} amended to {to:?}");
                report.amend(window_of(*counted, counted_at), wearing(from), wearing(to));
            }
            Event::Withdrawn { id, at, counted: passage } => {
                gst::trace!(CAT, "passage {id} withdrawn");
                let passage = passage.map(|(counted_at, worn)| (window_of(*counted, counted_at), wearing(worn)));
                report.withdraw(utc_of(at), passage);
            }
        }
    }
}

fn wearing(state: Worn) -> Wearing {
    match state {
        Worn::Unknown => Wearing::Unknown,
        Worn::Known(Label::Mask) => Wearing::Masked,
        Worn::Known(Label::NoMask) => Wearing::Unmasked,
        Worn::Known(Label::Incorrect) => Wearing::Incorrect,
    }
}
