//! Frames without a look, or with one that cannot be relied on.

use super::*;

#[test]
fn a_missing_look_covers_the_whole_frame() {
    for format in Format::ALL {
        let mut h = harness(format);
        assert_whole(format, &h.push_and_pull(frame(format, 0)).unwrap());
        assert_eq!((count(&h, "frames-missing"), count(&h, "frames-covered-whole")), (1, 1));
    }
}

#[test]
fn a_missing_look_is_an_error_where_that_was_asked_for() {
    let mut h = harness(Format::Nv12);
    let bus = bus(&h);
    element(&h).set_property("on-missing", OnMissing::Error);
    assert_eq!(h.push(frame(Format::Nv12, 0)), Err(gst::FlowError::Error));
    assert_eq!(h.push(frame(Format::Nv12, 1)), Err(gst::FlowError::Error));
    assert_eq!(h.buffers_received(), 0);
    let error = error(&bus);
    assert!(error.matches(gst::StreamError::Failed));
    assert!(error.message().contains("put maskcount before facepixelate"), "{error}");
    assert_eq!(count(&h, "errors"), 2);
}

#[test]
fn a_missing_look_passes_only_where_that_was_asked_for() {
    let mut h = harness(Format::Nv12);
    element(&h).set_property("on-missing", OnMissing::Pass);
    assert_raw(Format::Nv12, &h.push_and_pull(frame(Format::Nv12, 0)).unwrap());
    assert_eq!(count(&h, "frames-passed"), 1);
}

#[test]
fn pass_still_covers_the_regions_of_other_detectors_and_holds_them() {
    let mut h = harness(Format::Gray8);
    element(&h).set_property("on-missing", OnMissing::Pass);
    let mut buffer = frame(Format::Gray8, 0);
    gst_video::VideoRegionOfInterestMeta::add(buffer.make_mut(), look::ROI_TYPE, (100, 80, 40, 40));
    assert_covered_exactly(Format::Gray8, &h.push_and_pull(buffer).unwrap(), (90, 70, 60, 60));
    let out = h.push_and_pull(frame(Format::Gray8, 1)).unwrap();
    assert!(bytes(&out) != noise(WIDTH * HEIGHT));
}

#[test]
fn a_stale_look_covers_the_whole_frame_whatever_on_missing_says() {
    for on_missing in [OnMissing::Frame, OnMissing::Pass, OnMissing::Error] {
        for age in [Some(501), None] {
            let mut h = harness(Format::Nv12);
            element(&h).set_property("on-missing", on_missing);
            let mut buffer = frame(Format::Nv12, 0);
            attach(&mut buffer, age, &[]);
            assert_whole(Format::Nv12, &h.push_and_pull(buffer).unwrap());
            assert_eq!(count(&h, "frames-stale"), 1);
        }
    }
}

#[test]
fn looks_that_are_too_old_again_and_again_are_told_once_and_a_pause_is_not() {
    let mut h = harness(Format::Gray8);
    let bus = bus(&h);
    for (number, age) in (0..100).map(|number| (number, if number < 40 { None } else { Some(600) })) {
        let mut buffer = frame(Format::Gray8, number);
        attach(&mut buffer, age, &[]);
        h.push_and_pull(buffer).unwrap();
    }
    let warnings: Vec<_> = bus.iter_filtered(&[gst::MessageType::Warning]).collect();
    assert_eq!(warnings.len(), 1);
    let gst::MessageView::Warning(warning) = warnings[0].view() else { unreachable!() };
    let text = warning.error().message().to_owned();
    assert!(text.contains("25 of 65 frames") && text.contains("500 ms") && text.contains("`max-age`"), "{text}");
}

#[test]
fn looks_that_are_too_old_are_no_news_where_all_is_covered_anyway() {
    let mut h = harness(Format::Gray8);
    let bus = bus(&h);
    element(&h).set_property("scope", Scope::Frame);
    for number in 0..50 {
        let mut buffer = frame(Format::Gray8, number);
        attach(&mut buffer, Some(600), &[]);
        h.push_and_pull(buffer).unwrap();
    }
    assert_eq!(bus.iter_filtered(&[gst::MessageType::Warning]).count(), 0);
}

#[test]
fn a_picture_of_another_shape_than_the_look_s_is_covered_as_a_whole_and_a_smaller_one_is_not() {
    let square = gst::Fraction::new(1, 1);
    let shape = |width, height, pixels| look::Shape { width, height, pixels };
    for (size, whole) in [
        (shape(640, 240, square), true),
        (shape(320, 180, square), true),
        (shape(320, 240, gst::Fraction::new(2, 1)), true),
        (shape(640, 480, square), false),
        (shape(854, 640, square), false),
    ] {
        let mut h = harness(Format::Gray8);
        element(&h).set_property("on-missing", OnMissing::Pass);
        let mut buffer = frame(Format::Gray8, 0);
        let age = Some(gst::ClockTime::ZERO);
        look::attach(buffer.make_mut(), true, age, [face(1, 100.0, 80.0, 40.0, 40.0)], None, None, size).unwrap();
        let out = h.push_and_pull(buffer).unwrap();
        assert_eq!(count(&h, "frames-covered-whole"), u64::from(whole), "{size:?}");
        if !whole {
            assert_covered_exactly(Format::Gray8, &out, (90, 70, 60, 60));
        }
    }
}

#[test]
fn a_look_of_the_greatest_age_is_still_good() {
    let mut h = harness(Format::Nv12);
    let mut buffer = frame(Format::Nv12, 0);
    attach(&mut buffer, Some(500), &[]);
    assert_raw(Format::Nv12, &h.push_and_pull(buffer).unwrap());
}

#[test]
fn fewer_regions_than_the_look_says_cover_the_whole_frame_even_under_pass() {
    for on_missing in [OnMissing::Frame, OnMissing::Pass] {
        let mut h = harness(Format::Nv12);
        element(&h).set_property("on-missing", on_missing);
        let mut buffer = looked(Format::Nv12, 0, &[face(1, 10.0, 10.0, 40.0, 40.0), face(2, 200.0, 10.0, 40.0, 40.0)]);
        let mut lost = false;
        buffer.make_mut().foreach_meta_mut(|mut meta| {
            let roi = meta.downcast_ref::<gst_video::VideoRegionOfInterestMeta>().is_some();
            let remove = roi && !lost;
            lost |= roi;
            std::ops::ControlFlow::Continue(if remove {
                gst::buffer::BufferMetaForeachAction::Remove
            } else {
                gst::buffer::BufferMetaForeachAction::Keep
            })
        });
        assert_whole(Format::Nv12, &h.push_and_pull(buffer).unwrap());
    }
}
