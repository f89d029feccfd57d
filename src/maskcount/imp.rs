use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;
use gst_video::prelude::*;
use jiff::Timestamp;

use super::clock::{self, UtcClock};
use super::properties::{self, Settings};
use super::timing::Stage;
use super::{IncorrectIs, message};
use crate::detect::manifest::{Manifest, Model, ModelError};
use crate::detect::sampling::{Colorimetry, Geometry, Matrix};
use crate::detect::session::{RunSettings, RuntimeSearch, SessionError};
use crate::detect::{DetectError, Detector, Label};
use crate::look::{self, FaceMeta};
use crate::people::{self, Event, People, State as Worn};
use crate::picture::{Format, Picture, Rect};
use crate::report::{self, ModelIdentity, Notice, Passage, Report, ReportError, Wearing};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("maskcount", gst::DebugColorFlags::empty(), Some("Counts people and worn masks"))
});

/// Time between two `maskcount-live` messages.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);

/// What one run of the element rests on, from start to stop.
struct State {
    detector: Detector,
    report: Report,
    people: People,
    clock: UtcClock,
    /// Set by the caps.
    video: Option<Video>,
    /// Revision of the settings that `people` and `report` have.
    revision: u64,
    /// Frames since the last look, for `interval`.
    since_look: u32,
    /// Running time of the last look.
    last_look: Option<Duration>,
    last_frame: Option<Duration>,
    last_live: Option<Duration>,
    /// Nothing of what was seen before can be joined to the next frame.
    broken: bool,
    /// Of the frame at hand; kept for its memory.
    faces: Vec<FaceMeta>,
    posts: VecDeque<gst::Message>,
}

#[derive(Clone, Debug)]
struct Video {
    info: gst_video::VideoInfo,
    format: Format,
    colorimetry: Colorimetry,
}

/// Totals since start; everything that `stats` shows but the report's own.
#[derive(Clone, Debug, Default)]
struct Stats {
    frames: u64,
    analysed: u64,
    /// Due by `interval` and `max-fps`, but left out: late, paused, or a gap.
    skipped: u64,
    in_view: u32,
    report: report::Stats,
    sampling: Stage,
    runtime: Stage,
    decoding: Stage,
    people: Stage,
    /// The whole frame without the runtime's own time.
    frame: Stage,
}

/// Why a frame could not be handled.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("frames came before their caps")]
    NotNegotiated,
    #[error("the frame's memory cannot be mapped for reading")]
    Map,
    #[error("the frame is not what its caps say: {0}")]
    Picture(#[from] crate::picture::PictureError),
    #[error("the buffer says it holds {found}, its caps say {expected}")]
    Format { found: String, expected: String },
    #[error(transparent)]
    Detect(#[from] DetectError),
    #[error("the frame's metadata cannot be written: {0}")]
    Meta(#[from] glib::BoolError),
}

/// The one place where errors of the plain rooms become GStreamer's.
fn model_error(error: &DetectError) -> gst::ErrorMessage {
    match error {
        DetectError::Model(ModelError::Read { .. }) => gst::error_msg!(gst::ResourceError::NotFound, ("{error}")),
        DetectError::Model(_) => gst::error_msg!(gst::ResourceError::Settings, ("{error}")),
        DetectError::Session(SessionError::NoRuntime { .. } | SessionError::OldRuntime { .. }) => {
            gst::error_msg!(gst::LibraryError::Init, ("{error}"))
        }
        DetectError::Session(SessionError::NotARuntime { .. } | SessionError::OtherRuntime { .. }) => {
            gst::error_msg!(gst::LibraryError::Init, ("{error}"))
        }
        DetectError::Session(SessionError::NoProvider { .. }) => {
            gst::error_msg!(gst::LibraryError::Settings, ("{error}"))
        }
        DetectError::Session(SessionError::Run(_)) => gst::error_msg!(gst::LibraryError::Failed, ("{error}")),
        DetectError::Session(_) | DetectError::Outputs { .. } => {
            gst::error_msg!(gst::ResourceError::Settings, ("{error}"))
        }
    }
}

fn report_error(error: &ReportError) -> gst::ErrorMessage {
    match error {
        ReportError::Folder { .. } => gst::error_msg!(gst::ResourceError::OpenWrite, ("{error}")),
        ReportError::Busy(_) => gst::error_msg!(gst::ResourceError::Busy, ("{error}")),
        ReportError::Journal { .. } => gst::error_msg!(gst::ResourceError::OpenRead, ("{error}")),
        ReportError::Thread(_) => gst::error_msg!(gst::ResourceError::Failed, ("{error}")),
        _ => gst::error_msg!(gst::ResourceError::Settings, ("{error}")),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
pub struct MaskCount {
    /// Shared with the frame at hand, which must not copy texts.
    settings: Mutex<Arc<Settings>>,
    state: Mutex<Option<State>>,
    stats: Mutex<Stats>,
    /// Running time (ns) before which a frame is late, from the sink's QoS events; 0: none.
    earliest: AtomicU64,
}

impl Settings {
    fn people(&self, manifest: &Manifest) -> people::Settings {
        people::Settings {
            threshold: self.threshold.unwrap_or(manifest.threshold) as f32,
            min_face: self.min_face,
            opt_out: self.opt_out,
            zone: self.zone.as_ref().map(|(_, zone)| zone.clone()),
            exclude: self.exclude.as_ref().map(|(_, areas)| areas.clone()).unwrap_or_default(),
            line: self.line.as_ref().map(|(_, line)| *line),
        }
    }

    fn wearing(&self, worn: Worn) -> Wearing {
        match (worn, self.incorrect_is) {
            (Worn::Unknown, _) => Wearing::Unknown,
            (Worn::Known(Label::Mask), _) => Wearing::Masked,
            (Worn::Known(Label::NoMask), _) => Wearing::Unmasked,
            (Worn::Known(Label::Incorrect), IncorrectIs::NoMask) => Wearing::Unmasked,
            (Worn::Known(Label::Incorrect), IncorrectIs::Mask) => Wearing::Masked,
            (Worn::Known(Label::Incorrect), IncorrectIs::Separate) => Wearing::Incorrect,
        }
    }
}

impl Video {
    fn of(caps: &gst::Caps) -> Result<Video, gst::LoggableError> {
        use gst_video::{VideoColorMatrix, VideoColorRange, VideoInterlaceMode};
        let info =
            gst_video::VideoInfo::from_caps(caps).map_err(|_| gst::loggable_error!(CAT, "{caps} are no raw video"))?;
        let format = Format::from_name(info.format().to_str())
            .ok_or_else(|| gst::loggable_error!(CAT, "{} is not handled", info.format()))?;
        if matches!(info.interlace_mode(), VideoInterlaceMode::Fields | VideoInterlaceMode::Alternate) {
            return Err(gst::loggable_error!(CAT, "a buffer of {caps} holds one field or two apart; use deinterlace"));
        }
        let colorimetry = info.colorimetry();
        let matrix = match colorimetry.matrix() {
            VideoColorMatrix::Bt709 => Matrix::Bt709,
            VideoColorMatrix::Bt2020 => Matrix::Bt2020,
            _ => Matrix::Bt601,
        };
        let full_range = colorimetry.range() == VideoColorRange::Range0_255;
        Ok(Video { info, format, colorimetry: Colorimetry { matrix, full_range } })
    }

    /// Geometry of the picture that the buffer holds, the crop meta honoured.
    fn geometry(&self, buffer: &gst::BufferRef, width: usize, height: usize) -> Geometry {
        let mut crop = (0, 0, width, height);
        if let Some(meta) = buffer.meta::<gst_video::VideoCropMeta>() {
            let (x, y, w, h) = meta.rect();
            let (x, y) = ((x as usize).min(width - 1), (y as usize).min(height - 1));
            crop = (x, y, (w as usize).clamp(1, width - x), (h as usize).clamp(1, height - y));
        }
        Geometry { format: self.format, width, height, crop, colorimetry: self.colorimetry }
    }
}

impl State {
    /// Whether this frame is to be looked at by `interval` and `max-fps`.
    fn is_due(&mut self, settings: &Settings, time: Duration) -> bool {
        self.since_look = self.since_look.saturating_add(1);
        let (numer, denom) = (settings.max_fps.numer(), settings.max_fps.denom());
        let rested = match self.last_look {
            Some(last) if numer > 0 => {
                let between = Duration::from_secs_f64(f64::from(denom) / f64::from(numer));
                // Half a millisecond, since buffer times are rounded.
                time.saturating_sub(last) + Duration::from_micros(500) >= between
            }
            _ => true,
        };
        self.since_look >= settings.interval && rested
    }

    /// Takes over settings that changed since the last frame.
    fn follow(&mut self, settings: &Settings) {
        if self.revision != settings.revision {
            self.people.set(settings.people(self.detector.manifest()));
            self.report.set_max_files(settings.report.max_files);
            self.revision = settings.revision;
        }
    }

    /// Looks at the picture and tells the people room what was seen; the events go to the report.
    fn look(
        &mut self,
        buffer: &gst::BufferRef,
        video: &Video,
        settings: &Settings,
        time: Duration,
        utc: Timestamp,
        stats: &mut Stats,
    ) -> Result<Duration, Failure> {
        let frame =
            gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &video.info).map_err(|_| Failure::Map)?;
        if frame.format() != video.info.format() {
            let (found, expected) = (frame.format().to_string(), video.info.format().to_string());
            return Err(Failure::Format { found, expected });
        }
        let planes = frame.planes_data();
        let strides = frame.plane_stride();
        let mut lengths = [0; 3];
        for (length, stride) in lengths.iter_mut().zip(strides) {
            *length = usize::try_from(*stride).map_err(|_| Failure::Map)?;
        }
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let picture = Picture::new(video.format, width, height, &planes[..3], &lengths)?;
        self.detector.configure(&video.geometry(buffer, width, height));
        let threshold = settings.threshold.unwrap_or(self.detector.manifest().threshold) as f32;
        let (faces, times) = self.detector.look(&picture, threshold * people::COVERED)?;
        stats.sampling.add(times.sampling);
        stats.runtime.add(times.runtime);
        stats.decoding.add(times.decoding);

        let start = Instant::now();
        take(&mut self.report, self.people.resize((frame.width(), frame.height())), settings, utc, time);
        take(&mut self.report, self.people.look(time, faces), settings, utc, time);
        stats.people.add(start.elapsed());
        Ok(times.runtime)
    }

    /// Leaves the metadata of this frame on the buffer.
    fn attach(
        &mut self,
        buffer: &mut gst::BufferRef,
        settings: &Settings,
        time: Duration,
        analysed: bool,
        size: (u32, u32),
    ) -> Result<u32, Failure> {
        self.faces.clear();
        // While nothing is looked at, no box rests on anything.
        let age = if settings.paused { None } else { self.last_look.map(|last| time.saturating_sub(last)) };
        if !settings.paused {
            self.faces.extend(self.people.in_view(time).map(|face| FaceMeta {
                rect: face.rect,
                label: face.label,
                confidence: f64::from(face.score),
                id: face.id,
            }));
        }
        for face in &self.faces {
            gst::trace!(CAT, "{time:?}: {} {:?} {:.2} {:?}", face.id, face.label, face.confidence, face.rect);
        }
        let in_view = self.faces.len() as u32;
        let areas = settings.exclude.iter().flat_map(|(_, areas)| areas).map(|area| {
            let (x, y, w, h) = area.bounds();
            let (fx, fy) = (size.0 as f32 / 1000.0, size.1 as f32 / 1000.0);
            Rect::new(x * fx, y * fy, w * fx, h * fy)
        });
        let age = age.and_then(|age| gst::ClockTime::try_from(age).ok());
        look::attach(buffer, analysed, age, self.faces.iter().copied(), areas, size)?;
        Ok(in_view)
    }
}

/// Tells the report what happened to the counts.
fn take(report: &mut Report, events: &[Event], settings: &Settings, utc: Timestamp, now: Duration) {
    // Events carry stream times; all of them lie at or before this look.
    let utc_of = |time: Duration| {
        let back = jiff::SignedDuration::try_from(now.saturating_sub(time)).unwrap_or_default();
        utc.checked_sub(back).unwrap_or(utc)
    };
    let passage = |at, worn| Passage { time: utc_of(at), wearing: settings.wearing(worn) };
    for event in events {
        match *event {
            Event::Counted { at, state } => report.take(passage(at, state)),
            Event::Amended { counted_at, from, to } => {
                // False if that window is given out already: what is out is not changed.
                report.amend(passage(counted_at, from), settings.wearing(to));
            }
            Event::Withdrawn { at, counted } => {
                report.withdraw(utc_of(at), counted.map(|(at, worn)| passage(at, worn)));
            }
        }
    }
}

impl MaskCount {
    /// The way of one frame; messages are left in the state to be posted when nothing is locked.
    fn handle(&self, buffer: &mut gst::BufferRef, state: &mut State) -> Result<(), Failure> {
        let start = Instant::now();
        let settings = lock(&self.settings).clone();
        let mut stats = lock(&self.stats).clone();
        let video = state.video.clone().ok_or(Failure::NotNegotiated)?;
        state.follow(&settings);
        let time = self.running_time(buffer, state, &video);
        let sent = buffer
            .meta::<gst::ReferenceTimestampMeta>()
            .and_then(|meta| clock::reference(meta.reference().structure(0)?.name(), meta.timestamp().nseconds()));
        let utc = state.clock.utc(time.as_nanos() as u64, sent, Timestamp::now);

        let due = state.is_due(&settings, time);
        let late = (time.as_nanos() as u64) < self.earliest.load(Ordering::Relaxed);
        let gap = buffer.flags().contains(gst::BufferFlags::GAP);
        let analysed = due && !settings.paused && !late && !gap;
        state.report.frame(utc, analysed);
        let mut runtime = Duration::ZERO;
        if analysed {
            runtime = state.look(buffer, &video, &settings, time, utc, &mut stats)?;
            (state.since_look, state.last_look) = (0, Some(time));
            stats.analysed += 1;
        } else if due {
            stats.skipped += 1;
        }
        let size = match buffer.meta::<gst_video::VideoMeta>() {
            Some(meta) => (meta.width(), meta.height()),
            None => (video.info.width(), video.info.height()),
        };
        stats.in_view = state.attach(buffer, &settings, time, analysed, size)?;
        self.collect_posts(state, &settings, time);
        stats.frames += 1;
        stats.report = state.report.stats();
        stats.frame.add(start.elapsed().saturating_sub(runtime));
        *lock(&self.stats) = stats;
        Ok(())
    }

    /// The frame's running time; a step back, a flush or a new segment ends every track.
    fn running_time(&self, buffer: &gst::BufferRef, state: &mut State, video: &Video) -> Duration {
        let segment = self.obj().segment();
        let timed = buffer.pts().and_then(|pts| segment.downcast_ref::<gst::ClockTime>()?.to_running_time(pts));
        let time = timed.map(Duration::from).unwrap_or_else(|| {
            // Without a time the frame follows the last one at the caps' rate.
            let fps = video.info.fps();
            let step = if fps.numer() > 0 { f64::from(fps.denom()) / f64::from(fps.numer()) } else { 0.04 };
            state.last_frame.map_or(Duration::ZERO, |last| last + Duration::from_secs_f64(step))
        });
        if state.broken || state.last_frame.is_some_and(|last| time < last) {
            if let (Some(utc), Some(last)) = (state.clock.last(), state.last_frame) {
                take(&mut state.report, state.people.forget(), &lock(&self.settings), utc, last);
            }
            state.clock.segment();
            (state.last_look, state.last_live) = (None, None);
            // The first frame after a break is looked at.
            state.since_look = u32::MAX;
            state.broken = false;
        }
        state.last_frame = Some(time);
        time
    }

    /// Turns what the report has to say into messages.
    fn collect_posts(&self, state: &mut State, settings: &Settings, time: Duration) {
        for notice in state.report.notices() {
            state.posts.extend(self.notice_messages(notice, settings.post_messages, Some(time)));
        }
        if settings.post_live && state.last_live.is_none_or(|last| time.saturating_sub(last) >= LIVE_INTERVAL) {
            state.last_live = Some(time);
            let mut counts = [0u32; 4];
            for face in state.people.in_view(time) {
                match face.state {
                    Worn::Known(label) => counts[label as usize] += 1,
                    Worn::Unknown => counts[3] += 1,
                }
            }
            let live = gst::Structure::builder("maskcount-live")
                .field("mask", counts[0])
                .field("no_mask", counts[1])
                .field("incorrect", counts[2])
                .field("unknown", counts[3])
                .build();
            state.posts.push_back(gst::message::Element::builder(live).src(&*self.obj()).build());
        }
    }

    /// The messages that say a notice.
    fn notice_messages(&self, notice: Notice, post_records: bool, time: Option<Duration>) -> Vec<gst::Message> {
        let obj = self.obj();
        let element = |s: gst::Structure| gst::message::Element::builder(s).src(&*obj).build();
        match notice {
            Notice::Record(record) => {
                if !post_records {
                    return Vec::new();
                }
                let mut structure = message::to_structure(&record);
                if let Some(time) = time.and_then(|t| gst::ClockTime::try_from(t).ok()) {
                    let segment = obj.segment();
                    let position =
                        segment.downcast_ref::<gst::ClockTime>().and_then(|s| s.position_from_running_time(time));
                    structure.set("running-time", time);
                    structure.set("timestamp", position);
                    let stream = segment.downcast_ref::<gst::ClockTime>().and_then(|s| s.to_stream_time(position?));
                    structure.set("stream-time", stream);
                }
                vec![element(structure)]
            }
            Notice::Withheld(withheld) => {
                let structure = gst::Structure::builder("maskcount-withheld")
                    .field("start", withheld.start.to_string())
                    .field("end", withheld.end.to_string())
                    .field("hint", "window=10 min-persons=1")
                    .build();
                let text = withheld.to_string();
                let info = gst::message::Info::builder(gst::StreamError::Failed, &text).src(&*obj).build();
                vec![element(structure), info]
            }
            Notice::SidecarClosed { path } => {
                let path = path.to_string_lossy().into_owned();
                vec![element(gst::Structure::builder("maskcount-sidecar").field("path", path).build())]
            }
            other => {
                let text = other.to_string();
                vec![gst::message::Warning::builder(gst::ResourceError::Write, &text).src(&*obj).build()]
            }
        }
    }

    fn post(&self, posts: impl IntoIterator<Item = gst::Message>) {
        for message in posts {
            // Refused only where nobody listens.
            let _ = self.obj().post_message(message);
        }
    }

    fn fail(&self, failure: &Failure) -> gst::FlowError {
        let message = match failure {
            Failure::NotNegotiated => gst::error_msg!(gst::CoreError::Negotiation, ("{failure}")),
            Failure::Map => gst::error_msg!(gst::ResourceError::Read, ("{failure}")),
            Failure::Picture(_) | Failure::Format { .. } => gst::error_msg!(gst::StreamError::Format, ("{failure}")),
            Failure::Detect(error) => model_error(error),
            Failure::Meta(_) => gst::error_msg!(gst::CoreError::Failed, ("{failure}")),
        };
        self.post_error_message(message);
        match failure {
            Failure::NotNegotiated => gst::FlowError::NotNegotiated,
            _ => gst::FlowError::Error,
        }
    }

    /// Closes the open window and waits for its files; nothing is locked meanwhile but the report's own.
    fn finish(&self, mut state: State) -> State {
        let settings = lock(&self.settings).clone();
        let (end, time) = (state.clock.last(), state.last_frame);
        if let (Some(utc), Some(last)) = (end, time) {
            take(&mut state.report, state.people.forget(), &settings, utc, last);
        }
        state.report.finish(end);
        for notice in state.report.notices() {
            let posts = self.notice_messages(notice, settings.post_messages, time);
            self.post(posts);
        }
        lock(&self.stats).report = state.report.stats();
        state
    }

    fn open(&self, settings: &Settings) -> Result<State, gst::ErrorMessage> {
        let model = match &settings.model {
            None => Model::built_in(),
            Some(path) => Model::load(Path::new(path), None),
        };
        let mut model = model.map_err(|e| model_error(&e.into()))?;
        if let Some(size) = &settings.input_size {
            model.resize(size).map_err(|e| model_error(&e.into()))?;
        }
        let plugin = self.obj().factory().and_then(|f| f.plugin()).and_then(|p| p.filename());
        let search = RuntimeSearch {
            path: settings.runtime.as_ref().map(PathBuf::from),
            plugin_folder: plugin.and_then(|file| file.parent().map(Path::to_path_buf)),
        };
        let run = RunSettings { threads: settings.threads, provider: settings.execution_provider.into() };
        let detector = Detector::open(&model, &run, &search).map_err(|e| model_error(&e))?;
        let identity = ModelIdentity {
            name: model.manifest.name.clone(),
            sha256: model.sha256.clone(),
            quality: model
                .manifest
                .quality
                .map(|q| report::Quality { sensitivity: q.sensitivity, specificity: q.specificity }),
        };
        let element = self.obj().downgrade();
        let notify = move |notice| {
            if let Some(element) = element.upgrade() {
                let imp = element.imp();
                imp.post(imp.notice_messages(notice, true, None));
            }
        };
        let report = Report::open(settings.report.clone(), identity, env!("CARGO_PKG_VERSION"), notify)
            .map_err(|e| report_error(&e))?;
        let people = People::new(settings.people(detector.manifest()), (1, 1));
        Ok(State {
            detector,
            report,
            people,
            clock: UtcClock::new(settings.start_time.as_ref().map(|(_, time)| *time)),
            video: None,
            revision: settings.revision,
            since_look: u32::MAX,
            last_look: None,
            last_frame: None,
            last_live: None,
            broken: false,
            faces: Vec::with_capacity(64),
            posts: VecDeque::new(),
        })
    }
}

#[glib::object_subclass]
impl ObjectSubclass for MaskCount {
    const NAME: &'static str = "GstMaskCount";
    type Type = super::MaskCount;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for MaskCount {
    fn properties() -> &'static [glib::ParamSpec] {
        properties::specs()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let set = Arc::make_mut(&mut *lock(&self.settings)).set(pspec.name(), value);
        if let Err(why) = set {
            gst::error!(CAT, imp = self, "property {}: {why}", pspec.name());
            let text = format!("property {} keeps its old value: {why}", pspec.name());
            gst::element_imp_warning!(self, gst::ResourceError::Settings, ("{text}"));
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "stats" {
            return lock(&self.stats).structure().to_value();
        }
        lock(&self.settings).get(pspec.name())
    }
}

impl Stats {
    fn structure(&self) -> gst::Structure {
        let mut builder = gst::Structure::builder("maskcount-stats")
            .field("frames", self.frames)
            .field("frames-analysed", self.analysed)
            .field("frames-skipped", self.skipped)
            .field("faces", self.in_view)
            .field("passages", self.report.passages)
            .field("windows", self.report.windows)
            .field("withheld", self.report.withheld)
            .field("records-lost", self.report.lost);
        let stages = [
            ("sampling", &self.sampling),
            ("runtime", &self.runtime),
            ("decoding", &self.decoding),
            ("people", &self.people),
            ("frame-without-runtime", &self.frame),
        ];
        for (name, stage) in stages {
            builder = builder.field(format!("{name}-mean-us"), stage.mean());
            builder = builder.field(format!("{name}-p99-us"), stage.p99());
        }
        builder.build()
    }
}

impl GstObjectImpl for MaskCount {}

impl ElementImpl for MaskCount {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Mask counter",
                "Filter/Analyzer/Video",
                "Counts people who pass and the masks they wear; gives out totals only, as messages and JSON sidecar files",
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

impl BaseTransformImpl for MaskCount {
    // In place, so that metadata can be added; the memory itself is only mapped for reading.
    const MODE: gst_base::subclass::BaseTransformMode = gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        *lock(&self.stats) = Stats::default();
        self.earliest.store(0, Ordering::Relaxed);
        let state = self.open(&settings)?;
        *lock(&self.state) = Some(state);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let state = lock(&self.state).take();
        if let Some(state) = state {
            drop(self.finish(state));
        }
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let video = Video::of(incaps)?;
        if let Some(state) = lock(&self.state).as_mut() {
            state.video = Some(video);
        }
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.type_() {
            gst::EventType::Segment | gst::EventType::FlushStop | gst::EventType::StreamStart => {
                self.earliest.store(0, Ordering::Relaxed);
                if let Some(state) = lock(&self.state).as_mut() {
                    state.broken = true;
                }
            }
            gst::EventType::Eos => {
                let state = lock(&self.state).take();
                if let Some(state) = state {
                    let mut state = self.finish(state);
                    state.broken = true;
                    *lock(&self.state) = Some(state);
                }
            }
            _ => {}
        }
        self.parent_sink_event(event)
    }

    fn src_event(&self, event: gst::Event) -> bool {
        if let gst::EventView::Qos(qos) = event.view() {
            let (_, _, jitter, timestamp) = qos.get();
            // As GstBaseTransform: what is late by `jitter` now will be so by twice that soon.
            let earliest = timestamp.map_or(0, |t| {
                let t = i128::from(t.nseconds());
                let late = i128::from(jitter);
                u64::try_from(if late > 0 { t + 2 * late } else { t + late }).unwrap_or(0)
            });
            self.earliest.store(earliest, Ordering::Relaxed);
        }
        self.parent_src_event(event)
    }

    fn transform_ip(&self, buffer: &mut gst::BufferRef) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut locked = lock(&self.state);
        let Some(state) = locked.as_mut() else {
            drop(locked);
            return Err(self.fail(&Failure::NotNegotiated));
        };
        let handled = self.handle(buffer, state);
        // An empty queue costs nothing to take.
        let posts = std::mem::take(&mut state.posts);
        drop(locked);
        self.post(posts);
        handled.map(|()| gst::FlowSuccess::Ok).map_err(|failure| self.fail(&failure))
    }
}
