//! Failures, and the one place where they become GStreamer's.

use crate::picture::PictureError;

/// Why a frame could not be covered. None of them lets it go on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("frames came before their caps")]
    NotNegotiated,
    #[error("{0}")]
    Caps(String),
    #[error("the frame was not handled by maskcount: put maskcount before facepixelate, or set on-missing=frame")]
    Missing,
    #[error(
        "the frame has {found} of its {expected} face regions: put facepixelate directly behind maskcount, \
         or set on-missing=frame"
    )]
    Incomplete { expected: u32, found: usize },
    #[error(
        "the frame has another shape than the one that maskcount saw: scale before maskcount or behind facepixelate, or set \
         on-missing=frame"
    )]
    Misplaced,
    #[error("the frame's memory cannot be mapped for reading and writing")]
    Map,
    #[error("the buffer holds {0} pictures, one was expected")]
    Pictures(usize),
    #[error("the buffer says it holds {found}, its caps say {expected}")]
    Mismatch { expected: String, found: String },
    #[error("the frame's planes overlap or lie outside of its memory")]
    Planes,
    #[error("the frame is not what its caps say: {0}")]
    Picture(#[from] PictureError),
    #[error("passthrough was switched on from outside")]
    Passthrough,
}

impl Failure {
    pub fn message(&self) -> gst::ErrorMessage {
        match self {
            Failure::NotNegotiated | Failure::Caps(_) => gst::error_msg!(gst::CoreError::Negotiation, ("{self}")),
            Failure::Map => gst::error_msg!(gst::ResourceError::Write, ("{self}")),
            Failure::Pictures(_) | Failure::Mismatch { .. } | Failure::Planes | Failure::Picture(_) => {
                gst::error_msg!(gst::StreamError::Format, ("{self}"))
            }
            Failure::Missing | Failure::Misplaced | Failure::Incomplete { .. } | Failure::Passthrough => {
                gst::error_msg!(gst::StreamError::Failed, ("{self}"))
            }
        }
    }

    pub fn flow(&self) -> gst::FlowError {
        match self {
            Failure::NotNegotiated | Failure::Caps(_) => gst::FlowError::NotNegotiated,
            _ => gst::FlowError::Error,
        }
    }
}
