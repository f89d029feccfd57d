//! The element `facepixelate`, one behaviour a test.

use std::sync::{Arc, Mutex, Once};

use gst::prelude::*;
use gst_check::Harness;
use gst_video::{VideoFormat, VideoFrameFlags, VideoInfo};
use gstmaskcount::detect::Label;
use gstmaskcount::facepixelate::{Mode, OnMissing, Scope};
use gstmaskcount::look::{self, FaceMeta};
use gstmaskcount::picture::{Component, Format, Rect};

const WIDTH: usize = 320;
const HEIGHT: usize = 240;
const FRAME: gst::ClockTime = gst::ClockTime::from_mseconds(40);

fn init() {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        gst::init().unwrap();
        gstmaskcount::plugin_register_static().unwrap();
    });
}

fn caps(format: Format) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", format.name())
        .field("width", WIDTH as i32)
        .field("height", HEIGHT as i32)
        .field("framerate", gst::Fraction::new(25, 1))
        .build()
}

fn harness(format: Format) -> Harness {
    init();
    let mut h = Harness::new("facepixelate");
    h.set_caps(caps(format), caps(format));
    h.play();
    h
}

fn element(h: &Harness) -> gst::Element {
    h.element().unwrap()
}

fn count(h: &Harness, field: &str) -> u64 {
    element(h).property::<gst::Structure>("stats").get(field).unwrap()
}

/// A frame of noise, so that no byte is what covering would make of it but by rare chance.
fn noise(size: usize) -> Vec<u8> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 24) as u8
    };
    (0..size).map(|_| byte()).collect()
}

fn info(format: Format) -> VideoInfo {
    VideoInfo::from_caps(&caps(format)).unwrap()
}

/// Frame number `number` of a stream of 25 a second.
fn frame(format: Format, number: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(noise(info(format).size()));
    let writable = buffer.get_mut().unwrap();
    writable.set_pts(FRAME * number);
    writable.set_duration(FRAME);
    buffer
}

fn face(id: u32, x: f32, y: f32, w: f32, h: f32) -> FaceMeta {
    FaceMeta { rect: Rect::new(x, y, w, h), label: Label::Mask, confidence: 0.9, id }
}

fn attach(buffer: &mut gst::Buffer, age: Option<u64>, faces: &[FaceMeta]) {
    let size = (WIDTH as u32, HEIGHT as u32);
    let age = age.map(gst::ClockTime::from_mseconds);
    look::attach(buffer.make_mut(), true, age, faces.iter().copied(), None, None, size).unwrap();
}

fn looked(format: Format, number: u64, faces: &[FaceMeta]) -> gst::Buffer {
    let mut buffer = frame(format, number);
    attach(&mut buffer, Some(0), faces);
    buffer
}

fn bytes(buffer: &gst::BufferRef) -> Vec<u8> {
    buffer.map_readable().unwrap().to_vec()
}

/// The samples of a component of a frame laid out as its caps say, row by row.
fn samples(c: &Component, info: &VideoInfo, bytes: &[u8]) -> Vec<Vec<u8>> {
    let (width, height) = c.size(WIDTH, HEIGHT);
    let row = |y: usize| {
        let start = info.offset()[c.plane] + y * info.stride()[c.plane] as usize + c.offset;
        bytes[start..].iter().step_by(c.step).take(width).copied().collect()
    };
    (0..height).map(row).collect()
}

/// How many samples of each side of a component changed within a rectangle of pixels, and how many outside of it.
fn changed(format: Format, before: &[u8], after: &[u8], (x, y, w, h): (usize, usize, usize, usize)) -> Vec<[f64; 2]> {
    let info = info(format);
    let share = |c: &Component| {
        let (before, after) = (samples(c, &info, before), samples(c, &info, after));
        let ([mut inside, mut outside], [mut all_inside, mut all_outside]) = ([0; 2], [0; 2]);
        for (row, (before, after)) in before.iter().zip(&after).enumerate() {
            for (column, (b, a)) in before.iter().zip(after).enumerate() {
                let (px, py) = (column << c.x_shift, row << c.y_shift);
                let within = (x..x + w).contains(&px) && (y..y + h).contains(&py);
                let (differ, all) =
                    if within { (&mut inside, &mut all_inside) } else { (&mut outside, &mut all_outside) };
                *differ += usize::from(a != b);
                *all += 1;
            }
        }
        [inside as f64 / all_inside.max(1) as f64, outside as f64 / all_outside.max(1) as f64]
    };
    format.components().iter().map(share).collect()
}

/// Whether every component is covered within the rectangle (noise equals its mean by chance once in 256) and untouched
/// outside of it.
fn assert_covered_exactly(format: Format, after: &gst::BufferRef, rect: (usize, usize, usize, usize)) {
    let before = noise(info(format).size());
    for (index, [inside, outside]) in changed(format, &before, &bytes(after), rect).into_iter().enumerate() {
        assert!(inside > 0.95, "{format:?}, component {index}: {inside} of the face changed");
        assert_eq!(outside, 0.0, "{format:?}, component {index}: changed outside of the face");
    }
}

fn assert_whole(format: Format, after: &gst::BufferRef) {
    assert_covered_exactly(format, after, (0, 0, WIDTH, HEIGHT));
}

fn assert_raw(format: Format, after: &gst::BufferRef) {
    assert!(noise(info(format).size()) == bytes(after), "the frame should be as it came");
}

/// The one error on the bus.
fn error(bus: &gst::Bus) -> gst::glib::Error {
    let errors: Vec<_> = bus.iter_filtered(&[gst::MessageType::Error]).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    match errors[0].view() {
        gst::MessageView::Error(error) => error.error(),
        _ => unreachable!(),
    }
}

fn bus(h: &Harness) -> gst::Bus {
    let bus = gst::Bus::new();
    element(h).set_bus(Some(&bus));
    bus
}

#[test]
fn the_pads_take_every_format_and_no_other_memory() {
    init();
    let factory = gst::ElementFactory::find("facepixelate").unwrap();
    for template in factory.static_pad_templates() {
        let caps = template.caps();
        for format in Format::ALL {
            assert!(caps.can_intersect(&self::caps(format)), "{format:?}");
        }
        assert!(!caps.can_intersect(&gst::Caps::builder("video/x-raw").field("format", "P010_10LE").build()));
        let gl = gst::Caps::builder("video/x-raw").features(["memory:GLMemory"]).field("format", "RGBA").build();
        assert!(!caps.can_intersect(&gl));
        let fields = gst::Caps::builder("video/x-raw").features(["format:Interlaced"]).field("format", "NV12").build();
        assert!(!caps.can_intersect(&fields));
    }
}

#[test]
fn every_property_says_what_it_is_and_starts_at_its_default() {
    init();
    let element = gst::ElementFactory::make("facepixelate").build().unwrap();
    let own = ["scope", "mode", "cells", "margin", "hold", "max-age", "on-missing", "keep-meta"];
    for name in own {
        let spec = element.find_property(name).unwrap();
        assert!(spec.blurb().is_some_and(|b| b.len() > 20), "{name}");
        assert!(!spec.nick().is_empty(), "{name}");
        let default = spec.default_value().transform::<String>().unwrap().get::<Option<String>>().unwrap();
        let value = element.property_value(name).transform::<String>().unwrap().get::<Option<String>>().unwrap();
        assert_eq!(default, value, "{name}");
    }
    assert_eq!(element.property::<u32>("cells"), 5);
    assert_eq!(element.property::<f64>("margin"), 0.25);
    assert_eq!(element.property::<u64>("hold"), 500_000_000);
    assert_eq!(element.property::<u64>("max-age"), 500_000_000);
    assert_eq!(element.property::<Scope>("scope"), Scope::Faces);
    assert_eq!(element.property::<Mode>("mode"), Mode::Mosaic);
    assert_eq!(element.property::<OnMissing>("on-missing"), OnMissing::Frame);
    assert!(!element.property::<bool>("keep-meta"));
    let stats = element.find_property("stats").unwrap();
    assert!(!stats.flags().contains(gst::glib::ParamFlags::WRITABLE));
}

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
fn a_mosaic_has_five_cells_across_a_face_however_near() {
    for size in [40, 120] {
        let mut h = harness(Format::Gray8);
        element(&h).set_property("margin", 0.0);
        let out = h.push_and_pull(looked(Format::Gray8, 0, &[face(1, 40.0, 40.0, size as f32, size as f32)])).unwrap();
        let out = bytes(&out);
        let row = &out[60 * WIDTH + 40..][..size];
        assert!(row.windows(2).filter(|w| w[0] != w[1]).count() <= 4);
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
    assert_covered_exactly(Format::Nv12, &out, (90, 68, 60, 72));
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
    let writable = buffer.make_mut();
    gst_video::VideoRegionOfInterestMeta::add(writable, look::ROI_TYPE, (u32::MAX, u32::MAX, u32::MAX, u32::MAX));
    gst_video::VideoRegionOfInterestMeta::add(writable, look::ROI_TYPE, (0, 0, 0, 0));
    let out = h.push_and_pull(buffer).unwrap();
    assert_eq!(bytes(&out).len(), info(Format::Nv12).size());
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
fn a_face_that_moves_under_its_id_leaves_no_trail() {
    let mut h = harness(Format::Gray8);
    h.push_and_pull(looked(Format::Gray8, 0, &[face(1, 20.0, 100.0, 40.0, 40.0)])).unwrap();
    let out = h.push_and_pull(looked(Format::Gray8, 1, &[face(1, 200.0, 100.0, 40.0, 40.0)])).unwrap();
    assert_covered_exactly(Format::Gray8, &out, (190, 90, 60, 60));
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
fn the_metadata_is_gone_from_the_covered_frame() {
    let mut h = harness(Format::Nv12);
    let mut buffer = looked(Format::Nv12, 0, &[face(1, 100.0, 100.0, 20.0, 20.0), face(2, 10.0, 10.0, 20.0, 20.0)]);
    gst_video::VideoRegionOfInterestMeta::add(buffer.make_mut(), "number-plate", (1, 2, 3, 4));
    let out = h.push_and_pull(buffer).unwrap();
    assert_eq!(look::faces(&out).count(), 0);
    assert_eq!(look::read(&out), None);
    let others: Vec<_> = out.iter_meta::<gst_video::VideoRegionOfInterestMeta>().map(|m| m.roi_type()).collect();
    assert_eq!(others, ["number-plate"], "what others wrote stays");
}

#[test]
fn the_metadata_stays_where_that_was_asked_for() {
    let mut h = harness(Format::Nv12);
    element(&h).set_property("keep-meta", true);
    let out = h.push_and_pull(looked(Format::Nv12, 0, &[face(7, 100.0, 100.0, 20.0, 20.0)])).unwrap();
    assert_eq!(look::faces(&out).collect::<Vec<_>>(), [(7, Rect::new(100.0, 100.0, 20.0, 20.0))]);
    assert_eq!(look::read(&out).unwrap().faces, 1);
}

#[test]
fn a_frame_whose_memory_others_hold_is_covered_in_a_copy() {
    let mut h = harness(Format::Nv12);
    let shared = frame(Format::Nv12, 0);
    let out = h.push_and_pull(shared.copy()).unwrap();
    assert_whole(Format::Nv12, &out);
    assert_raw(Format::Nv12, &shared);
}

#[test]
fn the_raw_parent_of_a_copied_buffer_does_not_go_on() {
    let mut h = harness(Format::Nv12);
    let parent = frame(Format::Nv12, 0);
    let mut child = parent.copy();
    gst::ParentBufferMeta::add(child.make_mut(), &parent);
    let out = h.push_and_pull(child).unwrap();
    assert!(out.meta::<gst::ParentBufferMeta>().is_none());
    assert_whole(Format::Nv12, &out);
    assert_raw(Format::Nv12, &parent);
}

#[test]
fn the_memory_of_a_parent_is_not_written_when_the_parent_is_let_go() {
    let mut h = harness(Format::Nv12);
    let mut child = frame(Format::Nv12, 0);
    let parent = gst::Buffer::from_mut_slice(vec![1u8; 16]);
    gst::ParentBufferMeta::add(child.make_mut(), &parent);
    let memory = child.peek_memory(0).as_ptr();
    let out = h.push_and_pull(child).unwrap();
    assert_ne!(out.peek_memory(0).as_ptr(), memory);
    assert_whole(Format::Nv12, &out);
}

#[test]
fn the_other_branch_of_a_tee_keeps_its_raw_frames() {
    init();
    let pipeline = gst::parse::launch(
        "videotestsrc num-buffers=8 pattern=snow ! video/x-raw,format=NV12,width=160,height=120 ! tee name=t \
         t. ! queue ! fakesink name=raw async=false \
         t. ! queue ! facepixelate name=cover ! fakesink name=covered async=false",
    )
    .unwrap()
    .downcast::<gst::Pipeline>()
    .unwrap();
    let seen = ["raw", "covered"].map(|name| {
        let frames = Arc::new(Mutex::new(Vec::new()));
        let pad = pipeline.by_name(name).unwrap().static_pad("sink").unwrap();
        let into = frames.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, probe| {
            // The buffers are kept, so that a later change of a raw one would show.
            into.lock().unwrap().push(probe.buffer().unwrap().copy());
            gst::PadProbeReturn::Ok
        });
        frames
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let last =
        bus.timed_pop_filtered(gst::ClockTime::from_seconds(20), &[gst::MessageType::Eos, gst::MessageType::Error]);
    assert!(matches!(last.unwrap().view(), gst::MessageView::Eos(_)));
    let [raw, covered] = seen.map(|frames| std::mem::take(&mut *frames.lock().unwrap()));
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!((raw.len(), covered.len()), (8, 8));
    let values = |buffer: &gst::Buffer| {
        let mut luma = bytes(buffer)[..160 * 120].to_vec();
        luma.sort_unstable();
        luma.dedup();
        luma.len()
    };
    for (raw, covered) in raw.iter().zip(&covered) {
        assert!(values(raw) > 100, "snow has every grey");
        assert!(values(covered) <= 20, "a mosaic of 5x4 cells has few");
        assert!(covered.meta::<gst::ParentBufferMeta>().is_none());
    }
}

#[test]
fn memory_that_cannot_be_mapped_is_an_error_and_no_frame() {
    use gst::glib::translate::ToGlibPtr;
    let mut h = harness(Format::Nv12);
    let bus = bus(&h);
    let buffer = looked(Format::Nv12, 0, &[]);
    let memory = buffer.memory(0).unwrap();
    // Somebody writes to it: it can be mapped for nothing else, and not be copied either.
    let mut map = std::mem::MaybeUninit::uninit();
    let pointer: *mut gst::ffi::GstMemory = memory.to_glib_none().0;
    assert_ne!(unsafe { gst::ffi::gst_memory_map(pointer, map.as_mut_ptr(), gst::ffi::GST_MAP_WRITE) }, 0);
    assert_eq!(h.push(buffer), Err(gst::FlowError::Error));
    assert_eq!(h.push(frame(Format::Nv12, 1)), Ok(gst::FlowSuccess::Ok), "the next frame is covered again");
    assert_whole(Format::Nv12, &h.pull().unwrap());
    assert_eq!(h.buffers_received(), 1);
    assert!(error(&bus).matches(gst::ResourceError::Write));
    unsafe { gst::ffi::gst_memory_unmap(pointer, map.as_mut_ptr()) };
}

#[test]
fn read_only_memory_is_copied_and_covered() {
    let mut h = harness(Format::Nv12);
    let raw = noise(info(Format::Nv12).size());
    let mut buffer = gst::Buffer::from_slice(raw.clone());
    buffer.make_mut().set_pts(gst::ClockTime::ZERO);
    assert_whole(Format::Nv12, &h.push_and_pull(buffer).unwrap());
}

#[test]
fn a_buffer_smaller_than_its_caps_is_an_error_and_no_frame() {
    let mut h = harness(Format::Nv12);
    let bus = bus(&h);
    let mut buffer = gst::Buffer::from_mut_slice(noise(info(Format::Nv12).size() - 1));
    attach(&mut buffer, Some(0), &[]);
    assert_eq!(h.push(buffer), Err(gst::FlowError::Error));
    assert_eq!(h.buffers_received(), 0);
    assert!(error(&bus).matches(gst::StreamError::Format));
}

#[test]
fn a_video_meta_that_lies_is_an_error_and_no_frame() {
    let (w, h) = (WIDTH as u32, HEIGHT as u32);
    let luma = WIDTH * HEIGHT;
    let stride = WIDTH as i32;
    let cases = [
        (VideoFormat::I420, w, h, vec![0, luma, luma * 5 / 4], vec![stride, stride / 2, stride / 2]),
        (VideoFormat::Nv12, w / 2, h, vec![0, luma], vec![stride, stride]),
        (VideoFormat::Nv12, w, h, vec![0, 1 << 40], vec![stride, stride]),
        (VideoFormat::Nv12, w, h, vec![0, luma], vec![stride * 4, stride * 4]),
        (VideoFormat::Nv12, w, h, vec![luma, luma], vec![-stride, stride]),
        (VideoFormat::Nv12, w, h, vec![0, 0], vec![stride, stride]),
    ];
    for (format, width, height, offset, stride) in cases {
        let mut harness = harness(Format::Nv12);
        let bus = bus(&harness);
        let mut buffer = looked(Format::Nv12, 0, &[]);
        add_video_meta(buffer.make_mut(), format, (width, height), &offset, &stride);
        assert_eq!(harness.push(buffer), Err(gst::FlowError::Error), "{format:?} {offset:?} {stride:?}");
        assert_eq!(harness.buffers_received(), 0);
        error(&bus);
    }
}

/// Without the checks of `VideoMeta::add_full`.
fn add_video_meta(
    buffer: &mut gst::BufferRef,
    format: VideoFormat,
    (width, height): (u32, u32),
    offset: &[usize],
    stride: &[i32],
) {
    use gst::glib::translate::IntoGlib;
    let (mut offsets, mut strides) = ([0usize; 4], [0i32; 4]);
    offsets[..offset.len()].copy_from_slice(offset);
    strides[..stride.len()].copy_from_slice(stride);
    unsafe {
        gst_video::ffi::gst_buffer_add_video_meta_full(
            buffer.as_mut_ptr(),
            VideoFrameFlags::empty().into_glib(),
            format.into_glib(),
            width,
            height,
            offset.len() as u32,
            &offsets,
            &strides,
        );
    }
}

#[test]
fn two_pictures_in_one_buffer_are_refused() {
    let mut h = harness(Format::Nv12);
    let bus = bus(&h);
    let mut buffer = looked(Format::Nv12, 0, &[]);
    for _ in 0..2 {
        let (size, stride) = ((WIDTH as u32, HEIGHT as u32), WIDTH as i32);
        add_video_meta(buffer.make_mut(), VideoFormat::Nv12, size, &[0, WIDTH * HEIGHT], &[stride, stride]);
    }
    assert_eq!(h.push(buffer), Err(gst::FlowError::Error));
    assert!(error(&bus).matches(gst::StreamError::Format));
}

#[test]
fn fields_and_views_in_separate_frames_are_refused() {
    init();
    for (field, value) in [("interlace-mode", "fields"), ("multiview-mode", "separated")] {
        let mut h = Harness::new("facepixelate");
        let mut caps = caps(Format::Nv12);
        caps.make_mut().set(field, value);
        h.set_caps(caps.clone(), caps);
        h.play();
        assert_eq!(h.push(frame(Format::Nv12, 0)), Err(gst::FlowError::NotNegotiated), "{field}={value}");
        assert_eq!(h.buffers_received(), 0);
    }
}

#[test]
fn interlaced_frames_are_covered_in_both_fields() {
    init();
    for mode in ["interleaved", "mixed"] {
        let mut h = Harness::new("facepixelate");
        let mut caps = caps(Format::I420);
        caps.make_mut().set("interlace-mode", mode);
        h.set_caps(caps.clone(), caps);
        h.play();
        let out = h.push_and_pull(looked(Format::I420, 0, &[face(1, 100.0, 80.0, 40.0, 48.0)])).unwrap();
        assert_covered_exactly(Format::I420, &out, (90, 68, 60, 72));
    }
}

#[test]
fn regions_are_pixels_of_the_whole_frame_also_where_a_crop_meta_shows_a_part_of_it() {
    init();
    let mut h = Harness::new("facepixelate");
    let mut caps = caps(Format::Gray8);
    caps.make_mut().set("width", 200);
    caps.make_mut().set("height", 100);
    h.set_caps(caps.clone(), caps);
    h.play();
    let mut buffer = looked(Format::Gray8, 0, &[face(1, 100.0, 80.0, 40.0, 40.0)]);
    let writable = buffer.make_mut();
    add_video_meta(writable, VideoFormat::Gray8, (WIDTH as u32, HEIGHT as u32), &[0], &[WIDTH as i32]);
    gst_video::VideoCropMeta::add(writable, (60, 50, 200, 100));
    let out = h.push_and_pull(buffer).unwrap();
    assert_covered_exactly(Format::Gray8, &out, (90, 70, 60, 60));
    assert!(out.meta::<gst_video::VideoCropMeta>().is_some());
}

#[test]
fn the_strides_of_a_video_meta_are_honoured_and_what_lies_between_rows_is_left() {
    let mut h = harness(Format::Nv12);
    let stride = WIDTH + 32;
    let raw = noise(stride * HEIGHT * 3 / 2);
    let mut buffer = gst::Buffer::from_mut_slice(raw.clone());
    let size = (WIDTH as u32, HEIGHT as u32);
    add_video_meta(buffer.make_mut(), VideoFormat::Nv12, size, &[0, stride * HEIGHT], &[stride as i32, stride as i32]);
    let out = bytes(&h.push_and_pull(buffer).unwrap());
    for (before, after) in raw.chunks(stride).zip(out.chunks(stride)) {
        assert_eq!(before[WIDTH..], after[WIDTH..]);
        assert!(before[..WIDTH].iter().zip(&after[..WIDTH]).filter(|(b, a)| b == a).count() < WIDTH / 8);
    }
}

#[test]
fn a_frame_in_several_memories_is_covered() {
    let mut h = harness(Format::Nv12);
    let raw = noise(info(Format::Nv12).size());
    let mut buffer = gst::Buffer::new();
    for plane in [&raw[..WIDTH * HEIGHT], &raw[WIDTH * HEIGHT..]] {
        buffer.make_mut().append_memory(gst::Memory::from_mut_slice(plane.to_vec()));
    }
    assert_whole(Format::Nv12, &h.push_and_pull(buffer).unwrap());
}

#[test]
fn gap_and_corrupted_frames_are_covered_like_any_other() {
    for flag in [gst::BufferFlags::GAP, gst::BufferFlags::CORRUPTED, gst::BufferFlags::DROPPABLE] {
        let mut h = harness(Format::Nv12);
        let mut buffer = frame(Format::Nv12, 0);
        buffer.make_mut().set_flags(flag);
        assert_whole(Format::Nv12, &h.push_and_pull(buffer).unwrap());
    }
}

#[test]
fn passthrough_from_outside_is_an_error_and_no_frame() {
    use gst_base::prelude::BaseTransformExt;
    let mut h = harness(Format::Nv12);
    let bus = bus(&h);
    element(&h).downcast::<gst_base::BaseTransform>().unwrap().set_passthrough(true);
    assert_eq!(h.push(frame(Format::Nv12, 0)), Err(gst::FlowError::Error));
    assert_eq!(h.buffers_received(), 0);
    error(&bus);
}

#[test]
fn the_same_caps_on_both_sides_are_no_passthrough() {
    use gst_base::prelude::BaseTransformExt;
    let h = harness(Format::Nv12);
    assert!(!element(&h).downcast::<gst_base::BaseTransform>().unwrap().is_passthrough());
}

#[test]
fn settings_change_while_playing() {
    let mut h = harness(Format::Gray8);
    assert_whole(Format::Gray8, &h.push_and_pull(frame(Format::Gray8, 0)).unwrap());
    element(&h).set_property("mode", Mode::Solid);
    let out = h.push_and_pull(frame(Format::Gray8, 1)).unwrap();
    assert!(bytes(&out).iter().all(|&y| y == bytes(&out)[0]));
}
