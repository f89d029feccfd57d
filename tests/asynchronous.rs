//! What `async` promises, on a harness. The model is made slow by a large input.

mod common;

use std::time::Duration;

use common::{COMMON_CAPS, demo_frame, grey, harness};
use gst::prelude::*;
use gst_check::Harness;
use gstmaskcount::look::{self, Look};
use gstmaskcount::picture::Rect;

/// Takes long enough (some tenths of a second) for a few frames to come meanwhile.
const SLOW: &str = "async=true input-size=1920x1152";

fn push(h: &mut Harness, buffer: gst::Buffer) -> Look {
    look::read(&h.push_and_pull(buffer).unwrap()).unwrap()
}

fn stat<T: for<'a> gst::glib::value::FromValue<'a> + 'static>(h: &Harness, name: &str) -> T {
    h.element().unwrap().property::<gst::Structure>("stats").get(name).unwrap()
}

/// Pushes grey frames, one a millisecond from `from` on, until one has what is asked for; its time, and what it says.
fn push_until(h: &mut Harness, from: u64, wanted: impl Fn(&Look) -> bool) -> (u64, Look) {
    for time in from..from + 60_000 {
        let look = push(h, grey(time));
        if wanted(&look) {
            return (time, look);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("nothing came in a minute");
}

#[test]
fn frames_go_on_while_the_runtime_works_and_say_so() {
    let mut h = harness(SLOW);
    h.set_src_caps_str(COMMON_CAPS);
    let shape = Some((320, 240).into());
    assert_eq!(push(&mut h, grey(0)), Look { analysed: true, age: None, faces: 0, shape });
    assert_eq!(push(&mut h, grey(1)), Look { analysed: false, age: None, faces: 0, shape });
    assert_eq!((stat::<u64>(&h, "frames-analysed"), stat::<u64>(&h, "frames-skipped")), (1, 1));
    // The first look that is done is of the frame at 0, and the next one begins at once.
    let (second, look) = push_until(&mut h, 2, |look| look.age.is_some());
    assert!(look.analysed);
    let (third, next) = push_until(&mut h, second + 1, |next| next.analysed);
    // It rests on the second look; or on the third, if this thread had to wait for so long after it began.
    let newest = gst::ClockTime::from_mseconds(third - second);
    assert!(next.age.is_some_and(|age| age <= newest), "{next:?} {second} {third}");
    assert!(stat::<f64>(&h, "frame-without-runtime-p99-us") < stat::<f64>(&h, "runtime-mean-us"));
}

#[test]
fn every_frame_between_two_looks_has_the_faces_of_the_newest() {
    let mut h = harness("async=true");
    let (caps, buffer) = demo_frame("NV12");
    h.set_src_caps(caps);
    // So close that the stream hardly moves on, however long a look takes.
    let at = |microseconds| {
        let mut buffer = buffer.copy();
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_useconds(microseconds));
        buffer
    };
    push(&mut h, at(0));
    let mut time = 1;
    while push(&mut h, at(time)).age.is_none() {
        std::thread::sleep(Duration::from_millis(1));
        time += 1;
    }
    let frames: Vec<_> = (time + 1..time + 4).map(|t| push(&mut h, at(t))).collect();
    assert!(frames.iter().all(|look| look.faces > 0 && look.age.is_some()), "{frames:?}");
    let sync = push(
        &mut {
            let mut h = harness("interval=1");
            h.set_src_caps(demo_frame("NV12").0);
            h
        },
        at(0),
    );
    assert_eq!(frames[0].faces, sync.faces);
}

#[test]
fn where_somebody_came_in_since_the_look_is_said_until_a_look_has_seen_it() {
    let mut h = harness(SLOW);
    h.set_src_caps_str(COMMON_CAPS);
    let (_, seen) = push_until(&mut h, 0, |look| look.age.is_some());
    assert_eq!(seen.faces, 0);
    // Something bright stands there from now on, and no face is found on it.
    let come = |time| {
        let mut buffer = grey(time);
        let mut map = buffer.get_mut().unwrap().map_writable().unwrap();
        (80..120).for_each(|y| map[y * 320 + 20..][..40].fill(220));
        drop(map);
        buffer
    };
    let out = h.push_and_pull(come(100_000)).unwrap();
    let areas: Vec<_> = look::unseen(&out).collect();
    assert_eq!((look::read(&out).unwrap().faces, areas.len()), (1, 1));
    assert_eq!(areas[0].intersection(&Rect::new(20.0, 80.0, 40.0, 40.0)), 1600.0, "{areas:?}");
    assert!(areas[0].area() < 4.0 * 1600.0, "{areas:?}");
    for time in 100_001..160_000 {
        let look = push(&mut h, come(time));
        if look.faces == 0 {
            // It rests on a frame that shows it.
            return assert!(time - look.age.unwrap().mseconds() >= 100_000);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no look was done in a minute");
}

#[test]
fn the_end_of_the_stream_waits_for_the_look_under_way_and_takes_it() {
    let mut h = harness(SLOW);
    let (caps, buffer) = demo_frame("NV12");
    h.set_src_caps(caps);
    push(&mut h, buffer);
    assert_eq!(stat::<f64>(&h, "runtime-mean-us"), 0.0);
    assert!(h.push_event(gst::event::Eos::new()));
    assert!(stat::<f64>(&h, "runtime-mean-us") > 0.0);
}

#[test]
fn a_flush_and_new_caps_drop_the_look_under_way() {
    let flush = |h: &mut Harness| {
        h.push_event(gst::event::FlushStart::new());
        h.push_event(gst::event::FlushStop::new(true));
        h.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
    };
    for break_off in [&flush as &dyn Fn(&mut Harness), &|_: &mut Harness| ()] {
        let mut h = harness(SLOW);
        let (caps, buffer) = demo_frame("NV12");
        h.set_src_caps(caps);
        push(&mut h, buffer);
        break_off(&mut h);
        h.set_src_caps_str(COMMON_CAPS);
        // The first look that is told is of a grey frame, on which there is nobody.
        let (_, first) = push_until(&mut h, 0, |look| look.age.is_some());
        assert_eq!(first.faces, 0);
        assert_eq!(stat::<u64>(&h, "frames-analysed"), 3, "the dropped one, the grey one and the next");
    }
}

#[test]
fn stopping_amid_a_look_ends_its_thread() {
    let threads = || {
        let names = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        names
            .filter(|t| std::fs::read_to_string(t.path().join("comm")).is_ok_and(|n| n.starts_with("stopping-me")))
            .count()
    };
    common::init();
    // The thread has the element's name.
    let element = gst::ElementFactory::make("maskcount")
        .name("stopping-me")
        .property("async", true)
        .property("input-size", "1920x1152")
        .build()
        .unwrap();
    let mut h = Harness::with_element(&element, Some("sink"), Some("src"));
    h.play();
    h.set_src_caps_str(COMMON_CAPS);
    push(&mut h, grey(0));
    // A thread takes its name itself, when it first runs.
    while threads() == 0 {
        std::thread::yield_now();
    }
    h.element().unwrap().set_state(gst::State::Null).unwrap();
    assert_eq!(threads(), 0);
}

#[test]
fn a_runtime_that_fails_amid_the_stream_is_one_error_and_the_end_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = common::failing_model(folder.path());
    for mode in ["true", "false"] {
        let mut h = harness(&format!("async={mode} model={}", manifest.display()));
        let bus = gst::Bus::new();
        h.element().unwrap().set_bus(Some(&bus));
        h.set_src_caps_str(COMMON_CAPS);
        let mut flow = Ok(gst::FlowSuccess::Ok);
        for time in 0..60_000 {
            flow = h.push(grey(time));
            if flow.is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(flow, Err(gst::FlowError::Error), "async={mode}");
        // What comes all the same says nothing new.
        assert!((60_000..60_100).any(|time| h.push(grey(time)).is_err()), "async={mode}");
        h.push_event(gst::event::Eos::new());
        let errors: Vec<_> = std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Error])).collect();
        assert_eq!(errors.len(), 1, "{errors:?}");
        let gst::MessageView::Error(error) = errors[0].view() else { unreachable!() };
        assert!(error.error().matches(gst::LibraryError::Failed), "{error:?}");
    }
}
