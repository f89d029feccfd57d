//! `maskcount` finds the faces on each frame, follows them, counts passages and says how many people wore a mask: totals
//! only, as bus messages and JSON sidecar files. It changes no picture; [`facepixelate`](crate::facepixelate) after it
//! covers the faces.
//!
//! ```sh
//! gst-launch-1.0 -e -m v4l2src ! videoconvert ! queue leaky=downstream max-size-buffers=2 ! \
//!     maskcount window=10 min-persons=1 ! facepixelate ! queue ! videoconvert ! autovideosink sync=false
//! ```
//!
//! | what happens | what becomes of tracks and windows |
//! |---|---|
//! | flush, new segment | every track ends, a look under way is dropped, the window goes on |
//! | a frame earlier than the one before it, by up to a second | it is taken as a little later than that one |
//! | by more | as a flush |
//! | a frame without a time, or with that of the one before it | without `start-time` it is of the time at which it comes, by the frame rate of the caps at the earliest; with it, of the frame rate. A warning says so |
//! | new caps | a look under way is dropped |
//! | picture of another size | every track ends, the window goes on |
//! | gap buffer, late frame (QoS), `paused` | no look; the time is missing in `coverage`. Where frames are late with and without a look, looks become fewer but do not end; a frame that is in time again ends it |
//! | lost frames (DISCONT), gap event | nothing by themselves: tracks and windows follow the times of the frames that come |
//! | a property of NULL or READY is set | it holds from the next start on, and a warning says so |
//! | PAUSED, without `start-time` | the next frame is looked at; after more than three seconds every track ends. Of a recorded file none does |
//! | EOS, READY | a look under way is waited for and counts; the open window is closed, `complete: false`, or withheld |
//!
//! # Time
//!
//! Windows follow the wall clock in UTC: that of `start-time`, of the sender (`GstReferenceTimestampMeta`, Unix or NTP), or
//! of this machine, taken once with the first frame of a segment and then followed by buffer time.
//!
//! | what happens | what becomes of the windows |
//! |---|---|
//! | the machine's or the sender's clock is set | nothing until the next segment, flush or pause; then as below |
//! | time steps back within one window length | the open window goes on |
//! | time steps further back | the open window is closed, `complete: false`, or goes on if too few have passed |
//! | a gap, a pause, a step forward over the end of the window | it is closed, `complete: false`; windows without a frame are not made up |
//! | a sender that tells its time only after some frames (RTSP) | its time holds from then on |
//! | a recorded file is sought in, looped, or paused | time goes on from its last frame |
//! | the stream ends and starts again | what was withheld goes on, unless the new start lies before the old end or another model judges it |
//!
//! # `async`
//!
//! For a device whose model takes longer than a frame. The frame path only takes the picture into the model's input, when
//! the model has nothing to do and the frame is due, and goes on; the model runs on a thread of its own. What it finds is
//! taken with the time of the frame it was found on, at the next frame that comes, and each frame's boxes are predicted
//! from there to its own time. `MaskCountLook` says so: `analysed` is true on the frame that was taken in, `age` is the
//! time since the frame that the boxes rest on. A frame that is due while the model works counts in `frames-skipped`.
//! If the model fails, the next frame, or the end of the stream, is the error.
//!
//! # Between two looks
//!
//! With `async`, `interval` or `max-fps`, and on frames that are late, nobody knows yet who has come in since the newest
//! look. Each picture that is not looked at is therefore held against the one that look is of (`detect::change`), and
//! where it has changed, other than about a face that is known and the body below it, the buffer gets a region of the type
//! `unseen` ([`look::UNSEEN_TYPE`](crate::look::UNSEEN_TYPE)), with `async` at most until the look after the next is done.
//! `facepixelate` makes each such region one colour on that frame. Who comes in before the body of somebody known is not told
//! from that body, and is not covered until the next look. Standing things stay to be seen; somebody who walks and
//! shows no face is covered as well, and a picture that changes everywhere (a light that is switched, a camera that moves,
//! a crowd) is covered whole until a look has seen it. So is the first frame that comes too late where each is to be
//! looked at: until then no picture was kept.
//!
//! # Messages
//!
//! - `maskcount`: a [`Record`](crate::report::Record), see [`message`]
//! - `maskcount-withheld`: a window is over in which fewer than `min-persons` passed (`start`, `end`, perhaps `hint`); an info
//!   message says the same for people
//! - `maskcount-sidecar`: a sidecar file has been closed (`path`)
//! - `maskcount-live`: with `post-live`, how many faces of each state are in view (`mask`, `no_mask`, `incorrect`,
//!   `unknown`; who shook the head is in none), at most once a second

mod bus;
mod clock;
mod eye;
mod failure;
mod imp;
mod late;
pub mod message;
mod properties;
mod state;
mod stats;
mod timing;
mod untimed;
mod video;

use gst::glib;
use gst::prelude::*;

use crate::detect::session::Provider;

/// What computes the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstMaskCountExecutionProvider")]
pub enum ExecutionProvider {
    #[default]
    #[enum_value(name = "The processor", nick = "cpu")]
    Cpu,
    #[enum_value(name = "XNNPACK, on the processor", nick = "xnnpack")]
    Xnnpack,
    #[enum_value(name = "Intel OpenVINO", nick = "openvino")]
    OpenVino,
    #[enum_value(name = "NVIDIA CUDA", nick = "cuda")]
    Cuda,
    #[enum_value(name = "NVIDIA TensorRT", nick = "tensorrt")]
    TensorRt,
}

impl From<ExecutionProvider> for Provider {
    fn from(provider: ExecutionProvider) -> Provider {
        match provider {
            ExecutionProvider::Cpu => Provider::Cpu,
            ExecutionProvider::Xnnpack => Provider::Xnnpack,
            ExecutionProvider::OpenVino => Provider::OpenVino,
            ExecutionProvider::Cuda => Provider::Cuda,
            ExecutionProvider::TensorRt => Provider::TensorRt,
        }
    }
}

/// What a mask under the nose counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstMaskCountIncorrectIs")]
pub enum IncorrectIs {
    #[default]
    #[enum_value(name = "No mask: it is not worn over mouth and nose", nick = "no-mask")]
    NoMask,
    #[enum_value(name = "A mask", nick = "mask")]
    Mask,
    #[enum_value(name = "Counted apart, as incorrect", nick = "separate")]
    Separate,
}

glib::wrapper! {
    pub struct MaskCount(ObjectSubclass<imp::MaskCount>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    crate::look::register();
    ExecutionProvider::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    IncorrectIs::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(Some(plugin), "maskcount", gst::Rank::NONE, MaskCount::static_type())
}
