//! The element `facepixelate`, one behaviour a test.

#[path = "../common/mod.rs"]
mod common;
mod covering;
mod held;
mod layout;
mod memory;
mod missing;

use std::sync::{Arc, Mutex, Once};

use common::add_video_meta;
use gst::prelude::*;
use gst_check::Harness;
use gst_video::{VideoFormat, VideoInfo};
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
    FaceMeta { rect: Rect::new(x, y, w, h), label: Label::Mask, confidence: 0.9, id, since: gst::ClockTime::ZERO }
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
fn the_defaults_are_those_of_the_design() {
    init();
    let element = gst::ElementFactory::make("facepixelate").build().unwrap();
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
    let out = bytes(&out);
    assert!(out.iter().all(|&y| y == out[0]));
}
