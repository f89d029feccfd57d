//! Plays a lane through the plugin: frames go straight into `appsrc ! maskcount ! facepixelate`, records come from the
//! bus. A record has no ids; to know *whom* the plugin counted, what it writes at the log level TRACE (which track was
//! counted, as what) is put together with the boxes on the buffers between the two elements.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use gst::prelude::*;
use gstmaskcount::maskcount::message;
use gstmaskcount::picture::Rect;
use gstmaskcount::report::Record;

use crate::cast::Head;
use crate::lane::{LEAST_HEIGHT, Lane};
use crate::paint::{Painter, Seen};

/// A box is on a face from this overlap on: boxes of a detector reach less far than those of a photo's label.
const SAME: f32 = 0.3;
/// A face of which less is to be seen is hidden.
pub const VISIBLE: f32 = 0.5;
/// A person whose face was visible for this long (seconds) passed; less is more than a viewer would swear to.
pub const PASSED: f32 = 0.5;
/// A shake of the head of which less is to be seen (part of its frames, the face visible) is nobody's to see.
pub const SHOWN: f32 = 0.8;
/// Frames that are further apart than this (seconds) do not tell what was to be seen between them.
const LONGEST_STEP: f32 = 0.5;

/// What was to be seen of a person.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// Seconds in which a face of at least [`LEAST_HEIGHT`] was visible.
    pub seconds: f32,
    /// When that came to [`PASSED`].
    pub passed_at: Option<f32>,
    /// Frames of that, and those of them in which the plugin had a box on it.
    pub frames: u32,
    pub found: u32,
    /// Frames in which the head was shaken, and those of them in which the face was visible.
    pub shaken: u32,
    pub shown: u32,
}

/// A track of the plugin.
#[derive(Clone, Debug, Default)]
pub struct Track {
    /// On whom its boxes were, in frames, and on whom the last one was.
    on: HashMap<usize, u32>,
    last: Option<usize>,
    /// Counted, and not withdrawn again.
    pub counted: bool,
    /// Whom most of its boxes were on until it was counted; what it goes over to afterwards is not counted again.
    pub person: Option<usize>,
    /// Who it was on when it was withdrawn.
    pub withdrawn: Option<usize>,
}

#[derive(Debug, Default)]
pub struct Played {
    pub records: Vec<Record>,
    pub sights: Vec<Sight>,
    pub tracks: HashMap<u32, Track>,
}

/// What the plugin wrote about passages since it was asked last.
static SAID: LazyLock<Mutex<Vec<String>>> = LazyLock::new(Mutex::default);

/// Loads the plugin and listens to what it writes.
pub fn init() -> Result<(), Box<dyn Error>> {
    gst::init()?;
    gstmaskcount::plugin_register_static()?;
    gst::log::remove_default_log_function();
    gst::log::add_log_function(|category, _, _, _, _, _, message| {
        if category.name() == "maskcount"
            && let Some(text) = message.get().filter(|m| m.starts_with("passage "))
        {
            SAID.lock().expect("no panic while it is held").push(text.to_string());
        }
    });
    gst::log::set_threshold_for_name("maskcount", gst::DebugLevel::Trace);
    Ok(())
}

/// Plays a lane. `properties`: of maskcount. `keep`: a video of it is written there.
pub fn play(
    lane: &Lane,
    cast: &[Head],
    scale: usize,
    properties: &str,
    keep: Option<&Path>,
) -> Result<Played, Box<dyn Error>> {
    let mut painter = Painter::new(lane, scale);
    let (width, height) = painter.size();
    let copy = match keep {
        Some(path) => format!(
            "! tee name=t t. ! queue ! x264enc tune=zerolatency speed-preset=fast ! mp4mux ! filesink async=false location=\"{}\" t. ",
            path.display()
        ),
        None => String::new(),
    };
    let line = format!(
        "appsrc name=frames format=time block=true max-buffers=3 caps=video/x-raw,format=I420,width={width},height={height},framerate=0/1 \
         {copy} ! queue max-size-buffers=2 ! maskcount name=m {properties} ! facepixelate ! fakesink async=false"
    );
    let pipeline = gst::parse::launch(&line)?.downcast::<gst::Pipeline>().map_err(|_| "no pipeline")?;
    let frames = pipeline.by_name("frames").ok_or("no source")?;
    let played =
        Arc::new(Mutex::new(Played { sights: vec![Sight::default(); lane.people.len()], ..Played::default() }));
    let truths = Arc::new(Mutex::new(VecDeque::<Vec<Seen>>::new()));

    let between = pipeline.by_name("m").and_then(|m| m.static_pad("src")).ok_or("no pad")?;
    let (shared, pending) = (played.clone(), truths.clone());
    between.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer() {
            let truth = pending.lock().expect("not poisoned").pop_front().unwrap_or_default();
            shared.lock().expect("not poisoned").compare(buffer, &truth, scale as f32);
        }
        gst::PadProbeReturn::Ok
    });

    SAID.lock().expect("not poisoned").clear();
    pipeline.set_state(gst::State::Playing)?;
    let mut last = 0.0;
    for t in lane.frame_times() {
        let (picture, seen) = painter.frame(lane, cast, t);
        let step = (t - last).min(LONGEST_STEP);
        last = t;
        {
            let mut played = played.lock().expect("not poisoned");
            for (person, sight) in lane.people.iter().zip(&mut played.sights) {
                sight.shaken += u32::from(person.is_shaking(t));
            }
            for face in seen.iter().filter(|f| f.visible >= VISIBLE && f.h >= LEAST_HEIGHT * scale as f32) {
                let sight = &mut played.sights[face.person];
                sight.shown += u32::from(lane.people[face.person].is_shaking(t));
                sight.seconds += step;
                sight.frames += 1;
                if sight.seconds >= PASSED {
                    sight.passed_at.get_or_insert(t);
                }
            }
        }
        truths.lock().expect("not poisoned").push_back(seen);
        let mut buffer = gst::Buffer::from_mut_slice(picture);
        buffer.get_mut().ok_or("shared buffer")?.set_pts(gst::ClockTime::from_nseconds((f64::from(t) * 1e9) as u64));
        if frames.emit_by_name::<gst::FlowReturn>("push-buffer", &[&buffer]) != gst::FlowReturn::Ok {
            break;
        }
    }
    let _ = frames.emit_by_name::<gst::FlowReturn>("end-of-stream", &[]);
    let mut records = Vec::new();
    let mut failed = None;
    for message in pipeline.bus().ok_or("no bus")?.iter_timed(gst::ClockTime::from_seconds(600)) {
        match message.view() {
            gst::MessageView::Element(element) => {
                if let Some(s) = element.structure().filter(|s| s.name() == message::NAME) {
                    records.push(message::from_structure(s)?);
                }
            }
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(error) => {
                failed = Some(error.error());
                break;
            }
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null)?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let mut played = std::mem::take(&mut *played.lock().expect("not poisoned"));
    played.records = records;
    played.hear_all();
    Ok(played)
}

impl Played {
    /// Finds out which faces the boxes on a buffer are on.
    fn compare(&mut self, buffer: &gst::BufferRef, truth: &[Seen], scale: f32) {
        let mut found = vec![false; self.sights.len()];
        for (id, rect) in gstmaskcount::look::faces(buffer) {
            let overlap = |s: &Seen| Rect::new(s.x, s.y, s.w, s.h).iou(&rect);
            let best = truth.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b))).filter(|s| overlap(s) >= SAME);
            if let Some(face) = best {
                let track = self.tracks.entry(id).or_default();
                *track.on.entry(face.person).or_default() += 1;
                track.last = Some(face.person);
                found[face.person] |= face.visible >= VISIBLE && face.h >= LEAST_HEIGHT * scale;
            }
        }
        for (sight, found) in self.sights.iter_mut().zip(found) {
            sight.found += u32::from(found);
        }
        // What was said up to this frame.
        self.hear_all();
    }

    fn hear_all(&mut self) {
        for said in SAID.lock().expect("not poisoned").drain(..) {
            self.hear(&said);
        }
    }

    /// Takes a line such as `passage 12 counted as Known(Mask)`.
    fn hear(&mut self, said: &str) {
        let mut words = said.split_whitespace().skip(1);
        let Some(id) = words.next().and_then(|id| id.parse().ok()) else { return };
        let track = self.tracks.entry(id).or_default();
        match words.next() {
            Some("counted") => {
                track.counted = true;
                track.person = track.on.iter().max_by_key(|(who, frames)| (**frames, **who)).map(|(who, _)| *who);
            }
            Some("withdrawn") => (track.counted, track.withdrawn) = (false, track.last),
            _ => {}
        }
    }
}
