//! Reads one sidecar file, and says why something is none.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

use crate::record::{Fields, Record, RecordError, SCHEMA};

/// No record is as long as this, in bytes; longer files are not read.
pub const LONGEST_RECORD: u64 = 64 * 1024;

/// No camera sees as many passages as this; sums of millions of such counts still fit.
const TOO_MANY: u64 = 1 << 40;

/// Longest name of a site or camera, in bytes.
const LONGEST_NAME: usize = 100;

/// A record may end this much later than it is here: a clock that is set by the wrong time zone is off by up to 14 hours.
const EARLY: Duration = Duration::from_secs(24 * 3600);

/// Name of a site whose records name none.
const UNNAMED: &str = "unnamed";

/// Where the sidecars of a camera lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    pub path: std::path::PathBuf,
    /// The site and camera that its records are of; `None`: as each record says.
    pub site: Option<String>,
    pub camera: Option<String>,
}

/// Files are dated by a clock that ticks some milliseconds at a time, or two seconds on some memory cards: a file that
/// changed this short a time before it was read may change once more without a new date.
const YOUNG: Duration = Duration::from_secs(2);

/// How a file looked when it was read: when this is the same, so is the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub bytes: u64,
    /// Nanoseconds since 1970, of the last change.
    pub changed: i64,
}

impl Mark {
    pub fn of(file: &Metadata) -> Mark {
        let changed = file.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Mark { bytes: file.len(), changed: changed.and_then(|time| i64::try_from(time.as_nanos()).ok()).unwrap_or(0) }
    }

    /// What is to be kept of a file that is read `now`; one that is too young is to be read again.
    pub fn when_read(self, now: SystemTime) -> Mark {
        let changed = UNIX_EPOCH + Duration::from_nanos(self.changed.max(0) as u64);
        let old = now.duration_since(changed).is_ok_and(|age| age > YOUNG);
        if old { self } else { self.unread() }
    }

    /// A mark that no file has: what is kept of one that is to be read again when it is looked at next.
    pub fn unread(self) -> Mark {
        Mark { changed: -1, ..self }
    }
}

/// Why a file is left out.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("it has {0} bytes, a record has at most {LONGEST_RECORD}")]
    Huge(u64),
    #[error("it is no plain file")]
    NoFile,
    #[error("it is of schema \"{0}\", this version reads \"{SCHEMA}\": install a newer maskcount-dashboard")]
    Schema(String),
    #[error("it is no record of maskcount")]
    Foreign,
    #[error("it is torn or damaged ({0})")]
    Damaged(#[from] serde_json::Error),
    #[error("it does not fit together: {0}")]
    Record(RecordError),
    #[error("{0}")]
    Numbers(&'static str),
    #[error("its window ends at {0}, more than a day from now: set the camera's clock; it is read when it is time")]
    Early(Timestamp),
    #[error("it is of {what} \"{named}\", this folder is for \"{expected}\"")]
    Elsewhere { what: &'static str, named: String, expected: String },
    #[error("it cannot be read ({0})")]
    Disk(#[from] io::Error),
}

/// Whether a file of that name can be a sidecar. The plugin's journals, locks and unfinished files begin with a dot.
pub fn is_sidecar_name(name: &str) -> bool {
    !name.starts_with('.') && Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("json"))
}

/// Reads the record in a file of the folder.
pub fn read(path: &Path, folder: &Folder) -> Result<Record, Refused> {
    let there = std::fs::metadata(path)?;
    if !there.is_file() {
        return Err(Refused::NoFile);
    }
    if there.len() > LONGEST_RECORD {
        return Err(Refused::Huge(there.len()));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST_RECORD + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_RECORD {
        return Err(Refused::Huge(bytes.len() as u64));
    }
    parse(&bytes, folder)
}

/// Reads a record of the folder.
pub fn parse(bytes: &[u8], folder: &Folder) -> Result<Record, Refused> {
    let json: serde_json::Value = serde_json::from_slice(bytes)?;
    match json.get("schema").and_then(|schema| schema.as_str()) {
        Some(SCHEMA) => {}
        Some(other) if other.starts_with("maskcount/") => {
            return Err(Refused::Schema(other.chars().take(40).collect()));
        }
        _ => return Err(Refused::Foreign),
    }
    let mut fields: Fields = serde_json::from_value(json)?;
    let folder_name = folder.path.file_name().map(|name| name.to_string_lossy().into_owned());
    named("site", &mut fields.site, folder.site.as_deref(), UNNAMED)?;
    named("camera", &mut fields.camera, folder.camera.as_deref(), folder_name.as_deref().unwrap_or(UNNAMED))?;
    check(&fields)?;
    Record::read_back(fields).map_err(Refused::Record)
}

/// Settles a name: the record's own, or what the folder is for when it has none.
fn named(what: &'static str, name: &mut String, expected: Option<&str>, default: &str) -> Result<(), Refused> {
    if name.is_empty() {
        *name = expected.unwrap_or(default).to_owned();
    }
    if name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Refused::Numbers("the name of its site or camera is too long or has control characters"));
    }
    match expected {
        Some(expected) if expected != name => {
            Err(Refused::Elsewhere { what, named: name.clone(), expected: expected.to_owned() })
        }
        _ => Ok(()),
    }
}

/// What the plugin never writes, and what would spoil sums and days.
fn check(f: &Fields) -> Result<(), Refused> {
    if [f.persons, f.masked, f.unmasked, f.incorrect, f.unknown, f.withdrawn].iter().any(|n| *n > TOO_MANY) {
        return Err(Refused::Numbers("no camera sees as many people"));
    }
    let whole = |time: Timestamp| time.subsec_nanosecond() == 0 && (0..=200_000_000_000).contains(&time.as_second());
    if !whole(f.start) || !whole(f.end) {
        return Err(Refused::Numbers("its window is not of whole seconds after 1970"));
    }
    if f.end > Timestamp::now() + EARLY {
        return Err(Refused::Early(f.end));
    }
    if f.model.quality.is_some_and(|q| !q.says_something()) {
        return Err(Refused::Numbers("the quality of its model says nothing about masks"));
    }
    if !(f.privacy.epsilon == 0.0 || (0.001..=100.0).contains(&f.privacy.epsilon)) {
        return Err(Refused::Numbers("its epsilon is not 0 or from 0.001 to 100"));
    }
    Ok(())
}
