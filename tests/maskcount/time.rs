//! When there is a look, and what becomes of tracks and windows as time goes on.

use super::*;

#[test]
fn frames_between_two_looks_say_how_old_theirs_is() {
    let mut h = harness("interval=3");
    h.set_src_caps_str(COMMON_CAPS);
    let ages: Vec<_> = (0..4).map(|i| look::read(&h.push_and_pull(common::grey(i * 40)).unwrap()).unwrap()).collect();
    assert_eq!(ages.iter().map(|l| l.analysed).collect::<Vec<_>>(), [true, false, false, true]);
    assert_eq!(ages[2].age, Some(gst::ClockTime::from_mseconds(80)));
}

#[test]
fn what_has_come_since_the_last_look_is_told_until_the_next() {
    let mut h = harness("interval=3");
    h.set_src_caps_str(COMMON_CAPS);
    let unseen: Vec<_> = (0..4)
        .map(|i| {
            let mut buffer = common::grey(i * 40);
            if i > 0 {
                // Somebody of 60 by 80 pixels comes in after the first frame.
                let mut map = buffer.get_mut().unwrap().map_writable().unwrap();
                (100..180).for_each(|y| map[y * 320 + 200..][..60].fill(220));
            }
            look::unseen(&h.push_and_pull(buffer).unwrap()).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(unseen.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 1, 0], "{unseen:?}");
    let come = gstmaskcount::picture::Rect::new(200.0, 100.0, 60.0, 80.0);
    assert_eq!(unseen[1][0].intersection(&come), come.area(), "{unseen:?}");
}

#[test]
fn the_first_frame_left_out_where_every_one_has_a_look_is_unseen_as_a_whole() {
    let mut h = harness("interval=1");
    h.set_src_caps_str(COMMON_CAPS);
    let unseen: Vec<_> = [false, true, false, true]
        .into_iter()
        .enumerate()
        .map(|(i, left_out)| {
            let mut buffer = common::grey(i as u64 * 40);
            if left_out {
                buffer.get_mut().unwrap().set_flags(gst::BufferFlags::GAP);
            }
            look::unseen(&h.push_and_pull(buffer).unwrap()).collect::<Vec<_>>()
        })
        .collect();
    // No picture was kept of the first look; one of the next was.
    let whole = gstmaskcount::picture::Rect::new(0.0, 0.0, 320.0, 240.0);
    assert_eq!(unseen, [vec![], vec![whole], vec![], vec![]]);
}

#[test]
fn max_fps_is_how_many_looks_a_second_there_are_however_the_times_of_frames_fall() {
    // Of a second of frames, whose times scatter by a millisecond.
    let looks = |max_fps: u64, scatter: [u64; 4]| {
        let mut h = harness(&format!("max-fps={max_fps}/1"));
        h.set_src_caps_str(COMMON_CAPS);
        let time = |i: u64| 40 + i * 40 + scatter[i as usize % 4] - 1;
        (0..25).filter(|i| look::read(&h.push_and_pull(common::grey(time(*i))).unwrap()).unwrap().analysed).count()
    };
    for max_fps in [5, 8, 10, 15, 25] {
        assert_eq!(looks(max_fps, [1, 1, 1, 1]), max_fps as usize);
        assert_eq!(looks(max_fps, [1, 0, 2, 1]), max_fps as usize, "scattered");
    }
    assert_eq!(looks(60, [1, 0, 2, 1]), 25);
}

#[test]
fn looks_too_far_apart_to_count_anybody_are_said_once() {
    let mut h = harness("interval=4");
    let bus = gst::Bus::new();
    h.element().unwrap().set_bus(Some(&bus));
    h.set_src_caps_str(COMMON_CAPS);
    (0..40).for_each(|second| drop(h.push_and_pull(common::grey(second * 1000)).unwrap()));
    let warnings: Vec<_> = bus.iter().filter(|m| m.type_() == gst::MessageType::Warning).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[test]
fn the_first_frame_of_another_size_is_looked_at() {
    let mut h = harness("interval=100 max-fps=1/10");
    h.set_src_caps_str(COMMON_CAPS);
    let analysed: Vec<_> =
        (0..2).map(|i| look::read(&h.push_and_pull(common::grey(i * 40)).unwrap()).unwrap()).collect();
    assert_eq!(analysed.iter().map(|l| l.analysed).collect::<Vec<_>>(), [true, false]);
    h.set_src_caps_str(&COMMON_CAPS.replace("320", "160"));
    let smaller = |i: u64| common::buffer(160 * 240 * 3 / 2, i * 40);
    let look = look::read(&h.push_and_pull(smaller(2)).unwrap()).unwrap();
    assert!(look.analysed, "{look:?}: the boxes of before mean nothing in it");
}

#[test]
fn while_paused_no_frame_has_a_look() {
    let mut h = harness("paused=true");
    h.set_src_caps_str(COMMON_CAPS);
    let look = look::read(&h.push_and_pull(common::grey(0)).unwrap()).unwrap();
    assert!(!look.analysed && look.age.is_none());
    h.element().unwrap().set_property("paused", false);
    assert!(look::read(&h.push_and_pull(common::grey(40)).unwrap()).unwrap().analysed);
}

#[test]
fn a_frame_that_the_sink_would_show_too_late_has_no_look() {
    let mut h = harness("interval=1");
    h.set_src_caps_str(COMMON_CAPS);
    let mut analysed = |i: u64| look::read(&h.push_and_pull(common::grey(i * 40)).unwrap()).unwrap().analysed;
    assert!(analysed(0));
    let late = gst::event::Qos::builder(gst::QOSType::Underflow, 2.0, 40_000_000);
    h.push_upstream_event(late.timestamp(gst::ClockTime::from_mseconds(40)).build());
    // 40 ms late at 40 ms: what is shown before 120 ms is late as well.
    let mut analysed = |i: u64| look::read(&h.push_and_pull(common::grey(i * 40)).unwrap()).unwrap().analysed;
    assert_eq!([analysed(1), analysed(2), analysed(3)], [false, false, true]);
    assert_eq!(h.element().unwrap().property::<gst::Structure>("stats").get::<u64>("frames-skipped"), Ok(2));
}

#[test]
fn lost_frames_alone_end_no_track() {
    let mut h = harness("variant=fp32");
    let (caps, frame) = demo_frame("NV12");
    h.set_src_caps(caps);
    let mut tracks = |milliseconds, flags| {
        let mut buffer = at(&frame, milliseconds);
        buffer.get_mut().unwrap().set_flags(flags);
        look::faces(&h.push_and_pull(buffer).unwrap()).map(|(track, _)| track).collect::<Vec<_>>()
    };
    let before = (0..10).map(|i| tracks(i * 40, gst::BufferFlags::empty())).last().unwrap();
    assert!(!before.is_empty());
    assert_eq!(tracks(800, gst::BufferFlags::DISCONT), before);
}

#[test]
fn a_frame_out_of_order_ends_no_track() {
    let mut h = harness("variant=fp32");
    let (caps, frame) = demo_frame("NV12");
    h.set_src_caps(caps);
    let mut tracks = |milliseconds| {
        look::faces(&h.push_and_pull(at(&frame, milliseconds)).unwrap()).map(|(track, _)| track).collect::<Vec<_>>()
    };
    let before = (0..10).map(|i| tracks(i * 40)).last().unwrap();
    assert!(!before.is_empty());
    assert_eq!([tracks(359), tracks(400)], [before.clone(), before]);
}

#[test]
fn between_two_looks_the_boxes_go_on_with_the_people() {
    let mut h = harness("variant=fp32 interval=5");
    let (caps, frame) = demo_frame("GRAY8");
    let info = gst_video::VideoInfo::from_caps(&caps).unwrap();
    h.set_src_caps(caps);
    let (width, stride) = (info.width() as usize, info.stride()[0] as usize);
    // The whole picture goes 4 pixels to the right with every frame, 100 a second.
    let mut lefts = Vec::new();
    for number in 0..40 {
        let mut buffer = at(&frame, number as u64 * 40);
        let mut map = buffer.get_mut().unwrap().map_writable().unwrap();
        for row in map.chunks_mut(stride) {
            row.copy_within(..width - 4 * number, 4 * number);
        }
        drop(map);
        let out = h.push_and_pull(buffer).unwrap();
        let faces = out.iter_meta::<gst_video::VideoRegionOfInterestMeta>().filter(|m| m.roi_type() == look::ROI_TYPE);
        lefts.push(faces.map(|m| m.rect().0).min().unwrap_or(0));
    }
    // The last look is that of frame 35; by frame 39 the boxes are 16 pixels further.
    let step = i64::from(lefts[39]) - i64::from(lefts[36]);
    assert!((8..=16).contains(&step), "{lefts:?}");
}

/// The records of fifteen frames with three people, a pause of the element, and fifteen frames more from `later` (ms) on.
fn around_a_pause(properties: &str, later: u64) -> Vec<gstmaskcount::report::Record> {
    in_two_parts(properties, later, |element| {
        element.set_state(gst::State::Paused).unwrap();
        element.set_state(gst::State::Playing).unwrap();
    })
}

/// The same with something else between the two parts.
fn in_two_parts(properties: &str, later: u64, between: impl Fn(&gst::Element)) -> Vec<gstmaskcount::report::Record> {
    let mut h = harness(&format!("variant=fp32 window=10 min-persons=1 {properties}"));
    let element = h.element().unwrap();
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    let (caps, frame) = demo_frame("NV12");
    h.set_src_caps(caps);
    let mut push = |from: u64| {
        for time in (0..15).map(|number| from + number * 40) {
            h.push_and_pull(at(&frame, time)).unwrap();
        }
    };
    push(0);
    between(&element);
    push(later);
    h.push_event(gst::event::Eos::new());
    bus.iter().filter_map(|m| message::from_structure(m.structure()?).ok()).collect()
}

#[test]
fn the_first_frame_after_a_pause_is_looked_at_since_running_time_stood_still_in_it() {
    let mut h = harness("variant=fp32 interval=10");
    let element = h.element().unwrap();
    let (caps, frame) = demo_frame("NV12");
    h.set_src_caps(caps);
    let mut is_looked_at = |time| look::read(&h.push_and_pull(at(&frame, time)).unwrap()).unwrap().analysed;
    assert_eq!([0, 40, 80].map(&mut is_looked_at), [true, false, false]);
    element.set_state(gst::State::Paused).unwrap();
    element.set_state(gst::State::Playing).unwrap();
    assert_eq!([120, 160].map(&mut is_looked_at), [true, false]);
}

#[test]
fn a_recorded_file_goes_on_after_a_pause_where_it_was() {
    let recorded = "start-time=2026-04-26T08:00:00Z";
    let (records, unbroken) = (around_a_pause(recorded, 600), in_two_parts(recorded, 600, |_| ()));
    assert_eq!(records.len(), 1);
    assert!(unbroken[0].persons >= 2);
    assert_eq!(
        (records[0].persons, records[0].frames),
        (unbroken[0].persons, 30),
        "nobody who stayed is counted again"
    );
}

#[test]
fn after_a_pause_a_camera_is_where_the_wall_clock_is() {
    // Running time jumps by more than this test takes.
    let records = around_a_pause("", 1_000_000);
    assert_eq!(records.iter().map(|r| r.frames).sum::<u64>(), 30);
    let (first, last) = (&records[0], records.last().unwrap());
    assert!(last.end.duration_since(first.start).as_secs() < 500, "{} to {}", first.start, last.end);
}

#[test]
fn windows_follow_the_sender_s_time() {
    let mut h = harness("variant=fp32 window=10 min-persons=1");
    let bus = gst::Bus::new();
    h.element().unwrap().set_bus(Some(&bus));
    let (caps, frame) = demo_frame("NV12");
    h.set_src_caps(caps);
    let unix = gst::Caps::builder("timestamp/x-unix").build();
    // 2026-04-26T08:00:00Z.
    let start = gst::ClockTime::from_seconds(1_777_190_400);
    for milliseconds in (0..15).map(|number| number * 40) {
        let mut buffer = at(&frame, milliseconds);
        let time = start + gst::ClockTime::from_mseconds(milliseconds);
        gst::ReferenceTimestampMeta::add(buffer.get_mut().unwrap(), &unix, time, gst::ClockTime::NONE);
        h.push_and_pull(buffer).unwrap();
    }
    h.push_event(gst::event::Eos::new());
    let records: Vec<_> = bus.iter().filter_map(|m| message::from_structure(m.structure()?).ok()).collect();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].start.to_string(), "2026-04-26T08:00:00Z");
}

#[test]
fn one_repeated_time_does_not_let_time_run_ahead() {
    let mut h = harness("variant=fp32 interval=1000");
    let (mut caps, frame) = demo_frame("NV12");
    // Taken as 25 a second; it sends 30.
    caps.make_mut().set("framerate", gst::Fraction::new(0, 1));
    h.set_src_caps(caps);
    let mut send = |time| drop(h.push_and_pull(at(&frame, time)).unwrap());
    (0..30).for_each(|number| send(number * 33));
    send(29 * 33);
    (30..400).for_each(|number| send(number * 33));
    let stats: gst::Structure = h.element().unwrap().property("stats");
    assert_eq!(stats.get("frames-analysed"), Ok(1u64), "the picture was lost and looked at anew");
}

#[test]
fn a_time_that_stands_still_does_not_end_the_looks() {
    let mut h = harness("variant=fp32 max-fps=5 start-time=2026-04-26T08:00:00Z");
    let (mut caps, frame) = demo_frame("NV12");
    caps.make_mut().set("framerate", gst::Fraction::new(25, 1));
    h.set_src_caps(caps);
    (0..50).for_each(|_| drop(h.push_and_pull(at(&frame, 1000)).unwrap()));
    let stats: gst::Structure = h.element().unwrap().property("stats");
    assert_eq!(stats.get("frames-analysed"), Ok(10u64), "five a second in two seconds of 25 frames");
}

#[test]
fn after_a_seek_nobody_of_before_is_followed() {
    let mut h = harness("variant=fp32 start-time=2026-04-26T08:00:00Z");
    let (caps, frame) = demo_frame("NV12");
    h.set_src_caps(caps);
    let tracks_from = |h: &mut gst_check::Harness, second: u64| {
        let mut tracks = std::collections::BTreeSet::new();
        for number in 0..15 {
            let out = h.push_and_pull(at(&frame, second * 1000 + number * 40)).unwrap();
            tracks.extend(look::faces(&out).map(|(track, _)| track));
        }
        tracks
    };
    let before = tracks_from(&mut h, 0);
    h.push_event(gst::event::FlushStart::new());
    h.push_event(gst::event::FlushStop::new(true));
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::from_seconds(60));
    segment.set_time(gst::ClockTime::from_seconds(60));
    h.push_event(gst::event::Segment::new(&segment));
    let after = tracks_from(&mut h, 60);
    assert!(!before.is_empty() && !after.is_empty());
    assert!(before.is_disjoint(&after), "{before:?} {after:?}");
}
