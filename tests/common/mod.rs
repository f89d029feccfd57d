//! What the tests of the elements share.
#![allow(dead_code)] // each test binary uses a part

use std::sync::Once;

use gst::prelude::*;

pub const COMMON_CAPS: &str = "video/x-raw,format=NV12,width=320,height=240,framerate=25/1";
pub const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/media/demo.mp4");

pub fn init() {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        gst::init().unwrap();
        gstmaskcount::plugin_register_static().unwrap();
    });
}

/// A `maskcount` with properties as on a gst-launch line.
pub fn element(properties: &str) -> gst::Element {
    init();
    let bin = gst::parse::bin_from_description(&format!("maskcount name=m {properties}"), false).unwrap();
    let element = bin.by_name("m").unwrap();
    bin.remove(&element).unwrap();
    element
}

pub fn harness(properties: &str) -> gst_check::Harness {
    let element = element(properties);
    let mut h = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
    h.play();
    h
}

pub fn buffer(size: usize, milliseconds: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(vec![128u8; size]);
    let timed = buffer.get_mut().unwrap();
    timed.set_pts(gst::ClockTime::from_mseconds(milliseconds));
    timed.set_duration(gst::ClockTime::from_mseconds(40));
    buffer
}

/// A grey frame of [`COMMON_CAPS`].
pub fn grey(milliseconds: u64) -> gst::Buffer {
    buffer(320 * 240 * 3 / 2, milliseconds)
}

/// A picture of the demo clip in which faces are in view, with its caps.
pub fn demo_frame(format: &str) -> (gst::Caps, gst::Buffer) {
    init();
    let line = format!(
        "filesrc location=\"{DEMO}\" ! decodebin ! videoconvert ! video/x-raw,format={format} ! appsink name=out sync=false"
    );
    let pipeline = gst::parse::launch(&line).unwrap().downcast::<gst::Pipeline>().unwrap();
    let out = pipeline.by_name("out").unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut sample = None;
    for _ in 0..80 {
        sample = out.emit_by_name::<Option<gst::Sample>>("pull-sample", &[]);
    }
    pipeline.set_state(gst::State::Null).unwrap();
    let sample = sample.unwrap();
    let mut buffer = sample.buffer_owned().unwrap();
    buffer.make_mut().set_pts(gst::ClockTime::ZERO);
    (sample.caps_owned().unwrap(), buffer)
}

/// Plays the demo clip through both elements; the structures of the records.
pub fn run(properties: &str) -> Vec<gst::Structure> {
    init();
    let line = format!("filesrc location=\"{DEMO}\" ! decodebin ! maskcount {properties} ! facepixelate ! fakesink");
    let pipeline = gst::parse::launch(&line).unwrap();
    let bus = pipeline.bus().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut records = Vec::new();
    for message in bus.iter_timed(gst::ClockTime::from_seconds(300)) {
        match message.view() {
            gst::MessageView::Element(e) => {
                records.extend(e.structure().filter(|s| s.name() == "maskcount").map(|s| s.to_owned()));
            }
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(error) => panic!("{error:?}"),
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    records
}
