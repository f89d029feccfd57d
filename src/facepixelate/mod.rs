//! `facepixelate` covers the faces that `maskcount` found, or the whole picture. It fails closed: a frame whose
//! metadata is missing, incomplete or too old is covered whole, and one that cannot be written is an error.
//!
//! ```sh
//! gst-launch-1.0 -e v4l2src ! videoconvert ! queue leaky=downstream max-size-buffers=2 ! \
//!     maskcount ! facepixelate cells=5 ! queue ! videoconvert ! autovideosink sync=false
//! ```
//!
//! Boxes are regions of interest of type `face` in pixels of the whole frame that the buffer holds (that of its
//! `GstVideoMeta`, where a `GstVideoCropMeta` shows a part of it; what that leaves out, nobody has looked at, and becomes
//! one colour or black). With `on-missing=pass` frames that no `maskcount`
//! handled go on with nothing covered but such regions, whoever wrote them. A picture of another shape than the one that
//! `maskcount` saw is covered whole: a scaler between the two may have added borders, and regions do not follow those.
//!
//! Elements before it are offered no memory of the elements behind it, and may not leave the cutting of a picture to those:
//! what others can look into never holds a raw picture.
//!
//! Tags that hold bytes (the cover of a file, previews, attachments) are taken out of the stream: they are pictures, too.
//!
//! Areas of the type `unseen`, which `maskcount` leaves where somebody may have come in since its last look, become
//! one colour (or black), without margin, on their own frame only.
//!
//! | what happens | what becomes of held boxes |
//! |---|---|
//! | new segment, flush, time that goes back | held; only one frame's length counts as passed |
//! | frames that were lost before this one (DISCONT) | nothing by itself: the time that has passed counts |
//! | the id of a box is in another place than its face can have got to | held: the id may have gone over to somebody else |
//! | frames without times, or with that of the one before | their duration, else the caps' frame rate, else how long they take to come |
//! | picture of another size while boxes are held | the whole frame is covered for `hold` |
//! | more than 256 boxes | the whole frame is covered for `hold` |
//! | READY | dropped |
//!
//! Interlaced frames are covered with both fields in each cell. `interlace-mode=fields` and `alternate`, and views in
//! separate frames, are refused: a buffer of theirs holds several pictures.

mod failure;
mod held;
mod imp;
mod layout;
mod meta;
mod properties;
mod tags;

use gst::glib;
use gst::prelude::*;

/// What is covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstFacePixelateScope")]
pub enum Scope {
    #[default]
    #[enum_value(name = "Faces: the boxes of the metadata, grown by the margin", nick = "faces")]
    Faces,
    #[enum_value(name = "Frame: the whole picture, always", nick = "frame")]
    Frame,
}

/// What a covered part shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstFacePixelateMode")]
pub enum Mode {
    #[default]
    #[enum_value(name = "Mosaic: cells that show the mean of their samples", nick = "mosaic")]
    Mosaic,
    #[enum_value(name = "Solid: black", nick = "solid")]
    Solid,
}

/// What becomes of a frame that no `maskcount` handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstFacePixelateOnMissing")]
pub enum OnMissing {
    #[default]
    #[enum_value(name = "Frame: it is covered whole", nick = "frame")]
    Frame,
    #[enum_value(name = "Error: the pipeline stops", nick = "error")]
    Error,
    #[enum_value(name = "Pass: it goes on, with only its own and held face regions covered", nick = "pass")]
    Pass,
}

glib::wrapper! {
    pub struct FacePixelate(ObjectSubclass<imp::FacePixelate>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    crate::look::register();
    Scope::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    Mode::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    OnMissing::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(Some(plugin), "facepixelate", gst::Rank::NONE, FacePixelate::static_type())
}
