//! One record: what is said of one window, on the bus and in the sidecar file alike.
//!
//! The dashboard's package takes this file as it is, to read what the plugin wrote.

use std::ops::Deref;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::share::Quality;

/// Value of the field `schema`.
pub const SCHEMA: &str = "maskcount/1";

/// The JSON Schema of a record.
pub const JSON_SCHEMA: &str = include_str!("record.schema.json");

/// The fields of a record, in the order in which they are written.
///
/// Every passage is in exactly one of `masked`, `unmasked`, `incorrect`, `unknown` and `withdrawn`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fields {
    /// [`SCHEMA`].
    pub schema: String,
    pub site: String,
    pub camera: String,
    /// First instant of the window, UTC.
    #[serde(with = "instant")]
    pub start: Timestamp,
    /// First instant after the window, UTC.
    #[serde(with = "instant")]
    pub end: Timestamp,
    /// Whether the stream ran through the start and the end of the window (and of each that it was extended by).
    pub complete: bool,
    /// Passages: `masked + unmasked + incorrect + unknown`.
    pub persons: u64,
    pub masked: u64,
    pub unmasked: u64,
    /// Masks under the nose, where these are counted apart.
    pub incorrect: u64,
    /// Passages whose state could not be told: part of the footfall, not of the share.
    pub unknown: u64,
    /// Best estimate of the share of masked passages among the classified ones, 0 to 1, three decimals: corrected for
    /// the model's errors (Rogan and Gladen) when `model.quality` is there, else the same as `masked_share_raw`.
    /// `None`: nothing was classified.
    pub masked_share: Option<f64>,
    /// Lower end of the 95 % interval (Wilson) of `masked_share`.
    pub share_low: Option<f64>,
    /// Upper end of the 95 % interval of `masked_share`.
    pub share_high: Option<f64>,
    /// `masked / (masked + unmasked + incorrect)`, as counted.
    pub masked_share_raw: Option<f64>,
    /// People who shook their head at the camera. They are in none of the other counts.
    pub withdrawn: u64,
    /// Part of the window that was really looked at, 0 to 1, three decimals.
    pub coverage: f64,
    /// Frames that came.
    pub frames: u64,
    /// Frames that the model looked at.
    pub frames_analysed: u64,
    /// The interval is wider than ten points to each side, or there is none.
    pub low_confidence: bool,
    pub privacy: Privacy,
    pub model: Model,
    /// Version of the plugin.
    pub version: String,
}

/// The privacy rules that a record was made by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Privacy {
    /// Fewer passages than this are never given out.
    pub min_persons: u32,
    /// Differential privacy of the counts, per passage; 0: off, the counts are exact.
    pub epsilon: f64,
    /// How many later windows were merged into this one because it alone had fewer than `min_persons`.
    pub extended_windows: u32,
}

/// The model that a record rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub name: String,
    pub sha256: String,
    /// What is known of the model's errors; when it is there, `masked_share` is corrected by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
}

/// What is said of one window.
///
/// Only the privacy rules of a [`Report`](super::Report) make one; [`Record::from_json`] and [`Record::read_back`]
/// read one that was given out before. The fields are read through `Deref` and cannot be written.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Record(Fields);

impl Deref for Record {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.0
    }
}

/// Why something is not a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("not a record: {0}")]
    Json(#[from] serde_json::Error),
    #[error("`schema` is \"{0}\", this version reads \"{SCHEMA}\"")]
    Schema(String),
    #[error("`{field}` does not fit: {why}")]
    Field { field: &'static str, why: &'static str },
}

impl Record {
    /// For the privacy rules alone.
    pub(super) fn new(fields: Fields) -> Record {
        debug_assert!(check(&fields).is_ok(), "{fields:?}");
        Record(fields)
    }

    /// Reads a record that was given out, as JSON.
    pub fn from_json(json: &str) -> Result<Record, RecordError> {
        Record::read_back(serde_json::from_str(json)?)
    }

    /// Reads a record that was given out, from its fields; the sums, the shares and the privacy rules are checked.
    pub fn read_back(fields: Fields) -> Result<Record, RecordError> {
        check(&fields)?;
        Ok(Record(fields))
    }

    /// The record as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a record holds nothing that JSON cannot say")
    }

    /// The record as JSON with a field per line, as it stands in a sidecar file.
    pub fn to_json_pretty(&self) -> String {
        serde_json::to_string_pretty(self).expect("a record holds nothing that JSON cannot say") + "\n"
    }
}

fn check(f: &Fields) -> Result<(), RecordError> {
    let wrong = |field, why| Err(RecordError::Field { field, why });
    if f.schema != SCHEMA {
        return Err(RecordError::Schema(f.schema.clone()));
    }
    if f.start >= f.end {
        return wrong("end", "it is not after `start`");
    }
    let classified = f.masked.checked_add(f.unmasked).and_then(|n| n.checked_add(f.incorrect));
    if classified.and_then(|n| n.checked_add(f.unknown)) != Some(f.persons) {
        return wrong("persons", "it is not the sum of masked, unmasked, incorrect and unknown");
    }
    if f.privacy.epsilon == 0.0 && f.persons < u64::from(f.privacy.min_persons) {
        return wrong("persons", "it is less than privacy.min_persons");
    }
    if !(f.privacy.epsilon >= 0.0 && f.privacy.epsilon.is_finite()) {
        return wrong("privacy.epsilon", "it is negative or no number");
    }
    let shares = [f.masked_share, f.share_low, f.share_high, f.masked_share_raw];
    if shares.iter().any(|s| s.is_some() == (classified == Some(0))) {
        return wrong("masked_share", "a share is there when something was classified, and only then");
    }
    if shares.iter().flatten().chain([&f.coverage]).any(|s| !(0.0..=1.0).contains(s)) {
        return wrong("masked_share", "a share or the coverage is not within 0 and 1");
    }
    if f.share_low > f.masked_share || f.masked_share > f.share_high {
        return wrong("share_low", "the interval does not hold the share");
    }
    if f.frames_analysed > f.frames {
        return wrong("frames_analysed", "it is more than `frames`");
    }
    Ok(())
}

/// An instant as RFC 3339 in UTC, e.g. `2026-04-26T08:40:00Z`.
pub(super) mod instant {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(time)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
