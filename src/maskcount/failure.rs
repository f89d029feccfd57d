//! Failures, and the one place where errors of the plain rooms become GStreamer's.

use gst::glib;

use crate::detect::DetectError;
use crate::detect::manifest::ModelError;
use crate::detect::session::SessionError;
use crate::picture::PictureError;
use crate::report::ReportError;

/// Why a frame could not be handled.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("frames came before their caps")]
    NotNegotiated,
    #[error("{0}")]
    Caps(String),
    #[error("the frame's memory cannot be mapped for reading")]
    Map,
    #[error("the frame is not what its caps say: its buffer holds {0} bytes, which are too few")]
    Short(usize),
    #[error("the frame is not what its caps say: {0}")]
    Picture(#[from] PictureError),
    #[error("the buffer says it holds {found}, its caps say {expected}")]
    Format { found: String, expected: String },
    #[error(transparent)]
    Detect(#[from] DetectError),
    #[error("the frame's metadata cannot be written: {0}")]
    Meta(#[from] glib::BoolError),
}

impl Failure {
    pub fn message(&self) -> gst::ErrorMessage {
        match self {
            Failure::NotNegotiated | Failure::Caps(_) => gst::error_msg!(gst::CoreError::Negotiation, ("{self}")),
            Failure::Map => gst::error_msg!(gst::ResourceError::Read, ("{self}")),
            Failure::Short(_) | Failure::Picture(_) | Failure::Format { .. } => {
                gst::error_msg!(gst::StreamError::Format, ("{self}"))
            }
            Failure::Detect(error) => model_error(error),
            Failure::Meta(_) => gst::error_msg!(gst::CoreError::Failed, ("{self}")),
        }
    }

    pub fn flow(&self) -> gst::FlowError {
        match self {
            Failure::NotNegotiated | Failure::Caps(_) => gst::FlowError::NotNegotiated,
            _ => gst::FlowError::Error,
        }
    }
}

pub fn model_error(error: &DetectError) -> gst::ErrorMessage {
    match error {
        DetectError::Model(ModelError::Read { .. }) => gst::error_msg!(gst::ResourceError::NotFound, ("{error}")),
        DetectError::Model(_) => gst::error_msg!(gst::ResourceError::Settings, ("{error}")),
        DetectError::Session(SessionError::NoRuntime { .. } | SessionError::OldRuntime { .. }) => {
            gst::error_msg!(gst::LibraryError::Init, ("{error}"))
        }
        DetectError::Session(SessionError::NotARuntime { .. } | SessionError::OtherRuntime { .. }) => {
            gst::error_msg!(gst::LibraryError::Init, ("{error}"))
        }
        DetectError::Session(SessionError::NoProvider { .. }) => {
            gst::error_msg!(gst::LibraryError::Settings, ("{error}"))
        }
        DetectError::Died(_) => gst::error_msg!(gst::CoreError::Thread, ("{error}")),
        DetectError::Session(SessionError::Run(_)) => gst::error_msg!(gst::LibraryError::Failed, ("{error}")),
        DetectError::Session(_) | DetectError::Outputs { .. } => {
            gst::error_msg!(gst::ResourceError::Settings, ("{error}"))
        }
    }
}

pub fn report_error(error: &ReportError) -> gst::ErrorMessage {
    match error {
        ReportError::Folder { .. } => gst::error_msg!(gst::ResourceError::OpenWrite, ("{error}")),
        ReportError::Busy(_) => gst::error_msg!(gst::ResourceError::Busy, ("{error}")),
        ReportError::Kept { .. } => gst::error_msg!(gst::ResourceError::OpenRead, ("{error}")),
        ReportError::Thread(_) => gst::error_msg!(gst::ResourceError::Failed, ("{error}")),
        _ => gst::error_msg!(gst::ResourceError::Settings, ("{error}")),
    }
}
