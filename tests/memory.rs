//! Memory over many starts and stops; a program of its own, since others would disturb it.

mod common;

use gst::prelude::*;

unsafe extern "C" {
    fn mallopt(parameter: i32, value: i32) -> i32;
}

/// By default glibc raises its bound for blocks with pages of their own whenever one of them is freed. The network's
/// blocks then lie among all others, and how much of that the system gets back changes from cycle to cycle by tens of
/// MB, growth or not. With a fixed bound they go back when they are freed, and growth can be seen.
fn give_large_blocks_pages_of_their_own() {
    const M_MMAP_THRESHOLD: i32 = -3;
    // SAFETY: a number is set, before any thread is made that could allocate meanwhile.
    assert_eq!(unsafe { mallopt(M_MMAP_THRESHOLD, 128 * 1024) }, 1);
}

/// Resident memory that no file backs, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn two_hundred_starts_and_stops_do_not_grow_memory() {
    give_large_blocks_pages_of_their_own();
    common::init();
    let line = "videotestsrc ! video/x-raw,format=NV12,width=640,height=360 ! maskcount ! facepixelate ! fakesink";
    let pipeline = gst::parse::launch(line).unwrap();
    let mut after_twenty = 0;
    for cycle in 1..=200 {
        pipeline.set_state(gst::State::Playing).unwrap();
        let (reached, state, _) = pipeline.state(gst::ClockTime::from_seconds(60));
        assert!(reached.is_ok() && state == gst::State::Playing, "cycle {cycle}: {reached:?}");
        pipeline.set_state(gst::State::Null).unwrap();
        if cycle == 20 {
            after_twenty = resident();
        }
    }
    let growth = resident().saturating_sub(after_twenty);
    assert!(growth <= 1024, "{growth} KiB more after 200 cycles than after 20 ({after_twenty} KiB)");
}
