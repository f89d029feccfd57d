//! Plays as many cameras in one process as it takes until frames are late. Prints one line of JSON.
//!
//!     cameras FRAMES FORMAT WIDTH HEIGHT LOOKS     so many looks a second; pin it with taskset to say it of one core
//!
//! Each camera gives 25 frames a second, copied from FRAMES (a file of raw ones) as a decoder would write them, into
//! `maskcount max-fps=LOOKS/1 ! facepixelate`, in a thread of its own. A frame is late if it comes out after the next one
//! was due; the number of cameras carries if no frame is late in the judged part of [`TRIAL`].

mod feed;

use std::time::{Duration, Instant};

use feed::{Failure, Feed};
use serde_json::json;

const FRAME: Duration = Duration::from_millis(40);
const TRIAL: Duration = Duration::from_secs(4);
const FRAMES: u32 = (TRIAL.as_millis() / FRAME.as_millis()) as u32;
/// Left out of the judgement: every camera's first looks come at once.
const SETTLING: u32 = FRAMES / 4;

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
    let (mut carried, mut too_many) = if one > 0.0 { (0, 1) } else { (1, usize::MAX) };
    let mut most = 1;
    while too_many - carried > 1 {
        let count = if too_many == usize::MAX { carried * 2 } else { carried.midpoint(too_many) };
        most = most.max(count);
        if play(count, &info, frames, looks)? > 0.0 {
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
    let feed = Feed::start(&format!("maskcount max-fps={looks}/1 ! facepixelate"), info)?;
    let mut late = 0;
    for (number, frame) in (0..FRAMES).zip(frames.chunks_exact(info.size()).cycle()) {
        let due = start + FRAME * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        feed.push(feed.buffer(u64::from(number), frame)?)?;
        late += u32::from(number >= SETTLING && due.elapsed() > FRAME);
    }
    Ok(f64::from(late) / f64::from(FRAMES - SETTLING))
}

/// The most memory that this process has held, in KiB.
fn peak() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
