use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;
use jiff::Timestamp;

use super::eye::Eye;
use super::failure::{Failure, model_error, report_error};
use super::late::Late;
use super::properties::{self, Settings};
use super::state::State;
use super::stats::Stats;
use super::video::Video;
use super::{IncorrectIs, bus, clock};
use crate::detect::Detector;
use crate::detect::model::{Model, Variant};
use crate::detect::session::{RunSettings, RuntimeSearch};
use crate::element::{self, lock};
use crate::report::{self, ModelIdentity, Report};

pub static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("maskcount", gst::DebugColorFlags::empty(), Some("Counts people and worn masks"))
});

#[derive(Default)]
pub struct MaskCount {
    /// Shared with the frame at hand, which must not copy texts.
    settings: Mutex<Arc<Settings>>,
    state: Mutex<Option<State>>,
    stats: Mutex<Stats>,
    /// Which frames the sink would show too late.
    late: Mutex<Late>,
    /// An error was posted; those that follow from it say nothing new.
    failed: AtomicBool,
}

impl MaskCount {
    /// The way of one frame; messages are left in the state to be posted when nothing is locked. Whether a look has ended.
    fn handle(&self, buffer: &mut gst::BufferRef, state: &mut State) -> Result<bool, Failure> {
        let start = Instant::now();
        let settings = lock(&self.settings).clone();
        let mut stats = lock(&self.stats).clone();
        let video = state.video.clone().ok_or(Failure::NotNegotiated)?;
        state.follow(&settings);
        let time = state.advance(self.running_time(buffer), &video, start);
        if state.untimed.is_news() {
            state.posts.push_back(bus::untimed(&self.obj()));
        }
        let utc = state.clock.utc(time.as_nanos() as u64, sender_time(buffer), Timestamp::now);

        if settings.paused {
            state.rest(time);
        }
        // With `async`: what was found since the last frame.
        let before = state.end_look(false, &mut stats)?;
        let due = state.is_due(&settings, time, &video);
        let gap = buffer.flags().contains(gst::BufferFlags::GAP);
        let analysed = due && !settings.paused && !lock(&self.late).holds(time) && !gap && state.eye.is_free();
        state.report.frame(utc, analysed);
        let now = if analysed {
            state.begin_look(buffer, &video, &settings, time, &mut stats)?;
            if state.looks_are_seldom() {
                state.posts.push_back(bus::seldom(&self.obj()));
            }
            state.end_look(false, &mut stats)?
        } else {
            stats.skipped += u64::from(due);
            if !settings.paused {
                state.watch(buffer, &video)?;
            }
            None
        };
        stats.in_view = state.attach(buffer, &settings, time, analysed, video.shape(buffer))?;
        self.collect_posts(state, &settings, time);
        stats.frames += 1;
        stats.report = state.report.stats();
        stats.frame.add(start.elapsed().saturating_sub(now.unwrap_or_default()));
        *lock(&self.stats) = stats;
        Ok(before.or(now).is_some())
    }

    fn running_time(&self, buffer: &gst::BufferRef) -> Option<Duration> {
        let segment = self.obj().segment();
        segment.downcast_ref::<gst::ClockTime>()?.to_running_time(buffer.pts()?).map(Duration::from)
    }

    /// Turns what the report has to say into messages.
    fn collect_posts(&self, state: &mut State, settings: &Settings, time: Duration) {
        for notice in state.report.notices() {
            state.posts.extend(bus::notice(&self.obj(), notice, settings.post_messages, Some(time)));
        }
        if settings.post_live && state.live_is_due(time) {
            state.posts.push_back(bus::live(&self.obj(), state.on_display(settings, time)));
        }
    }

    fn post(&self, posts: impl IntoIterator<Item = gst::Message>) {
        for message in posts {
            // Refused only where nobody listens.
            let _ = self.obj().post_message(message);
        }
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

    /// Closes the open window; nothing is locked meanwhile but the report's own.
    fn finish(&self, state: &mut State) {
        let settings = lock(&self.settings).clone();
        let mut stats = lock(&self.stats).clone();
        if let Err(error) = state.finish(&mut stats) {
            self.tell(&error.into());
        }
        for notice in state.report.notices() {
            self.post(bus::notice(&self.obj(), notice, settings.post_messages, state.last_frame));
        }
        stats.report = state.report.stats();
        *lock(&self.stats) = stats;
    }

    fn open(&self, settings: &Settings) -> Result<State, gst::ErrorMessage> {
        let provider = settings.execution_provider.into();
        let variant = settings.variant.as_deref().map_or(Variant::BestFor(provider), Variant::Named);
        let model = match &settings.model {
            None => Model::built_in(variant),
            Some(path) => Model::load(Path::new(path), variant),
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
        let run = RunSettings { threads: settings.threads, provider };
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
                imp.post(bus::notice(&element, notice, true, None));
            }
        };
        let recorded = settings.start_time.is_some();
        let incorrect_apart = settings.incorrect_is == IncorrectIs::Separate;
        let files = report::Settings { recorded, incorrect_apart, ..settings.report.clone() };
        let report = Report::open(files, identity, env!("CARGO_PKG_VERSION"), notify).map_err(|e| report_error(&e))?;
        let name = self.obj().name();
        let eye = Eye::new(detector, settings.asynchronous.then_some(name.as_str()))
            .map_err(|e| gst::error_msg!(gst::CoreError::Thread, ("no thread for the runtime: {e}")))?;
        Ok(State::new(eye, report, settings))
    }
}

/// The sender's time of a frame, where it carries one.
fn sender_time(buffer: &gst::BufferRef) -> Option<Timestamp> {
    buffer
        .iter_meta::<gst::ReferenceTimestampMeta>()
        .find_map(|meta| clock::reference(meta.reference().structure(0)?.name(), meta.timestamp().nseconds()))
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
        let stopped = self.obj().current_state() < gst::State::Paused;
        let set = Arc::make_mut(&mut *lock(&self.settings)).set(pspec.name(), value, stopped);
        if let Err(why) = set {
            gst::error!(CAT, imp = self, "property {}: {why}", pspec.name());
            let text = format!("property {} keeps its old value: {why}", pspec.name());
            gst::element_imp_warning!(self, gst::ResourceError::Settings, ("{text}"));
        } else if !stopped && !pspec.flags().contains(gst::PARAM_FLAG_MUTABLE_PLAYING) {
            let text = format!("property {} takes effect at the next start; what runs goes on as it is", pspec.name());
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

    fn change_state(&self, transition: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match (transition, lock(&self.state).as_mut()) {
            (gst::StateChange::PlayingToPaused, Some(state)) => state.clock.pause(Instant::now()),
            (gst::StateChange::PausedToPlaying, Some(state)) => state.resume(Instant::now()),
            _ => {}
        }
        self.parent_change_state(transition)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        element::pad_templates()
    }
}

impl BaseTransformImpl for MaskCount {
    // In place, so that metadata can be added; the memory itself is only mapped for reading.
    const MODE: gst_base::subclass::BaseTransformMode = gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        if let Some((name, why)) = settings.refused() {
            return Err(gst::error_msg!(gst::ResourceError::Settings, ("property {name}: {why}")));
        }
        *lock(&self.stats) = Stats::default();
        *lock(&self.late) = Late::default();
        self.failed.store(false, Ordering::Relaxed);
        let state = self.open(&settings)?;
        *lock(&self.state) = Some(state);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let state = lock(&self.state).take();
        if let Some(mut state) = state {
            self.finish(&mut state);
            let report = state.report.end();
            lock(&self.stats).report = report;
        }
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let video = Video::of(incaps).map_err(|failure| {
            self.tell(&failure);
            gst::loggable_error!(CAT, "{failure}")
        })?;
        if let Some(state) = lock(&self.state).as_mut() {
            state.set_video(video);
        }
        Ok(())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.type_() {
            gst::EventType::Segment | gst::EventType::FlushStop | gst::EventType::StreamStart => {
                *lock(&self.late) = Late::default();
                // After a flush a failure is news again.
                if event.type_() == gst::EventType::FlushStop {
                    self.failed.store(false, Ordering::Relaxed);
                }
                if let Some(state) = lock(&self.state).as_mut() {
                    state.break_off();
                }
            }
            gst::EventType::Eos => {
                let state = lock(&self.state).take();
                if let Some(mut state) = state {
                    self.finish(&mut state);
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
            lock(&self.late).tell(timestamp.map(gst::ClockTime::nseconds), jitter);
        }
        self.parent_src_event(event)
    }

    fn propose_allocation(
        &self,
        decide_query: Option<&gst::query::Allocation>,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        self.parent_propose_allocation(decide_query, query)?;
        element::without_crop(query);
        Ok(())
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
        // Once a look has gone well the next failure is news again.
        if handled.map_err(|failure| self.fail(&failure))? {
            self.failed.store(false, Ordering::Relaxed);
        }
        Ok(gst::FlowSuccess::Ok)
    }
}
