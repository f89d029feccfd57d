use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_base::subclass::prelude::*;

use super::failure::Failure;
use super::held::{self, Face, HeldFaces};
use super::layout::Layout;
use super::meta::{self, Sight};
use super::properties::{self, Settings};
use super::{Mode, OnMissing, Scope, tags};
use crate::element::{self, lock};
use crate::look::Shape;
use crate::mosaic::{self, Cover};
use crate::picture::{Format, Rect};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("facepixelate", gst::DebugColorFlags::empty(), Some("Covers faces or the whole picture"))
});

#[derive(Debug)]
struct State {
    info: gst_video::VideoInfo,
    format: Format,
    /// Luma of black.
    black: u8,
    held: HeldFaces,
    /// Of the frame at hand; kept for its memory.
    faces: Vec<Face>,
    unseen: Vec<Rect>,
    /// An event came after which times do not follow the ones before.
    discontinuous: bool,
    /// When the newest frame came.
    came: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stats {
    frames: u64,
    faces_covered: u64,
    faces_held: u64,
    frames_covered_whole: u64,
    frames_missing: u64,
    frames_stale: u64,
    frames_passed: u64,
    errors: u64,
    /// Time spent mapping and covering.
    cover_time: Duration,
}

#[derive(Default)]
pub struct FacePixelate {
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
    stats: Mutex<Stats>,
    /// An error was posted; those that follow from it say nothing new.
    failed: AtomicBool,
    /// Frames that were covered whole since the start because the look before them was too long ago.
    behind: AtomicU64,
}

/// After so many of them the user is told; a hiccup of the machine is not worth it.
const OFTEN_BEHIND: u64 = 25;

impl FacePixelate {
    /// Covers one frame and adds what was done to `stats`.
    fn cover(
        &self,
        buffer: &mut gst::BufferRef,
        settings: &Settings,
        now: Instant,
        stats: &mut Stats,
    ) -> Result<Sight, Failure> {
        let mut state = lock(&self.state);
        let state = state.as_mut().ok_or(Failure::NotNegotiated)?;
        let layout = Layout::of(buffer, &state.info, state.format.planes())?;
        let (width, height) = (layout.size.0 as u32, layout.size.1 as u32);
        let shape = Shape { width, height, pixels: state.info.par() };
        let sight = meta::read(buffer, shape, settings.max_age, &mut state.faces, &mut state.unseen);
        let is_missing = matches!(sight, Sight::Missing | Sight::Incomplete { .. } | Sight::Misplaced);
        stats.frames_missing += u64::from(is_missing);
        stats.frames_stale += u64::from(matches!(sight, Sight::Stale(_)));
        state.follow(buffer, settings, now, sight, layout.size);

        let blind = match (sight, settings.on_missing) {
            (Sight::Fresh(_), _) | (Sight::Missing, OnMissing::Pass) => false,
            (Sight::Missing, OnMissing::Error) => return Err(Failure::Missing),
            (Sight::Misplaced, OnMissing::Error) => return Err(Failure::Misplaced),
            (Sight::Incomplete { expected, found, .. }, OnMissing::Error) => {
                return Err(Failure::Incomplete { expected, found });
            }
            (Sight::Stale(_) | Sight::Incomplete { .. } | Sight::Misplaced | Sight::Missing, _) => true,
        };
        let whole = blind || settings.scope == Scope::Frame || state.held.whole();
        let cover = match settings.mode {
            Mode::Mosaic => Cover::Mosaic { cells: settings.cells },
            Mode::Solid => Cover::Solid { luma: state.black },
        };

        meta::part_from_parent(buffer)?;
        let crop = buffer.meta::<gst_video::VideoCropMeta>().map(|meta| meta.rect());
        let mut map = buffer.map_writable().map_err(|_| Failure::Map)?;
        let mut picture = layout.picture(state.format, map.as_mut_slice())?;
        if whole {
            mosaic::cover_whole(&mut picture, cover);
            stats.frames_covered_whole += 1;
        } else {
            for (rect, held) in state.held.boxes(settings.margin) {
                mosaic::cover(&mut picture, rect, cover);
                stats.faces_covered += 1;
                stats.faces_held += u64::from(held);
            }
            // Nobody knows how large a part of a face such an area is: nothing of it may be left.
            let cover = if let Cover::Mosaic { .. } = cover { Cover::Mosaic { cells: 1 } } else { cover };
            state.unseen.iter().for_each(|area| mosaic::cover(&mut picture, *area, cover));
            // Nobody has looked there, and an element that does not know the meta would show it.
            if let Some(crop) = crop.filter(|_| sight != Sight::Missing) {
                beyond(crop, layout.size).for_each(|area| mosaic::cover(&mut picture, area, cover));
            }
            stats.frames_passed += u64::from(sight == Sight::Missing);
        }
        drop(map);
        gst::trace!(CAT, imp = self, "{sight:?}, whole frame: {whole}, boxes: {:?}", state.held);
        meta::remove(buffer, settings.keep_meta);
        Ok(sight)
    }

    /// Tells the user once why the picture is covered whole again and again.
    fn tell_behind(&self, frames: u64, settings: &Settings) {
        if self.behind.fetch_add(1, Ordering::Relaxed) + 1 != OFTEN_BEHIND {
            return;
        }
        let text = format!(
            "{OFTEN_BEHIND} of {frames} frames were covered whole because their boxes rest on a look that is older than max-age \
             ({} ms): make the looks of maskcount come faster (`input-size`, `max-fps`, `interval`), or raise `max-age`",
            settings.max_age.mseconds()
        );
        let message = gst::message::Warning::builder(gst::StreamError::Failed, &text).src(&*self.obj()).build();
        // Refused only where nobody listens.
        let _ = self.obj().post_message(message);
    }

    /// Posts the failure unless one was posted before.
    fn tell(&self, failure: &Failure) {
        if self.failed.swap(true, Ordering::Relaxed) {
            gst::debug!(CAT, imp = self, "{failure}");
        } else {
            self.post_error_message(failure.message());
        }
    }

    fn fail(&self, failure: &Failure) -> gst::FlowError {
        self.tell(failure);
        failure.flow()
    }
}

impl State {
    /// Takes the frame's faces to those that are held.
    fn follow(
        &mut self,
        buffer: &gst::BufferRef,
        settings: &Settings,
        now: Instant,
        sight: Sight,
        size: (usize, usize),
    ) {
        let fps = self.info.fps();
        let by_rate = || {
            let (frames, seconds) = (u64::try_from(fps.numer()).ok()?, u64::try_from(fps.denom()).ok()?);
            gst::ClockTime::SECOND.mul_div_floor(seconds, frames)
        };
        // Of a camera that tells neither times nor a rate, what has passed since its last frame came.
        let passed = self.came.replace(now).and_then(|before| gst::ClockTime::try_from(now - before).ok());
        let frame = buffer.duration().or_else(|| (fps.numer() > 0).then(by_rate).flatten()).or(passed);
        // A buffer that says DISCONT follows others that were lost, as behind a leaky queue: its time is none the worse.
        let continuous = !std::mem::take(&mut self.discontinuous);
        let age = match sight {
            Sight::Fresh(age) => age,
            // Where it is not known, as old as anything that is held.
            Sight::Stale(age) | Sight::Incomplete { age, .. } => age.unwrap_or(settings.hold.into()),
            Sight::Misplaced | Sight::Missing => Duration::ZERO,
        };
        self.held.advance(buffer.pts().map(Into::into), frame.map(Into::into), continuous);
        self.held.take(&self.faces, age, settings.hold.into(), size);
    }
}

/// What a crop leaves out of a picture: above, below, left and right of it.
fn beyond((x, y, w, h): (u32, u32, u32, u32), (width, height): (usize, usize)) -> impl Iterator<Item = Rect> {
    let [x, y, w, h] = [x, y, w, h].map(|side| side as f32);
    let (width, height) = (width as f32, height as f32);
    let sides = [
        Rect::new(0.0, 0.0, width, y),
        Rect::new(0.0, y + h, width, height - y - h),
        Rect::new(0.0, y, x, h),
        Rect::new(x + w, y, width - x - w, h),
    ];
    sides.into_iter().filter(|side| side.w > 0.0 && side.h > 0.0)
}

impl Stats {
    fn structure(&self) -> gst::Structure {
        gst::Structure::builder("facepixelate-stats")
            .field("frames", self.frames)
            .field("faces-covered", self.faces_covered)
            .field("faces-held", self.faces_held)
            .field("frames-covered-whole", self.frames_covered_whole)
            .field("frames-missing", self.frames_missing)
            .field("frames-stale", self.frames_stale)
            .field("frames-passed", self.frames_passed)
            .field("errors", self.errors)
            .field("cover-time", u64::try_from(self.cover_time.as_nanos()).unwrap_or(u64::MAX))
            .build()
    }
}

#[glib::object_subclass]
impl ObjectSubclass for FacePixelate {
    const NAME: &'static str = "GstFacePixelate";
    type Type = super::FacePixelate;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for FacePixelate {
    fn properties() -> &'static [glib::ParamSpec] {
        properties::specs()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "stats" {
            return lock(&self.stats).structure().to_value();
        }
        lock(&self.settings).get(pspec.name())
    }
}

impl GstObjectImpl for FacePixelate {}

impl ElementImpl for FacePixelate {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Face pixelator",
                "Filter/Effect/Video",
                "Covers the faces that maskcount found; a frame of which it cannot know is covered whole (see on-missing)",
                "maskcount developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        element::pad_templates()
    }
}

impl BaseTransformImpl for FacePixelate {
    const MODE: gst_base::subclass::BaseTransformMode = gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    // So that a passthrough that somebody switches on from outside is seen, and refused.
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = true;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.stats) = Stats::default();
        self.failed.store(false, Ordering::Relaxed);
        self.behind.store(0, Ordering::Relaxed);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.state) = None;
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let (info, format) = element::video(incaps).map_err(|why| {
            *lock(&self.state) = None;
            let failure = Failure::Caps(why);
            self.tell(&failure);
            gst::loggable_error!(CAT, "{failure}")
        })?;
        let black = if info.colorimetry().range() == gst_video::VideoColorRange::Range0_255 { 0 } else { 16 };
        let mut state = lock(&self.state);
        // The held faces outlive a change of caps.
        let held = state.take().map(|state| state.held).unwrap_or_default();
        let faces = Vec::with_capacity(held::CAPACITY);
        *state = Some(State { info, format, black, held, faces, unseen: Vec::new(), discontinuous: true, came: None });
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        // After a flush a failure is news again.
        if event.type_() == gst::EventType::FlushStop {
            self.failed.store(false, Ordering::Relaxed);
        }
        if matches!(event.type_(), gst::EventType::Segment | gst::EventType::FlushStop | gst::EventType::StreamStart)
            && let Some(state) = lock(&self.state).as_mut()
        {
            state.discontinuous = true;
        }
        match tags::without_pictures(event) {
            Some(event) => self.parent_sink_event(event),
            None => true,
        }
    }

    fn transform_ip(&self, buffer: &mut gst::BufferRef) -> Result<gst::FlowSuccess, gst::FlowError> {
        let start = Instant::now();
        let settings = *lock(&self.settings);
        let mut done = *lock(&self.stats);
        let covered = self.cover(buffer, &settings, start, &mut done);
        done.frames += 1;
        done.errors += u64::from(covered.is_err());
        done.cover_time += start.elapsed();
        *lock(&self.stats) = done;
        let sight = covered.map_err(|failure| self.fail(&failure))?;
        // Without an age there was no look yet, or the analysis is paused: that is nobody's fault. Nor is it a loss where all is
        // covered anyway.
        if settings.scope == Scope::Faces && matches!(sight, Sight::Stale(Some(_))) {
            self.tell_behind(done.frames, &settings);
        }
        // The next failure is news again.
        self.failed.store(false, Ordering::Relaxed);
        Ok(gst::FlowSuccess::Ok)
    }

    fn propose_allocation(
        &self,
        decide_query: Option<&gst::query::Allocation>,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        self.parent_propose_allocation(decide_query, query)?;
        element::without_crop(query);
        // An overlay is to be drawn before the picture is covered.
        element::without_meta::<gst_video::VideoOverlayCompositionMeta>(query);
        // The memory of a sink may be open to others: the raw picture must not lie there until it is covered.
        while query.allocation_pools().next().is_some() {
            query.remove_nth_allocation_pool(0);
        }
        while query.allocation_params().next().is_some() {
            query.remove_nth_allocation_param(0);
        }
        Ok(())
    }

    fn transform_ip_passthrough(&self, _buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        Err(self.fail(&Failure::Passthrough))
    }
}
