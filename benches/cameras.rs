//! Plays as many cameras in one process as it takes until frames are late. Prints one line of JSON.
//!
//!     cameras FRAMES FORMAT WIDTH HEIGHT LOOKS     so many looks a second; pin it with taskset to say it of one core
//!
//! Each camera gives 25 frames a second, copied from FRAMES (a file of raw ones) as a decoder would write them, into
//! `maskcount max-fps=LOOKS/1 ! facepixelate`, in a thread of its own. A frame is late if it comes out after the next one
//! was due; the number of cameras carries if at most one frame in a hundred of any camera is late in [`TRIAL`].

use std::time::{Duration, Instant};

use gst::prelude::*;
use serde_json::json;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const FRAME: Duration = Duration::from_millis(40);
const TRIAL: Duration = Duration::from_secs(4);
const FRAMES: u32 = (TRIAL.as_millis() / FRAME.as_millis()) as u32;
/// Left out of the judgement: every camera's first looks come at once.
const SETTLING: u32 = FRAMES / 4;
const MOST_LATE: f64 = 0.01;

fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let [file, format, width, height, looks] = arguments[..] else {
        return Err("usage: see the head of benches/cameras.rs".into());
    };
    gst::init()?;
    gstmaskcount::plugin_register_static()?;
    let info =
        gst_video::VideoInfo::builder(gst_video::VideoFormat::from_string(format), width.parse()?, height.parse()?)
            .fps(gst::Fraction::new(25, 1))
            .build()?;
    let frames: &'static [u8] = std::fs::read(file)?.leak();
    let one = play(1, &info, frames, looks)?;
    // The frames are the measurement's, not the camera's.
    let clip = frames.len() as u64 / 1024;
    let of_one = peak()? - clip;
    // Twice as many until they are late, then halfway between the most that carried and the least that did not.
    let (mut carried, mut too_many) = if one > MOST_LATE { (0, 1) } else { (1, usize::MAX) };
    let mut most = 1;
    while too_many - carried > 1 {
        let count = if too_many == usize::MAX { carried * 2 } else { carried.midpoint(too_many) };
        most = most.max(count);
        if play(count, &info, frames, looks)? > MOST_LATE {
            too_many = count;
        } else {
            carried = count;
        }
    }
    let per_camera = (peak()? - clip - of_one) as f64 / (most - 1).max(1) as f64;
    println!(
        "{}",
        json!({ "cameras": carried, "mib_of_one": of_one as f64 / 1024.0, "mib_per_camera": per_camera / 1024.0 })
    );
    Ok(())
}

/// Plays so many cameras; the share of late frames of the camera that had most.
fn play(count: usize, info: &gst_video::VideoInfo, frames: &'static [u8], looks: &str) -> Result<f64, Failure> {
    let start = Instant::now() + Duration::from_millis(500 + 50 * count as u64);
    let between_looks = Duration::from_secs(1) / looks.parse::<u32>()?;
    let cameras: Vec<_> = (0..count)
        .map(|number| {
            let (info, looks) = (info.clone(), looks.to_owned());
            // Cameras do not tick together, nor do their looks.
            let start = start + between_looks * number as u32 / count as u32;
            std::thread::spawn(move || camera(&info, frames, &looks, start))
        })
        .collect();
    let mut worst: f64 = 0.0;
    for camera in cameras {
        worst = worst.max(camera.join().map_err(|_| "a camera panicked")??);
    }
    Ok(worst)
}

fn camera(info: &gst_video::VideoInfo, frames: &[u8], looks: &str, start: Instant) -> Result<f64, Failure> {
    let elements = gst::parse::bin_from_description(&format!("maskcount max-fps={looks}/1 ! facepixelate"), true)?;
    let sink =
        gst::ElementFactory::make("fakesink").property("async", false).property("enable-last-sample", false).build()?;
    let pipeline = gst::Pipeline::new();
    pipeline.add_many([elements.upcast_ref(), &sink])?;
    elements.link(&sink)?;
    let source = gst::Pad::new(gst::PadDirection::Src);
    source.set_active(true)?;
    source.link(&elements.static_pad("sink").ok_or("no sink pad")?)?;
    pipeline.set_state(gst::State::Playing)?;
    let caps = info.to_caps()?;
    source.push_event(gst::event::StreamStart::new("camera"));
    source.push_event(gst::event::Caps::new(&caps));
    source.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
    let pool = gst::BufferPool::new();
    let mut config = pool.config();
    config.set_params(Some(&caps), info.size() as u32, 2, 0);
    pool.set_config(config)?;
    pool.set_active(true)?;
    let mut late = 0;
    for (number, frame) in (0..FRAMES).zip(frames.chunks_exact(info.size()).cycle()) {
        let due = start + FRAME * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let mut buffer = pool.acquire_buffer(None)?;
        let filled = buffer.get_mut().ok_or("a buffer of the pool is shared")?;
        filled.set_pts(gst::ClockTime::from_mseconds(u64::from(number) * 40));
        filled.map_writable()?.copy_from_slice(frame);
        source.push(buffer)?;
        late += u32::from(number >= SETTLING && due.elapsed() > FRAME);
    }
    pipeline.set_state(gst::State::Null)?;
    Ok(f64::from(late) / f64::from(FRAMES - SETTLING))
}

/// The most memory that this process has held, in KiB.
fn peak() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
