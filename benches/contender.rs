//! What `benches/compare.sh` measures with. Prints one line of JSON.
//!
//!     contender pipeline FRAMES FORMAT WIDTH HEIGHT COUNT LINE    time per frame of the elements of a gst-launch line
//!     contender bare VARIANT COUNT                               time per run of the bare runtime on our model
//!
//! `pipeline` pushes raw frames (a file of whole ones, repeated until COUNT) into the line's first element and takes the
//! time until the push comes back from a `fakesink`. All of it happens in one thread, so that this is what the elements
//! cost, without a source. It is the processor's time, of all threads of the process: on an idle core that is the time on the
//! wall, and on a busy machine it still is what the frame cost. Each frame is a fresh copy in a buffer of a pool, as a
//! decoder gives it; the copy is not part of the time. `bare` runs the session as `maskcount` does, with the input tensor filled once.
//!
//! The figure is the median over groups of three frames of their mean, so that `interval=3` is one group.

mod feed;

use std::time::Duration;

use feed::{Failure, Feed};
use gst::prelude::*;
use gstmaskcount::detect::decode::DecoderSpec;
use gstmaskcount::detect::model::{Model, Variant};
use gstmaskcount::detect::sampling::Target;
use gstmaskcount::detect::session::{Provider, RunSettings, RuntimeSearch, Session};

const GROUP: usize = 3;
/// Groups that come before the clock starts: code, caches and pools are warm then.
const WARM_UP: usize = 4;

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let Run { times, faces, grown } = match arguments[..] {
        ["pipeline", frames, format, width, height, count, line] => {
            pipeline(&std::fs::read(frames)?, (format, width.parse()?, height.parse()?), count.parse()?, line)?
        }
        ["bare", variant, count] => Run { times: bare(variant, count.parse()?)?, ..Run::default() },
        _ => return Err("usage: see the head of benches/contender.rs".into()),
    };
    let mut means: Vec<_> =
        times.chunks_exact(GROUP).skip(WARM_UP).map(|g| g.iter().sum::<Duration>() / GROUP as u32).collect();
    means.sort_unstable();
    let median = means.get(means.len() / 2).ok_or("too few frames")?;
    println!("{}", serde_json::json!({ "us": median.as_secs_f64() * 1e6, "faces": faces, "grown_kib": grown }));
    Ok(())
}

#[derive(Default)]
struct Run {
    /// Of each frame.
    times: Vec<Duration>,
    /// How many faces `maskcount`, if it is there, saw on the last frame.
    faces: Option<u32>,
    /// KiB of resident memory from the twentieth part of the frames to the end.
    grown: i64,
}

fn pipeline(
    frames: &[u8],
    (format, width, height): (&str, u32, u32),
    count: usize,
    line: &str,
) -> Result<Run, Failure> {
    gst::init()?;
    gstmaskcount::plugin_register_static()?;
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::from_string(format), width, height)
        .fps(gst::Fraction::new(30, 1))
        .build()?;
    let feed = Feed::start(line, &info)?;
    // Touched now, so that they do not count as growth later.
    let mut times = vec![Duration::MAX; count];
    let mut settled = 0;
    for (number, frame) in (0..count as u64).zip(frames.chunks_exact(info.size()).cycle()) {
        let buffer = feed.buffer(number, frame)?;
        let start = processor_time();
        feed.push(buffer)?;
        times[number as usize] = processor_time() - start;
        if number == count as u64 / 20 {
            settled = resident()?;
        }
    }
    let grown = resident()? - settled;
    let counter = feed.pipeline.iterate_all_by_element_factory_name("maskcount").into_iter().flatten().next();
    let faces = counter.map(|counter| counter.property::<gst::Structure>("stats").get::<u32>("faces")).transpose()?;
    Ok(Run { times, faces, grown })
}

/// Of all threads of this process.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills the struct that it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// KiB of memory that this process holds.
fn resident() -> Result<i64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

fn bare(variant: &str, count: usize) -> Result<Vec<Duration>, Failure> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/models/maskcount-s.json");
    let model = Model::load(manifest.as_ref(), Variant::Named(variant))?;
    let DecoderSpec::Maskcount { outputs, .. } = &model.manifest.decoder else { return Err("not our decoder".into()) };
    let outputs: Vec<_> = outputs.iter().map(String::as_str).collect();
    let settings = RunSettings { threads: 1, provider: Provider::Cpu };
    let mut session = Session::open(&model, &outputs, &settings, &RuntimeSearch::default())?;
    match session.input() {
        Target::Planes(values) => {
            values.iter_mut().enumerate().for_each(|(index, value)| *value = (index % 255) as f32 / 127.5 - 1.0);
        }
        Target::Patches(patches) => {
            patches.as_flattened_mut().iter_mut().enumerate().for_each(|(index, byte)| *byte = (index % 255) as u8);
        }
    }
    (0..count)
        .map(|_| {
            let start = processor_time();
            session.run(|_| ())?;
            Ok(processor_time() - start)
        })
        .collect()
}
