//! What a report has to say to whoever runs it.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;

use super::Record;

/// Something to be said on the bus.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "most notices are records")]
pub enum Notice {
    /// A window is given out.
    Record(Record),
    /// A window is over and is not given out.
    Withheld(Withheld),
    /// A sidecar file is complete.
    SidecarClosed { path: PathBuf },
    /// Something is wrong with the files; the counting goes on.
    Warning { text: String },
    /// The record of a window could not be kept.
    RecordLost { start: Timestamp, end: Timestamp },
}

/// A window in which fewer than `min_persons` passed; how many is not said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    pub start: Timestamp,
    pub end: Timestamp,
    pub min_persons: u32,
    pub then: Then,
}

/// What becomes of a window that is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The next window takes it in.
    Extended,
    /// The stream has ended; the next one takes it in.
    KeptBack,
    /// The same, but there is no journal: a stop loses it.
    KeptInMemory,
    /// The next one is judged by another model, and a record names one: it is in none.
    LeftOut,
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Withheld { start, end, min_persons, then } = self;
        let then = match then {
            Then::Extended => "it is extended by the next one",
            Then::KeptBack => "it is kept back",
            Then::KeptInMemory => "it goes on if the stream does, and is left out if it stops, as no location is set",
            Then::LeftOut => "it is left out, since another model judges the next one",
        };
        write!(
            f,
            "the window from {start} to {end} is not given out, since fewer than min-persons={min_persons} people passed; \
             {then}"
        )?;
        self.hint().map_or(Ok(()), |hint| write!(f, ". For a trial set {hint}"))
    }
}

impl Withheld {
    /// What to set for a trial; nothing for who has set it already.
    pub fn hint(&self) -> Option<&'static str> {
        (self.min_persons > 1).then_some("window=10 min-persons=1")
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Notice::Record(record) => f.write_str(&record.to_json()),
            Notice::Withheld(withheld) => withheld.fmt(f),
            Notice::SidecarClosed { path } => write!(f, "wrote {}", path.display()),
            Notice::Warning { text } => f.write_str(text),
            Notice::RecordLost { start, end } => {
                write!(
                    f,
                    "the record of the window from {start} to {end} is lost: it could not be written, nor kept for longer"
                )
            }
        }
    }
}
