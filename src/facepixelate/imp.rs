use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gst::buffer::BufferMetaForeachAction;
use gst::glib;
use gst::prelude::*;
use gst_base::subclass::prelude::*;

use super::held::{self, Face, HeldFaces};
use super::{Mode, OnMissing, Scope};
use crate::look;
use crate::mosaic::{self, Cover, MAX_CELLS};
use crate::picture::{Format, PictureError, PictureMut};

/// Metas that hold a picture of their own, the raw one for all we know: removed always. A buffer that a tee had to copy
/// keeps its original as its parent. The last one exists from GStreamer 1.28 on.
const PICTURE_METAS: [&str; 3] =
    ["GstParentBufferMetaAPI", "GstVideoGLTextureUploadMetaAPI", "GstAnalyticsBatchMetaAPI"];

/// Metas that may say where and who a face was (from GStreamer 1.24 and 1.28 on): removed unless `keep-meta` is set.
const FINDING_METAS: [&str; 2] = ["GstAnalyticsRelationMetaAPI", "GstTensorMetaAPI"];

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("facepixelate", gst::DebugColorFlags::empty(), Some("Covers faces or the whole picture"))
});

#[derive(Clone, Copy, Debug)]
struct Settings {
    scope: Scope,
    mode: Mode,
    cells: u32,
    margin: f64,
    hold: gst::ClockTime,
    max_age: gst::ClockTime,
    on_missing: OnMissing,
    keep_meta: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            scope: Scope::Faces,
            mode: Mode::Mosaic,
            cells: 5,
            margin: 0.25,
            hold: gst::ClockTime::from_mseconds(500),
            max_age: gst::ClockTime::from_mseconds(500),
            on_missing: OnMissing::Frame,
            keep_meta: false,
        }
    }
}

#[derive(Debug)]
struct State {
    info: gst_video::VideoInfo,
    format: Format,
    /// Luma of black.
    black: u8,
    held: HeldFaces,
    /// Of the frame at hand; kept for its memory.
    faces: Vec<Face>,
    /// An event came after which times do not follow the ones before.
    discontinuous: bool,
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

/// What the metadata of a frame is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Fresh(Duration),
    /// The look is too old, or there was none yet.
    Stale,
    /// An element in between lost regions.
    Incomplete {
        expected: u32,
        found: usize,
    },
    Missing,
}

/// Why a frame could not be covered. None of them lets it go on.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("frames came before their caps")]
    NotNegotiated,
    #[error("the frame was not handled by maskcount: put maskcount before facepixelate, or set on-missing=frame")]
    Missing,
    #[error(
        "the frame has {found} of its {expected} face regions: put facepixelate directly behind maskcount, \
         or set on-missing=frame"
    )]
    Incomplete { expected: u32, found: usize },
    #[error("the frame's memory cannot be mapped for reading and writing")]
    Map,
    #[error("the buffer holds {0} pictures, one was expected")]
    Pictures(usize),
    #[error("the buffer says it holds {found}, its caps say {expected}")]
    Mismatch { expected: String, found: String },
    #[error("the frame's planes overlap or lie outside of its memory")]
    Planes,
    #[error("the frame is not what its caps say: {0}")]
    Picture(#[from] PictureError),
    #[error("passthrough was switched on from outside")]
    Passthrough,
}

/// Where the planes of a frame lie in its memory.
#[derive(Clone, Copy, Debug)]
struct Layout {
    size: (usize, usize),
    offsets: [usize; 3],
    strides: [usize; 3],
}

impl Layout {
    fn of(buffer: &gst::BufferRef, info: &gst_video::VideoInfo, planes: usize) -> Result<Layout, Failure> {
        let mut metas = buffer.iter_meta::<gst_video::VideoMeta>();
        let (size, offsets, strides) = match metas.next() {
            Some(meta) => {
                let (format, width, height) = (meta.format(), meta.width(), meta.height());
                // Larger is right where a crop meta shows a part of it.
                if format != info.format() || width < info.width() || height < info.height() {
                    return Err(Failure::Mismatch {
                        expected: format!("{} of {}x{}", info.format(), info.width(), info.height()),
                        found: format!("{format} of {width}x{height}"),
                    });
                }
                ((width, height), copied(meta.offset(), planes)?, copied(meta.stride(), planes)?)
            }
            None => ((info.width(), info.height()), copied(info.offset(), planes)?, copied(info.stride(), planes)?),
        };
        let more = metas.count();
        if more > 0 {
            return Err(Failure::Pictures(more + 1));
        }
        Ok(Layout { size: (size.0 as usize, size.1 as usize), offsets, strides })
    }

    fn picture<'a>(&self, format: Format, bytes: &'a mut [u8]) -> Result<PictureMut<'a>, Failure> {
        let mut order = [0, 1, 2];
        let order = &mut order[..format.planes()];
        order.sort_unstable_by_key(|&plane| std::cmp::Reverse(self.offsets[plane]));
        let (mut rest, mut planes) = (bytes, [&mut [][..], &mut [][..], &mut [][..]]);
        for &plane in order.iter() {
            (rest, planes[plane]) = rest.split_at_mut_checked(self.offsets[plane]).ok_or(Failure::Planes)?;
        }
        Ok(PictureMut::new(format, self.size.0, self.size.1, planes, self.strides)?)
    }
}

/// The first `planes` numbers; a negative one is no place in memory.
fn copied<T: Copy + TryInto<usize>>(numbers: &[T], planes: usize) -> Result<[usize; 3], Failure> {
    let mut out = [0; 3];
    for (index, number) in out.iter_mut().take(planes).enumerate() {
        let found = numbers.get(index).and_then(|&n| n.try_into().ok());
        *number = found.ok_or(Failure::Planes)?;
    }
    Ok(out)
}

/// Gives the buffer memory of its own where a parent meta keeps the original alive: that meta is about to go, and with
/// it what keeps the memory from being used for the next picture.
fn part_from_parent(buffer: &mut gst::BufferRef) -> Result<(), Failure> {
    if buffer.meta::<gst::ParentBufferMeta>().is_some() {
        let bytes = buffer.map_readable().map_err(|_| Failure::Map)?.as_slice().to_vec();
        buffer.replace_all_memory(gst::Memory::from_mut_slice(bytes));
    }
    Ok(())
}

fn remove_metas(buffer: &mut gst::BufferRef, keep_findings: bool) {
    if !keep_findings {
        look::remove(buffer);
    }
    buffer.foreach_meta_mut(|meta| {
        let api = meta.api().name();
        let remove = PICTURE_METAS.contains(&api) || (!keep_findings && FINDING_METAS.contains(&api));
        let action = if remove { BufferMetaForeachAction::Remove } else { BufferMetaForeachAction::Keep };
        std::ops::ControlFlow::Continue(action)
    });
}

/// What the buffer's metadata is worth; its faces go to `faces`.
fn read(buffer: &gst::BufferRef, max_age: gst::ClockTime, faces: &mut Vec<Face>) -> Sight {
    let look = look::read(buffer);
    faces.clear();
    faces.extend(look::faces(buffer).map(|(id, rect)| Face { id: Some(id), rect }));
    // Only ids that maskcount gave are worth anything, and it gives each to one face.
    let ours = look.is_some_and(|look| look.faces as usize == faces.len());
    let unique = || faces.iter().enumerate().all(|(i, f)| faces[..i].iter().all(|g| f.id != g.id));
    if !ours || faces.len() > held::CAPACITY || !unique() || faces.iter().any(|f| f.id > Some(i32::MAX as u32)) {
        faces.iter_mut().for_each(|face| face.id = None);
    }
    match look {
        None => Sight::Missing,
        Some(look) if faces.len() < look.faces as usize => {
            Sight::Incomplete { expected: look.faces, found: faces.len() }
        }
        Some(look) => match look.age {
            Some(age) if age <= max_age => Sight::Fresh(age.into()),
            _ => Sight::Stale,
        },
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
pub struct FacePixelate {
    settings: Mutex<Settings>,
    state: Mutex<Option<State>>,
    stats: Mutex<Stats>,
    /// An error was posted; those that follow from it say nothing new.
    failed: AtomicBool,
}

impl FacePixelate {
    /// Covers one frame and adds what was done to `stats`.
    fn cover(&self, buffer: &mut gst::BufferRef, settings: &Settings, stats: &mut Stats) -> Result<(), Failure> {
        let mut state = lock(&self.state);
        let state = state.as_mut().ok_or(Failure::NotNegotiated)?;
        let sight = read(buffer, settings.max_age, &mut state.faces);
        stats.frames_missing += u64::from(matches!(sight, Sight::Missing | Sight::Incomplete { .. }));
        stats.frames_stale += u64::from(sight == Sight::Stale);

        let layout = Layout::of(buffer, &state.info, state.format.planes())?;
        state.follow(buffer, settings, sight, layout.size);

        let blind = match (sight, settings.on_missing) {
            (Sight::Fresh(_), _) | (Sight::Missing, OnMissing::Pass) => false,
            (Sight::Missing, OnMissing::Error) => return Err(Failure::Missing),
            (Sight::Incomplete { expected, found }, OnMissing::Error) => {
                return Err(Failure::Incomplete { expected, found });
            }
            (Sight::Stale | Sight::Incomplete { .. } | Sight::Missing, _) => true,
        };
        let whole = blind || settings.scope == Scope::Frame || state.held.whole();
        let cover = match settings.mode {
            Mode::Mosaic => Cover::Mosaic { cells: settings.cells },
            Mode::Solid => Cover::Solid { luma: state.black },
        };

        part_from_parent(buffer)?;
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
            stats.frames_passed += u64::from(sight == Sight::Missing);
        }
        drop(map);
        gst::trace!(CAT, imp = self, "{sight:?}, whole frame: {whole}, boxes: {:?}", state.held);
        remove_metas(buffer, settings.keep_meta);
        Ok(())
    }

    /// Posts the failure, in the one place where failures become GStreamer's, unless one was posted before.
    fn fail(&self, failure: &Failure) -> gst::FlowError {
        if self.failed.swap(true, Ordering::Relaxed) {
            gst::debug!(CAT, imp = self, "{failure}");
        } else {
            match failure {
                Failure::NotNegotiated => {
                    gst::element_imp_error!(self, gst::CoreError::Negotiation, ("{failure}"));
                }
                Failure::Map => gst::element_imp_error!(self, gst::ResourceError::Write, ("{failure}")),
                Failure::Pictures(_) | Failure::Mismatch { .. } | Failure::Planes | Failure::Picture(_) => {
                    gst::element_imp_error!(self, gst::StreamError::Format, ("{failure}"));
                }
                Failure::Missing | Failure::Incomplete { .. } | Failure::Passthrough => {
                    gst::element_imp_error!(self, gst::StreamError::Failed, ("{failure}"));
                }
            }
        }
        match failure {
            Failure::NotNegotiated => gst::FlowError::NotNegotiated,
            _ => gst::FlowError::Error,
        }
    }
}

impl State {
    /// Takes the frame's faces to those that are held.
    fn follow(&mut self, buffer: &gst::BufferRef, settings: &Settings, sight: Sight, size: (usize, usize)) {
        let fps = self.info.fps();
        let by_rate = || {
            let (frames, seconds) = (u64::try_from(fps.numer()).ok()?, u64::try_from(fps.denom()).ok()?);
            gst::ClockTime::SECOND.mul_div_floor(seconds, frames)
        };
        let frame = buffer.duration().or_else(|| (fps.numer() > 0).then(by_rate).flatten());
        let continuous =
            !std::mem::take(&mut self.discontinuous) && !buffer.flags().contains(gst::BufferFlags::DISCONT);
        let age = match sight {
            Sight::Fresh(age) => age,
            _ => Duration::ZERO,
        };
        self.held.advance(buffer.pts().map(Into::into), frame.map(Into::into), continuous);
        self.held.take(&self.faces, age, settings.hold.into(), size);
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
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let defaults = Settings::default();
            vec![
                glib::ParamSpecEnum::builder_with_default("scope", defaults.scope)
                    .nick("Scope")
                    .blurb("What is covered: the faces, or always the whole frame")
                    .mutable_playing()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("mode", defaults.mode)
                    .nick("Mode")
                    .blurb("What a covered part shows: a mosaic, or black (solid)")
                    .mutable_playing()
                    .build(),
                glib::ParamSpecUInt::builder("cells")
                    .nick("Cells")
                    .blurb(
                        "Mosaic cells across the longer side of a face, or of the frame where it is covered whole; \
                         from about 8 on, a face may be known again by those who know it",
                    )
                    .minimum(1)
                    .maximum(MAX_CELLS)
                    .default_value(defaults.cells)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecDouble::builder("margin")
                    .nick("Margin")
                    .blurb(
                        "Growth of each box on each side, as a fraction of its size; \
                         2 per second since the look that the box rests on come on top",
                    )
                    .minimum(0.0)
                    .maximum(4.0)
                    .default_value(defaults.margin)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecUInt64::builder("hold")
                    .nick("Hold")
                    .blurb("How long a face that is no longer found stays covered, in nanoseconds of buffer time")
                    .default_value(defaults.hold.nseconds())
                    .mutable_playing()
                    .build(),
                glib::ParamSpecUInt64::builder("max-age")
                    .nick("Maximum age")
                    .blurb("The whole frame is covered where its boxes rest on a look older than this, in nanoseconds")
                    .default_value(defaults.max_age.nseconds())
                    .mutable_playing()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("on-missing", defaults.on_missing)
                    .nick("On missing")
                    .blurb("What becomes of a frame that maskcount did not handle; pass lets it go on uncovered")
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoolean::builder("keep-meta")
                    .nick("Keep metadata")
                    .blurb("Leave the metadata that says where the faces were on the covered frame")
                    .default_value(defaults.keep_meta)
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb("Totals since start: frames, faces covered and held, frames covered whole, errors, time")
                    .read_only()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = lock(&self.settings);
        // GObject has checked type and range.
        match pspec.name() {
            "scope" => settings.scope = value.get().expect("a scope"),
            "mode" => settings.mode = value.get().expect("a mode"),
            "cells" => settings.cells = value.get().expect("a uint"),
            "margin" => settings.margin = value.get().expect("a double"),
            "hold" => settings.hold = time(value),
            "max-age" => settings.max_age = time(value),
            "on-missing" => settings.on_missing = value.get().expect("an on-missing"),
            "keep-meta" => settings.keep_meta = value.get().expect("a boolean"),
            name => unimplemented!("property {name}"),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "stats" {
            return lock(&self.stats).structure().to_value();
        }
        let settings = lock(&self.settings);
        match pspec.name() {
            "scope" => settings.scope.to_value(),
            "mode" => settings.mode.to_value(),
            "cells" => settings.cells.to_value(),
            "margin" => settings.margin.to_value(),
            "hold" => settings.hold.nseconds().to_value(),
            "max-age" => settings.max_age.nseconds().to_value(),
            "on-missing" => settings.on_missing.to_value(),
            "keep-meta" => settings.keep_meta.to_value(),
            name => unimplemented!("property {name}"),
        }
    }
}

/// Nanoseconds; the largest number is no time in GStreamer, the one below it is 584 years.
fn time(value: &glib::Value) -> gst::ClockTime {
    let nseconds: u64 = value.get().expect("a uint64");
    gst::ClockTime::from_nseconds(nseconds.min(u64::MAX - 1))
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

impl GstObjectImpl for FacePixelate {}

impl ElementImpl for FacePixelate {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Face pixelator",
                "Filter/Effect/Video",
                "Covers the faces that maskcount found, or the whole picture, and never lets a raw frame pass by mistake",
                "maskcount developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let formats = Format::ALL.map(|f| gst_video::VideoFormat::from_string(f.name()));
            let caps = gst_video::VideoCapsBuilder::new().format_list(formats).build();
            [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)]
                .map(|(name, direction)| {
                    gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).expect("valid template")
                })
                .into()
        });
        &TEMPLATES
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
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.state) = None;
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        use gst_video::{VideoColorRange, VideoInterlaceMode, VideoMultiviewMode};
        let info = gst_video::VideoInfo::from_caps(incaps)
            .map_err(|_| gst::loggable_error!(CAT, "{incaps} are no raw video"))?;
        let format = Format::from_name(info.format().to_str())
            .ok_or_else(|| gst::loggable_error!(CAT, "{} is not handled", info.format()))?;
        if matches!(info.interlace_mode(), VideoInterlaceMode::Fields | VideoInterlaceMode::Alternate)
            || info.multiview_mode() == VideoMultiviewMode::Separated
        {
            *lock(&self.state) = None;
            return Err(gst::loggable_error!(CAT, "a buffer of {incaps} holds several pictures or a part of one"));
        }
        let black = if info.colorimetry().range() == VideoColorRange::Range0_255 { 0 } else { 16 };
        let mut state = lock(&self.state);
        // The held faces outlive a change of caps.
        let held = state.take().map(|state| state.held).unwrap_or_default();
        let faces = Vec::with_capacity(held::CAPACITY);
        *state = Some(State { info, format, black, held, faces, discontinuous: true });
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        if matches!(event.type_(), gst::EventType::Segment | gst::EventType::FlushStop | gst::EventType::StreamStart)
            && let Some(state) = lock(&self.state).as_mut()
        {
            state.discontinuous = true;
        }
        self.parent_sink_event(event)
    }

    fn transform_ip(&self, buffer: &mut gst::BufferRef) -> Result<gst::FlowSuccess, gst::FlowError> {
        let start = Instant::now();
        let settings = *lock(&self.settings);
        let mut done = *lock(&self.stats);
        let covered = self.cover(buffer, &settings, &mut done);
        done.frames += 1;
        done.errors += u64::from(covered.is_err());
        done.cover_time += start.elapsed();
        *lock(&self.stats) = done;
        covered.map(|()| gst::FlowSuccess::Ok).map_err(|failure| self.fail(&failure))
    }

    fn transform_ip_passthrough(&self, _buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        Err(self.fail(&Failure::Passthrough))
    }
}
