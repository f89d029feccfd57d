//! From a picture to faces: manifest, sampling, session, decoders, non-maximum suppression. No GStreamer type.

use crate::picture::Rect;

/// What a face wears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(i32)]
pub enum Label {
    /// Over mouth and nose.
    Mask = 0,
    NoMask = 1,
    /// Under the nose or the chin.
    Incorrect = 2,
}

impl Label {
    pub const ALL: [Label; 3] = [Label::Mask, Label::NoMask, Label::Incorrect];

    pub const fn name(self) -> &'static str {
        match self {
            Label::Mask => "mask",
            Label::NoMask => "no_mask",
            Label::Incorrect => "incorrect",
        }
    }
}

/// A face that one look found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// In pixels of the picture; may reach beyond it.
    pub rect: Rect,
    /// Calibrated probability that it is a face, 0 to 1.
    pub score: f32,
    /// Calibrated probabilities of mask, no_mask, incorrect; their sum is 1.
    pub labels: [f32; 3],
    /// Right eye, left eye, nose, right and left mouth corner, in pixels; `None` where the model has none.
    pub landmarks: Option<[(f32, f32); 5]>,
}

impl Face {
    /// The likeliest label.
    pub fn label(&self) -> Label {
        let best = (0..3).max_by(|&a, &b| self.labels[a].total_cmp(&self.labels[b])).unwrap_or(0);
        Label::ALL[best]
    }
}
