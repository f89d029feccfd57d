//! Reads the records of a video file from the bus, as an application in Rust does:
//!
//!     cargo run --release --example records -- tests/media/demo.mp4

use gst::prelude::*;
use gstmaskcount::maskcount::message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("usage: records FILE")?;
    gst::init()?;
    // With the crate linked in, the elements are there without a plugin path.
    gstmaskcount::plugin_register_static()?;
    let pipeline = gst::parse::launch(
        "filesrc name=file ! decodebin ! videoconvert ! maskcount window=10 min-persons=1 ! facepixelate ! fakesink",
    )?
    .downcast::<gst::Pipeline>()
    .map_err(|_| "no pipeline")?;
    pipeline.by_name("file").ok_or("no file source")?.set_property("location", &file);
    pipeline.set_state(gst::State::Playing)?;
    let bus = pipeline.bus().ok_or("no bus")?;
    let mut failed = None;
    for message in bus.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            gst::MessageView::Element(element) => {
                if let Some(structure) = element.structure().filter(|s| s.name() == message::NAME) {
                    let record = message::from_structure(structure)?;
                    println!("{} of {} wore a mask, {}", record.masked, record.persons, record.to_json());
                }
            }
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(error) => {
                failed = Some(error.error());
                break;
            }
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null)?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}
