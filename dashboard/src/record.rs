//! A record as the plugin wrote it, and what of it is kept in memory.
//!
//! Record and share are the plugin's own source files, so that what is read is what was written and a merged share is
//! worked out as a single one is; a dependency on the plugin's package would pull GStreamer in.

#[allow(dead_code, reason = "making a record is for the plugin alone")]
#[path = "../../src/report/record.rs"]
mod fields;
#[allow(dead_code, reason = "the plugin's tests and journal use the rest")]
#[path = "../../src/report/share.rs"]
pub(crate) mod share;

pub use fields::{Fields, JSON_SCHEMA, Model, Privacy, Record, RecordError, SCHEMA};
pub use share::Quality;

/// Passages by state. Each passage is in one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub masked: u64,
    pub unmasked: u64,
    pub incorrect: u64,
    pub unknown: u64,
    /// Not in [`persons`](Counts::persons).
    pub withdrawn: u64,
}

impl Counts {
    pub fn persons(&self) -> u64 {
        self.classified() + self.unknown
    }

    pub fn classified(&self) -> u64 {
        self.masked + self.unmasked + self.incorrect
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(counts: I) -> Counts {
        counts.fold(Counts::default(), |a, b| Counts {
            masked: a.masked + b.masked,
            unmasked: a.unmasked + b.unmasked,
            incorrect: a.incorrect + b.incorrect,
            unknown: a.unknown + b.unknown,
            withdrawn: a.withdrawn + b.withdrawn,
        })
    }
}

/// The numbers of one record, of a camera and site that are known from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// First second of the window, Unix time.
    pub start: i64,
    /// First second after the window, Unix time.
    pub end: i64,
    pub counts: Counts,
    /// Part of the window that was looked at, 0 to 1.
    pub coverage: f64,
    pub complete: bool,
    pub min_persons: u32,
    /// 0: the counts are exact.
    pub epsilon: f64,
    pub quality: Option<Quality>,
}

impl Window {
    /// Length in seconds.
    pub fn length(&self) -> i64 {
        self.end - self.start
    }
}

impl From<&Fields> for Window {
    fn from(f: &Fields) -> Window {
        Window {
            start: f.start.as_second(),
            end: f.end.as_second(),
            counts: Counts {
                masked: f.masked,
                unmasked: f.unmasked,
                incorrect: f.incorrect,
                unknown: f.unknown,
                withdrawn: f.withdrawn,
            },
            coverage: f.coverage,
            complete: f.complete,
            min_persons: f.privacy.min_persons,
            epsilon: f.privacy.epsilon,
            quality: f.model.quality,
        }
    }
}
