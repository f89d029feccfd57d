//! What a report is made with, and why there is none.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Quality;

/// Possible lengths of a window, in seconds.
pub const WINDOW_SECONDS: std::ops::RangeInclusive<u32> = 1..=86_400;

/// Possible values of epsilon, besides 0 (off).
pub const EPSILONS: std::ops::RangeInclusive<f64> = 0.001..=100.0;

/// What a report is made with.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub site: String,
    pub camera: String,
    /// Length of a window in seconds, 1 to 86400.
    pub window: u32,
    /// Fewer passages than this are not given out. 0: every window is, also an empty one.
    pub min_persons: u32,
    /// Differential privacy of the counts, per passage: 0 (off) or 0.001 to 100.
    pub epsilon: f64,
    /// Whether a mask under the nose is counted apart at the start.
    pub incorrect_apart: bool,
    /// Path of the sidecar files, the file name a strftime pattern of the window's start in UTC.
    pub location: Option<String>,
    /// Remove the oldest sidecar files beyond this number; 0: keep all.
    pub max_files: u32,
    /// The times are those of a recording, not of a clock: one that is played again has the same.
    pub recorded: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            site: String::new(),
            camera: String::new(),
            window: 1200,
            min_persons: 10,
            epsilon: 0.0,
            incorrect_apart: false,
            location: None,
            max_files: 0,
            recorded: false,
        }
    }
}

impl Settings {
    /// Whether there can be a report with these, judged by that model.
    pub(super) fn check(&self, model: &ModelIdentity) -> Result<(), ReportError> {
        if !WINDOW_SECONDS.contains(&self.window) {
            return Err(ReportError::Window(self.window));
        }
        if self.epsilon != 0.0 && !EPSILONS.contains(&self.epsilon) {
            return Err(ReportError::Epsilon(self.epsilon));
        }
        match model.quality.filter(|quality| !quality.says_something()) {
            Some(quality) => Err(ReportError::Quality(quality)),
            None => Ok(()),
        }
    }
}

/// Which model the passages were judged by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelIdentity {
    pub name: String,
    /// Of the model file, in hexadecimal.
    pub sha256: String,
    pub quality: Option<Quality>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("a window of {0} s is not possible, it is from 1 to 86400 s long")]
    Window(u32),
    #[error("epsilon {0} is not possible, it is 0 (off) or from 0.001 to 100")]
    Epsilon(f64),
    #[error(
        "a sensitivity of {} and a specificity of {} say nothing about masks: each is from 0 to 1, together above 1",
        .0.sensitivity, .0.specificity
    )]
    Quality(Quality),
    #[error("location \"{location}\" is not possible: {why}")]
    Location { location: String, why: String },
    #[error("cannot write to {}: {source}. {}, or set another location", .path.display(), advice(source))]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("another element writes the files of location \"{0}\"; each needs a location of its own")]
    Busy(String),
    #[error("cannot use {}: {source}. {}, or set another location", .path.display(), kept_advice(source))]
    Kept { path: PathBuf, source: std::io::Error },
    #[error("cannot start the thread that writes the files: {0}")]
    Thread(std::io::Error),
}

/// What to do about a folder that takes no files.
fn advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::NotFound => "Create the folder that it is to lie in",
        std::io::ErrorKind::PermissionDenied => "Give whoever runs this the right to write there",
        std::io::ErrorKind::ReadOnlyFilesystem => "Make that medium writable",
        std::io::ErrorKind::AlreadyExists | std::io::ErrorKind::NotADirectory => {
            "Name another folder: what is there is a file"
        }
        _ => "Make room for it there",
    }
}

/// What to do about a hidden file between the sidecars that cannot be used.
fn kept_advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => {
            "It belongs to whoever ran this here before: give it to the user who runs this now (chown), run this as that user"
        }
        std::io::ErrorKind::ReadOnlyFilesystem => advice(error),
        _ => "Move it away",
    }
}
