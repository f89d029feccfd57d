//! A whole pipeline that is killed while it counts, again and again at random moments, and goes on each time.
//!
//! 20 kills in a normal run; `MASKCOUNT_KILLS=200 cargo test --release --test pipeline_crash` is the long one.

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use common::DEMO;
use gst::prelude::*;
use gstmaskcount::report::{JOURNAL_INTERVAL, Record};

const FOLDER: &str = "MASKCOUNT_TEST_FOLDER";
const START: &str = "MASKCOUNT_TEST_START";

/// The process that is killed: no test by itself. It says each passage when it is counted, and each frame after that.
#[test]
#[ignore = "the process that is killed, started by the test"]
fn counts_the_demo_clip_until_it_is_killed() {
    let (folder, start) = (std::env::var(FOLDER).unwrap(), std::env::var(START).unwrap());
    common::init();
    gst::log::remove_default_log_function();
    gst::log::add_log_function(|category, _, _, _, _, _, message| {
        if category.name() == "maskcount"
            && let Some(text) = message.get().filter(|m| m.starts_with("passage "))
        {
            println!("\n{text}");
        }
    });
    gst::log::set_threshold_for_name("maskcount", gst::DebugLevel::Trace);
    // Six looks a second are enough to count by, and let time pass quickly.
    let line = format!(
        "filesrc location=\"{DEMO}\" ! decodebin ! maskcount name=m max-fps=6/1 window=10 min-persons=1 start-time={start} \
         location=\"{folder}/stats-%Y%m%dT%H%M%SZ.json\" ! facepixelate ! fakesink"
    );
    let pipeline = gst::parse::launch(&line).unwrap().downcast::<gst::Pipeline>().unwrap();
    let pad = pipeline.by_name("m").unwrap().static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, |_, info| {
        println!("\nframe {}", info.buffer().and_then(|b| b.pts()).unwrap().mseconds());
        gst::PadProbeReturn::Ok
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let end = bus.timed_pop_filtered(gst::ClockTime::NONE, &[gst::MessageType::Eos, gst::MessageType::Error]);
    assert_eq!(end.unwrap().type_(), gst::MessageType::Eos);
    pipeline.set_state(gst::State::Null).unwrap();
}

/// What one run said before it was killed or ended.
#[derive(Default)]
struct Run {
    /// Milliseconds of stream time of each passage that was counted, and of the last frame.
    counted: Vec<u64>,
    last: u64,
    killed: bool,
}

/// Lets the clip run from a time on, and kills the process after a frame; `None`: lets it end.
fn run(folder: &Path, start: jiff::Timestamp, kill_after: Option<u64>) -> Run {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "counts_the_demo_clip_until_it_is_killed", "--nocapture"])
        .envs([(FOLDER, folder.to_str().unwrap()), (START, &start.to_string())])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut run = Run::default();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(time) = line.strip_prefix("frame ").and_then(|t| t.parse().ok()) {
            run.last = time;
        } else if line.starts_with("passage ") && line.contains(" counted ") {
            run.counted.push(run.last);
        }
        if !run.killed && kill_after.is_some_and(|after| run.last >= after) {
            // SIGKILL; what is still in the pipe was done, and is read.
            child.kill().unwrap();
            run.killed = true;
        }
    }
    assert_eq!(child.wait().unwrap().success(), !run.killed, "it ended in another way than it should");
    run
}

#[test]
fn a_pipeline_that_is_killed_again_and_again_loses_no_more_than_the_journal_s_interval() {
    if std::env::var(FOLDER).is_ok() {
        return;
    }
    let kills: u64 = std::env::var("MASKCOUNT_KILLS").map_or(20, |n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut now: jiff::Timestamp = "2026-04-26T08:00:00Z".parse().unwrap();
    let (mut counted, mut may_be_lost) = (0, 0);
    let mut chance = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..kills {
        // xorshift, so that each run of the test kills at the same moments.
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let run = run(folder.path(), now, Some(chance % 19_000));
        // The journal is written by a thread; a second of stream time is more than it needs even here.
        let late = run.last.saturating_sub(JOURNAL_INTERVAL.as_millis() as u64 + 1000);
        counted += run.counted.len() as u64;
        may_be_lost += run.counted.iter().filter(|t| **t >= late).count() as u64;
        now += jiff::SignedDuration::from_millis(run.last as i64 + 50);
    }
    // A last one ends as it should, in a later window, so that nothing is left in the journal.
    let last = run(folder.path(), now + jiff::SignedDuration::from_secs(60), None);
    counted += last.counted.len() as u64;

    let (mut said, mut files) = (0, 0);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with('.') {
            assert!(name.ends_with(".lock") || name.ends_with(".journal"), "{name} is left");
            continue;
        }
        // Reading it back checks that its numbers agree: no file is torn.
        said += Record::from_json(&std::fs::read_to_string(&path).unwrap()).unwrap().persons;
        files += 1;
    }
    println!("{kills} kills: {said} of {counted} passages in {files} files, at most {may_be_lost} may be lost");
    assert!(counted > kills, "too few passages to say anything");
    assert!(said <= counted, "{said} of {counted}: somebody was counted twice");
    assert!(said + may_be_lost >= counted, "{said} of {counted}, {may_be_lost} may be lost");
}
