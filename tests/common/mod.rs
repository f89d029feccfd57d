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
    said(&messages(properties), "maskcount")
}

/// The structures of this name among the element messages.
pub fn said(messages: &[gst::Message], name: &str) -> Vec<gst::Structure> {
    let structures = messages.iter().filter(|m| m.type_() == gst::MessageType::Element).filter_map(|m| m.structure());
    structures.filter(|s| s.name() == name).map(|s| s.to_owned()).collect()
}

/// Plays the demo clip through both elements; what they say on the bus.
pub fn messages(properties: &str) -> Vec<gst::Message> {
    init();
    let line = format!("filesrc location=\"{DEMO}\" ! decodebin ! maskcount {properties} ! facepixelate ! fakesink");
    let pipeline = gst::parse::launch(&line).unwrap();
    let bus = pipeline.bus().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut messages = Vec::new();
    for message in bus.iter_timed(gst::ClockTime::from_seconds(300)) {
        match message.view() {
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(error) => panic!("{error:?}"),
            _ => messages.push(message),
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    messages
}

/// Writes a model that runs on a black picture, as at start, and fails on any other: it looks its answer up in a table of
/// one row, at the index that the brightest value is. The path is that of its manifest.
pub fn failing_model(folder: &std::path::Path) -> std::path::PathBuf {
    use sha2::Digest;
    /// A field of a protocol buffer: a number, or bytes.
    fn number(field: u8, value: u8) -> Vec<u8> {
        // From 16 on, the key takes two bytes.
        if field < 16 { vec![field << 3, value] } else { vec![field << 3 | 0x80, field >> 4, value] }
    }
    fn bytes(field: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
        let content = content.as_ref();
        let length = content.len();
        let mut out = vec![field << 3 | 2, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8];
        out.extend(content);
        out
    }
    let node = |op: &str, inputs: &[&str], output: &str, attribute: Option<(&str, u8)>| {
        let inputs = inputs.iter().flat_map(|name| bytes(1, name));
        // Type 2 is INT.
        let attribute = attribute.map(|(name, i)| bytes(5, [bytes(1, name), number(3, i), number(20, 2)].concat()));
        let rest = [bytes(2, output), bytes(4, op), attribute.unwrap_or_default()].concat();
        bytes(1, inputs.chain(rest).collect::<Vec<_>>())
    };
    let table = |name: &str, row: &[f32]| {
        let dims = [1, 1, 1, row.len() as u8].iter().flat_map(|d| number(1, *d)).collect::<Vec<_>>();
        let raw: Vec<u8> = row.iter().flat_map(|x| x.to_le_bytes()).collect();
        bytes(5, [dims, number(2, 1), bytes(8, name), bytes(9, raw)].concat())
    };
    let value = |field: u8, name: &str, dims: &[u8]| {
        let shape = dims.iter().flat_map(|d| bytes(1, number(1, *d))).collect::<Vec<_>>();
        let tensor = [number(1, 1), bytes(2, shape)].concat();
        bytes(field, [bytes(1, name), bytes(2, bytes(1, tensor))].concat())
    };
    let graph = [
        node("ReduceMax", &["input"], "brightest", Some(("keepdims", 0))),
        // 7 is INT64.
        node("Cast", &["brightest"], "row", Some(("to", 7))),
        node("Gather", &["all_boxes", "row"], "boxes", None),
        node("Gather", &["all_scores", "row"], "scores", None),
        bytes(2, "failing"),
        table("all_boxes", &[0.0; 4]),
        table("all_scores", &[0.0; 2]),
        value(11, "input", &[1, 3, 32, 32]),
        value(12, "boxes", &[1, 1, 4]),
        value(12, "scores", &[1, 1, 2]),
    ];
    let network = [number(1, 8), bytes(7, graph.concat()), bytes(8, number(2, 13))].concat();
    let sha256: String = sha2::Sha256::digest(&network).iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = serde_json::json!({
        "format": "maskcount-model/1", "name": "failing", "version": "1", "file": "failing.onnx", "sha256": sha256,
        "licence": "MPL-2.0",
        "input": {
            "name": "input", "width": 32, "height": 32, "resizable": false, "color": "rgb",
            "mean": [0, 0, 0], "scale": [1, 1, 1]
        },
        "labels": ["mask", "no_mask"],
        "decoder": {
            "kind": "ssd", "boxes": "boxes", "scores": "scores", "activation": "none", "variances": [0.1, 0.1, 0.2, 0.2],
            "levels": [{ "grid": [1, 1], "sizes": [0.5], "ratios": [1] }]
        },
        "threshold": 0.5, "nms_iou": 0.5
    });
    std::fs::write(folder.join("failing.onnx"), network).unwrap();
    let path = folder.join("failing.json");
    std::fs::write(&path, manifest.to_string()).unwrap();
    path
}

/// Without the checks of `VideoMeta::add_full`.
pub fn add_video_meta(
    buffer: &mut gst::BufferRef,
    format: gst_video::VideoFormat,
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
            gst_video::VideoFrameFlags::empty().into_glib(),
            format.into_glib(),
            width,
            height,
            offset.len() as u32,
            &offsets,
            &strides,
        );
    }
}
