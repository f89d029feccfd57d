//! Faces that were there a moment ago, flushes and restarts.

use super::*;

#[test]
fn a_lost_face_stays_covered_for_the_hold_and_grows() {
    let mut h = harness(Format::Gray8);
    element(&h).set_property("margin", 0.0);
    h.push_and_pull(looked(Format::Gray8, 0, &[face(1, 100.0, 100.0, 20.0, 20.0)])).unwrap();
    // 400 ms later: 0.8 on each side.
    let out = h.push_and_pull(looked(Format::Gray8, 10, &[])).unwrap();
    assert_covered_exactly(Format::Gray8, &out, (84, 84, 52, 52));
    assert_eq!(count(&h, "faces-held"), 1);
    assert_raw(Format::Gray8, &h.push_and_pull(looked(Format::Gray8, 13, &[])).unwrap());
}

#[test]
fn a_face_of_an_old_look_is_held_as_large_as_that_look_is_old() {
    let mut h = harness(Format::Gray8);
    let mut buffer = frame(Format::Gray8, 0);
    attach(&mut buffer, Some(960), &[face(1, 150.0, 100.0, 20.0, 20.0)]);
    assert_whole(Format::Gray8, &h.push_and_pull(buffer).unwrap());
    // A second after its look: the margin of a quarter and twice its size on each side.
    let out = h.push_and_pull(looked(Format::Gray8, 1, &[])).unwrap();
    assert_covered_exactly(Format::Gray8, &out, (105, 55, 110, 110));
}

#[test]
fn a_face_that_moves_under_its_id_leaves_no_trail() {
    let mut h = harness(Format::Gray8);
    h.push_and_pull(looked(Format::Gray8, 0, &[face(1, 20.0, 100.0, 40.0, 40.0)])).unwrap();
    let out = h.push_and_pull(looked(Format::Gray8, 1, &[face(1, 36.0, 100.0, 40.0, 40.0)])).unwrap();
    assert_covered_exactly(Format::Gray8, &out, (26, 90, 60, 60));
}

#[test]
fn a_lost_face_stays_covered_across_a_flush_a_segment_and_a_change_of_format() {
    let mut h = harness(Format::Gray8);
    element(&h).set_property("margin", 0.0);
    h.push_and_pull(looked(Format::Gray8, 100, &[face(1, 100.0, 100.0, 20.0, 20.0)])).unwrap();
    assert!(h.push_event(gst::event::FlushStart::new()));
    assert!(h.push_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(h.push_event(gst::event::Segment::new(&segment)));
    let caps = caps(Format::Rgb);
    h.set_sink_caps(caps.clone());
    h.set_src_caps(caps);
    let out = h.push_and_pull(looked(Format::Rgb, 0, &[])).unwrap();
    // One frame of 40 ms passed: 0.08 of 20 pixels, rounded outward.
    assert_covered_exactly(Format::Rgb, &out, (98, 98, 24, 24));
}

#[test]
fn a_change_of_size_covers_the_whole_frame_while_a_face_is_held() {
    let mut h = harness(Format::Gray8);
    h.push_and_pull(looked(Format::Gray8, 0, &[face(1, 100.0, 100.0, 20.0, 20.0)])).unwrap();
    let mut caps = caps(Format::Gray8);
    caps.make_mut().set("width", 160);
    caps.make_mut().set("height", 120);
    h.set_sink_caps(caps.clone());
    h.set_src_caps(caps);
    for (number, whole) in [(1, true), (8, true), (30, false)] {
        let mut buffer = gst::Buffer::from_mut_slice(noise(160 * 120));
        buffer.make_mut().set_pts(FRAME * number);
        attach(&mut buffer, Some(0), &[]);
        let out = h.push_and_pull(buffer).unwrap();
        assert_eq!(bytes(&out) != noise(160 * 120), whole, "frame {number}");
    }
}

#[test]
fn a_restart_forgets_held_faces_and_totals() {
    let mut h = harness(Format::Gray8);
    for _ in 0..20 {
        h.push_and_pull(looked(Format::Gray8, 0, &[face(1, 100.0, 100.0, 20.0, 20.0)])).unwrap();
        element(&h).set_state(gst::State::Ready).unwrap();
        h.play();
        assert_eq!(count(&h, "frames"), 0);
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        h.push_event(gst::event::StreamStart::new("again"));
        h.push_event(gst::event::Caps::new(&caps(Format::Gray8)));
        h.push_event(gst::event::Segment::new(&segment));
        assert_raw(Format::Gray8, &h.push_and_pull(looked(Format::Gray8, 1, &[])).unwrap());
    }
}

#[test]
fn a_lost_face_is_let_go_though_the_time_stands_still_or_nobody_tells_it() {
    for has_time in [true, false] {
        let mut h = harness(Format::Gray8);
        let mut next = |faces: &[FaceMeta]| {
            let mut buffer = looked(Format::Gray8, 0, faces);
            if !has_time {
                buffer.make_mut().set_pts(None);
            }
            bytes(&h.push_and_pull(buffer).unwrap()) != noise(WIDTH * HEIGHT)
        };
        assert!(next(&[face(1, 100.0, 100.0, 20.0, 20.0)]));
        let held = (0..40).take_while(|_| next(&[])).count();
        assert_eq!(held, 12, "half a second");
    }
}
