//! Plays the demo clip as a live 1080p NV12 camera would, at so many frames a second, and measures on it what `async`
//! promises. Prints one line of JSON.
//!
//!     live FPS PROPERTIES             e.g. live 30 "async=true input-size=1920x1152"
//!     live 0 PROPERTIES               not live: each frame waits for the one before
//!
//! Faces are covered black (`mode=solid`), so that a covered pixel can be told. `covered` is the share of their area that
//! is covered, of the part within the frame of each box of `demo.json` of which at least half is to be seen; `known` is the
//! same over those faces that have been to be seen for half a second, so that a look can have found them. `picture` is how
//! much of the whole picture is covered: in the mean, and in the 99th of 100 frames.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gstmaskcount::maskcount::message;
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

const WIDTH: usize = 1920;
const HEIGHT: usize = 1080;
const LEAST_VISIBLE: f64 = 0.5;
/// Seconds.
const KNOWN_AFTER: f64 = 0.5;

/// A face of the truth: left, top, right, bottom in pixels within the frame, and whether it has been there for a while.
struct Face {
    edges: [usize; 4],
    known: bool,
}

/// Pixels.
#[derive(Clone, Copy, Default)]
struct Area {
    all: u64,
    covered: u64,
}

/// What is seen of each frame at the end of the line.
#[derive(Default)]
struct Seen {
    /// On the wall and on the processor, as its thread has it.
    entered: HashMap<u64, (Instant, Duration)>,
    /// From the frame's time on the clock to its arrival.
    late: Vec<Duration>,
    /// How long `maskcount` kept it.
    kept: Vec<Duration>,
    /// How much of that its thread was not on the processor: it waited, for the runtime or for other programs.
    waited: Vec<Duration>,
    /// Of all faces and of the known ones, of each frame that has a face.
    faces: Vec<[Area; 2]>,
    /// Share of the picture that is covered.
    picture: Vec<f64>,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [fps, properties] = &arguments[..] else { return Err("usage: see the head of benches/live.rs".into()) };
    let fps: u64 = fps.parse()?;
    gst::init()?;
    gstmaskcount::plugin_register_static()?;
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/media/demo");
    let truth: Value = serde_json::from_str(&std::fs::read_to_string(format!("{demo}.json"))?)?;
    let rate = if fps == 0 { truth["fps"].as_u64().ok_or("no fps")? } else { fps };
    let boxes = Arc::new(boxes(&truth, rate as f64)?);
    let line = format!(
        "filesrc location=\"{demo}.mp4\" ! decodebin ! videoconvert ! videoscale \
         ! video/x-raw,format=NV12,width={WIDTH},height={HEIGHT} ! queue name=decoded ! clocksync sync={} \
         ! maskcount name=counter window=3600 min-persons=1 {properties} \
         ! facepixelate name=covered mode=solid ! fakesink sync=false",
        fps > 0
    );
    let pipeline = gst::parse::launch(&line)?.downcast::<gst::Pipeline>().map_err(|_| "no pipeline")?;
    let pad = |element: &str, pad: &str| pipeline.by_name(element).and_then(|e| e.static_pad(pad)).ok_or("no such pad");
    let seen = Arc::new(Mutex::new(Seen::default()));

    // The frames come at the wanted rate, whatever the file says.
    let frames = AtomicU64::new(0);
    pad("decoded", "sink")?.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer_mut() {
            let number = frames.fetch_add(1, Ordering::Relaxed);
            buffer.make_mut().set_pts(gst::ClockTime::SECOND.mul_div_round(number, rate));
        }
        gst::PadProbeReturn::Ok
    });
    let entering = seen.clone();
    pad("counter", "sink")?.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let time = info.buffer().and_then(|b| b.pts()).map_or(0, gst::ClockTime::nseconds);
        entering.lock().unwrap().entered.insert(time, (Instant::now(), thread_time()));
        gst::PadProbeReturn::Ok
    });
    let leaving = seen.clone();
    pad("counter", "src")?.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let (now, processor) = (Instant::now(), thread_time());
        let time = info.buffer().and_then(|b| b.pts()).map_or(0, gst::ClockTime::nseconds);
        let mut seen = leaving.lock().unwrap();
        if let Some((entered, worked)) = seen.entered.remove(&time) {
            seen.kept.push(now - entered);
            seen.waited.push((now - entered).saturating_sub(processor - worked));
        }
        gst::PadProbeReturn::Ok
    });
    let at_end = seen.clone();
    let clocked = pipeline.clone();
    pad("covered", "src")?.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some((buffer, time)) = info.buffer().and_then(|b| Some((b, b.pts()?))) else {
            return gst::PadProbeReturn::Ok;
        };
        let mut seen = at_end.lock().unwrap();
        if let Some(now) = clocked.current_running_time() {
            seen.late.push(now.saturating_sub(time).into());
        }
        let frame = (time.nseconds() * rate + 500_000_000) / 1_000_000_000;
        if let (Ok(map), Some(boxes)) = (buffer.map_readable(), boxes.get(frame as usize)) {
            seen.faces.extend(covered(map.as_slice(), boxes));
            let black = map[..WIDTH * HEIGHT].iter().filter(|luma| **luma == 16).count();
            seen.picture.push(black as f64 / (WIDTH * HEIGHT) as f64);
        }
        gst::PadProbeReturn::Ok
    });

    pipeline.set_state(gst::State::Playing)?;
    let mut counts = Value::Null;
    for message in pipeline.bus().ok_or("no bus")?.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            gst::MessageView::Element(e) => {
                if let Some(record) = e.structure().filter(|s| s.name() == message::NAME) {
                    let record = message::from_structure(record)?;
                    counts = json!({ "persons": record.persons, "masked": record.masked, "share": record.masked_share_raw.or(record.masked_share) });
                }
            }
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(error) => return Err(error.error().into()),
            _ => {}
        }
    }
    let stats = pipeline.by_name("counter").ok_or("no counter")?.property::<gst::Structure>("stats");
    pipeline.set_state(gst::State::Null)?;

    let mut seen = seen.lock().unwrap();
    let share = |which: usize| {
        let (all, covered) = seen.faces.iter().fold((0, 0), |(a, c), f| (a + f[which].all, c + f[which].covered));
        let full = seen.faces.iter().filter(|f| f[which].covered * 100 >= f[which].all * 99).count();
        json!({ "of_all": covered as f64 / all as f64, "frames": seen.faces.len(), "frames_with_99_percent": full })
    };
    let (all, known) = (share(0), share(1));
    let mean = seen.picture.iter().sum::<f64>() / seen.picture.len() as f64;
    seen.picture.sort_unstable_by(f64::total_cmp);
    let most = seen.picture.get(seen.picture.len() * 99 / 100);
    let picture = json!({ "mean": mean, "p99": most });
    println!(
        "{}",
        json!({
            "frames": seen.kept.len(), "looks": stats.get::<u64>("frames-analysed")?,
            "runtime_ms": stats.get::<f64>("runtime-mean-us")? / 1000.0,
            "kept_ms": spread(&mut seen.kept), "waited_ms": spread(&mut seen.waited), "late_ms": spread(&mut seen.late),
            "covered": all, "known": known, "picture": picture,
            "record": counts,
        })
    );
    Ok(())
}

/// The faces of each frame of the clip, which is played at `rate` frames a second.
fn boxes(truth: &Value, rate: f64) -> Result<Vec<Vec<Face>>, Failure> {
    let scale = WIDTH as f64 / truth["width"].as_f64().ok_or("no width")?;
    let frames = truth["frames"].as_array().ok_or("no frames")?;
    let number = |face: &Value, name: &str| face[name].as_f64().unwrap_or_default();
    // Frames in a row in which each person has been to be seen.
    let mut seen = HashMap::<u64, u32>::new();
    let frame = |faces: &Value| {
        let faces: Vec<_> =
            faces.as_array().into_iter().flatten().filter(|f| number(f, "visible") >= LEAST_VISIBLE).collect();
        let person = |face: &Value| face["person"].as_u64().unwrap_or_default();
        seen.retain(|who, _| faces.iter().any(|face| person(face) == *who));
        let of = |face: &&Value| {
            let count = seen.entry(person(face)).or_default();
            *count += 1;
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|name| number(face, name) * scale);
            let within = |v: f64, most: usize| v.clamp(0.0, most as f64) as usize;
            Face {
                edges: [within(x, WIDTH), within(y, HEIGHT), within(x + w, WIDTH), within(y + h, HEIGHT)],
                known: f64::from(*count) > KNOWN_AFTER * rate,
            }
        };
        faces.iter().map(of).collect()
    };
    Ok(frames.iter().map(frame).collect())
}

/// Of all the faces and of the known ones, how much is black as `facepixelate` paints it; `None` where there is no face.
fn covered(bytes: &[u8], faces: &[Face]) -> Option<[Area; 2]> {
    let (luma, chroma) = bytes.split_at(WIDTH * HEIGHT);
    let mut areas = [Area::default(); 2];
    for face in faces {
        let [left, top, right, bottom] = face.edges;
        for (y, x) in (top..bottom).flat_map(|y| (left..right).map(move |x| (y, x))) {
            let uv = y / 2 * WIDTH + (x & !1);
            let black = luma[y * WIDTH + x] == 16 && chroma[uv..uv + 2] == [128, 128];
            for area in &mut areas[..1 + usize::from(face.known)] {
                area.all += 1;
                area.covered += u64::from(black);
            }
        }
    }
    (areas[0].all > 0).then_some(areas)
}

/// Processor time of this thread.
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills the struct that it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Median, 99th percentile and most, in milliseconds.
fn spread(times: &mut [Duration]) -> Value {
    times.sort_unstable();
    let at = |share: f64| times.get(((times.len() - 1) as f64 * share) as usize).map(|t| t.as_secs_f64() * 1000.0);
    if times.is_empty() { Value::Null } else { json!([at(0.5), at(0.99), at(1.0)]) }
}
