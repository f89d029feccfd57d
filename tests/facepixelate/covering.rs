//! What is covered of a face, an area, a frame.

use super::*;

#[test]
fn a_face_is_covered_in_every_component_of_every_format_and_nothing_else_is() {
    for format in Format::ALL {
        for mode in [Mode::Mosaic, Mode::Solid] {
            let mut h = harness(format);
            element(&h).set_property("mode", mode);
            let out = h.push_and_pull(looked(format, 0, &[face(1, 100.0, 80.0, 40.0, 48.0)])).unwrap();
            // A quarter on each side.
            assert_covered_exactly(format, &out, (90, 68, 60, 72));
        }
    }
}

#[test]
fn solid_is_black_by_the_range_of_the_caps() {
    for (range, black) in [("bt709", 16), ("1:3:5:1", 0)] {
        init();
        let mut caps = caps(Format::Nv12);
        caps.make_mut().set("colorimetry", range);
        let mut h = Harness::new("facepixelate");
        h.set_caps(caps.clone(), caps);
        h.play();
        element(&h).set_property("mode", Mode::Solid);
        let out = h.push_and_pull(frame(Format::Nv12, 0)).unwrap();
        let out = bytes(&out);
        assert!(out[..WIDTH * HEIGHT].iter().all(|&y| y == black), "{range}");
        assert!(out[WIDTH * HEIGHT..].iter().all(|&uv| uv == 128), "{range}");
    }
}

#[test]
fn faces_at_the_border_and_beyond_it_are_covered_up_to_the_border() {
    let cases = [
        // Of a face beyond the border, attach() writes the part within: 20 pixels, and a quarter of them on each side.
        (face(1, -20.0, -20.0, 40.0, 40.0), (0, 0, 25, 25)),
        (face(1, 300.0, 220.0, 20.0, 20.0), (295, 215, 25, 25)),
    ];
    for (face, rect) in cases {
        let mut h = harness(Format::Gray8);
        let out = h.push_and_pull(looked(Format::Gray8, 0, &[face])).unwrap();
        assert_covered_exactly(Format::Gray8, &out, rect);
    }
}

#[test]
fn an_excluded_area_is_covered_and_its_place_is_not_told() {
    let mut h = harness(Format::Nv12);
    let mut buffer = frame(Format::Nv12, 0);
    let area = Rect::new(100.0, 80.0, 40.0, 48.0);
    let (age, size) = (Some(gst::ClockTime::ZERO), (WIDTH as u32, HEIGHT as u32));
    look::attach(buffer.make_mut(), true, age, None, Some(area), None, size).unwrap();
    let out = h.push_and_pull(buffer).unwrap();
    assert_covered_exactly(Format::Nv12, &out, (100, 80, 40, 48));
    assert_eq!(out.iter_meta::<gst_video::VideoRegionOfInterestMeta>().count(), 0);
}

#[test]
fn an_area_that_no_look_has_seen_becomes_one_colour_on_that_frame_and_is_not_held() {
    let mut h = harness(Format::Gray8);
    let mut buffer = frame(Format::Gray8, 0);
    let (age, size) = (Some(gst::ClockTime::from_mseconds(100)), (WIDTH as u32, HEIGHT as u32));
    let area = Rect::new(100.0, 80.0, 80.0, 60.0);
    look::attach(buffer.make_mut(), false, age, None, None, Some(area), size).unwrap();
    let out = h.push_and_pull(buffer).unwrap();
    assert_covered_exactly(Format::Gray8, &out, (100, 80, 80, 60));
    let covered = bytes(&out);
    let color = covered[80 * WIDTH + 100];
    assert!((80..140).all(|y| covered[y * WIDTH + 100..][..80].iter().all(|v| *v == color)));
    assert_eq!(out.iter_meta::<gst_video::VideoRegionOfInterestMeta>().count(), 0);
    let next = looked(Format::Gray8, 1, &[]);
    let raw = bytes(&next);
    assert_eq!(bytes(&h.push_and_pull(next).unwrap()), raw);
}

#[test]
fn a_region_that_lies_far_outside_is_harmless() {
    let mut h = harness(Format::Nv12);
    let mut buffer = frame(Format::Nv12, 0);
    attach(&mut buffer, Some(0), &[]);
    let raw = bytes(&buffer);
    let writable = buffer.make_mut();
    gst_video::VideoRegionOfInterestMeta::add(writable, look::ROI_TYPE, (u32::MAX, u32::MAX, u32::MAX, u32::MAX));
    gst_video::VideoRegionOfInterestMeta::add(writable, look::ROI_TYPE, (0, 0, 0, 0));
    let out = h.push_and_pull(buffer).unwrap();
    assert_eq!(bytes(&out), raw);
}

#[test]
fn a_region_larger_than_the_frame_covers_it() {
    let mut h = harness(Format::Nv12);
    let mut buffer = frame(Format::Nv12, 0);
    attach(&mut buffer, Some(0), &[]);
    gst_video::VideoRegionOfInterestMeta::add(buffer.make_mut(), look::ROI_TYPE, (0, 0, u32::MAX, u32::MAX));
    assert_whole(Format::Nv12, &h.push_and_pull(buffer).unwrap());
}

#[test]
fn a_frame_without_faces_goes_on_as_it_came() {
    let mut h = harness(Format::Nv12);
    assert_raw(Format::Nv12, &h.push_and_pull(looked(Format::Nv12, 0, &[])).unwrap());
    assert_eq!(count(&h, "frames-covered-whole"), 0);
}

#[test]
fn the_scope_frame_covers_the_whole_frame_whatever_was_found() {
    let mut h = harness(Format::I420);
    element(&h).set_property("scope", Scope::Frame);
    assert_whole(Format::I420, &h.push_and_pull(looked(Format::I420, 0, &[])).unwrap());
}

#[test]
fn a_box_grows_by_the_margin_and_with_the_age_of_its_look() {
    let mut h = harness(Format::Gray8);
    element(&h).set_property("margin", 0.5);
    let mut buffer = frame(Format::Gray8, 0);
    attach(&mut buffer, Some(250), &[face(1, 120.0, 100.0, 20.0, 20.0)]);
    // 0.5 and 2 per second for 0.25 s: one box on each side.
    assert_covered_exactly(Format::Gray8, &h.push_and_pull(buffer).unwrap(), (100, 80, 60, 60));
}

#[test]
fn covers_and_other_pictures_in_tags_do_not_go_on_and_other_tags_do() {
    let mut h = harness(Format::Nv12);
    let cover = || gst::Sample::builder().buffer(&gst::Buffer::from_slice(b"a face")).build();
    let tags = |with_title: bool| {
        let mut tags = gst::TagList::new();
        let list = tags.make_mut();
        list.add::<gst::tags::Image>(&cover(), gst::TagMergeMode::Append);
        list.add::<gst::tags::Attachment>(&cover(), gst::TagMergeMode::Append);
        if with_title {
            list.add::<gst::tags::Title>(&"market", gst::TagMergeMode::Append);
        }
        tags
    };
    assert!(h.push_event(gst::event::Tag::new(tags(true))));
    assert!(h.push_event(gst::event::Tag::new(tags(false))));
    let mut toc = gst::Toc::new(gst::TocScope::Global);
    let mut chapter = gst::TocEntry::new(gst::TocEntryType::Chapter, "1");
    chapter.make_mut().set_tags(tags(true));
    toc.make_mut().append_entry(chapter);
    assert!(h.push_event(gst::event::Toc::new(&toc, false)));
    let stream = gst::Stream::new(Some("1"), None, gst::StreamType::VIDEO, gst::StreamFlags::empty());
    stream.set_tags(Some(&tags(true)));
    let collection = gst::StreamCollection::builder(None).stream(stream.clone()).build();
    assert!(h.push_event(gst::event::StreamStart::builder("1").stream(stream.clone()).build()));
    assert!(h.push_event(gst::event::StreamCollection::new(&collection)));
    for structure in [
        gst::Structure::builder("picture").field("sample", cover()).build(),
        gst::Structure::builder("text").field("text", "a text").build(),
    ] {
        assert!(h.push_event(gst::event::CustomDownstream::new(structure)));
    }
    h.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
    h.push_and_pull(frame(Format::Nv12, 0)).unwrap();
    let names =
        |stream: &gst::Stream| stream.tags().unwrap().iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
    let events: Vec<_> = std::iter::from_fn(|| h.try_pull_event()).collect();
    let seen: Vec<_> = events
        .iter()
        .filter_map(|event| match event.view() {
            gst::EventView::Tag(tag) => Some(tag.tag().iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>()),
            gst::EventView::Toc(_) => panic!("the chapters' covers went on"),
            gst::EventView::StreamStart(start) => start.stream().map(|stream| names(&stream)),
            gst::EventView::StreamCollection(all) => all.stream_collection().iter().next().map(|stream| names(&stream)),
            gst::EventView::CustomDownstream(_) => Some(vec![event.structure().unwrap().name().to_string()]),
            _ => None,
        })
        .collect();
    assert_eq!(seen, [["title"], ["title"], ["title"], ["text"]]);
    assert_eq!(names(&stream).len(), 3, "what others hold is not changed");
}
