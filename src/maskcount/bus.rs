//! What the element says on the bus.

use std::time::Duration;

use gst_base::prelude::*;

use super::{MaskCount, message};
use crate::people::{self, InView, State as Worn};
use crate::report::Notice;

fn element_message(element: &MaskCount, structure: gst::Structure) -> gst::Message {
    gst::message::Element::builder(structure).src(element).build()
}

/// The messages that say a notice; `time` is the running time of the frame at hand.
pub fn notice(element: &MaskCount, notice: Notice, post_records: bool, time: Option<Duration>) -> Vec<gst::Message> {
    match notice {
        Notice::Record(record) => {
            if !post_records {
                return Vec::new();
            }
            let mut structure = message::to_structure(&record);
            if let Some(time) = time.and_then(|t| gst::ClockTime::try_from(t).ok()) {
                let segment = element.segment();
                let position =
                    segment.downcast_ref::<gst::ClockTime>().and_then(|s| s.position_from_running_time(time));
                structure.set("running-time", time);
                structure.set("timestamp", position);
                let stream = segment.downcast_ref::<gst::ClockTime>().and_then(|s| s.to_stream_time(position?));
                structure.set("stream-time", stream);
            }
            vec![element_message(element, structure)]
        }
        Notice::Withheld(withheld) => {
            let structure = gst::Structure::builder("maskcount-withheld")
                .field("start", withheld.start.to_string())
                .field("end", withheld.end.to_string())
                .field_if_some("hint", withheld.hint())
                .build();
            let text = withheld.to_string();
            // gst-launch shows of an info message only what is for debugging.
            let info = gst::message::Info::builder(gst::StreamError::Failed, &text).debug(&text).src(element).build();
            vec![element_message(element, structure), info]
        }
        Notice::SidecarClosed { path } => {
            let path = path.to_string_lossy().into_owned();
            vec![element_message(element, gst::Structure::builder("maskcount-sidecar").field("path", path).build())]
        }
        other => {
            let text = other.to_string();
            vec![gst::message::Warning::builder(gst::ResourceError::Write, &text).src(element).build()]
        }
    }
}

/// Looks are so far apart that nobody is ever seen twice.
pub fn seldom(element: &MaskCount) -> gst::Message {
    let text = format!(
        "looks come more than {} s apart: nobody is found again by then, so nobody is counted. Lower `interval` or raise \
         `max-fps`; at two looks a second and more people are counted well",
        people::LOST_AFTER.as_secs()
    );
    gst::message::Warning::builder(gst::StreamError::Failed, &text).src(element).build()
}

/// Frames tell no times.
pub fn untimed(element: &MaskCount) -> gst::Message {
    let text = "frames carry no time, or always the same one: a camera's are taken to come when they arrive here, those of a \
                recording (`start-time`) at the rate of the caps, 25 a second without one. Set do-timestamp=true at the source";
    gst::message::Warning::builder(gst::StreamError::Failed, text).src(element).build()
}

/// How many of those who are followed are of each state; who shook the head is in none.
pub fn live(element: &MaskCount, faces: impl Iterator<Item = InView>) -> gst::Message {
    let mut counts = [0u32; 4];
    for face in faces.filter(|face| face.followed && !face.opted_out) {
        match face.state {
            Worn::Known(label) => counts[label as usize] += 1,
            Worn::Unknown => counts[3] += 1,
        }
    }
    let structure = gst::Structure::builder("maskcount-live")
        .field("mask", counts[0])
        .field("no_mask", counts[1])
        .field("incorrect", counts[2])
        .field("unknown", counts[3])
        .build();
    element_message(element, structure)
}
