//! A record as a bus message and back: an application in Rust never touches field names.
//!
//! The message `maskcount` holds the fields of the record under their names; `privacy` and `model` are structures within
//! it. Counts are uint64, shares double (absent where nothing was classified), times RFC 3339 texts. The fields
//! `timestamp`, `stream-time`, `running-time` of the frame at which the window closed are as in `level`'s messages.

use jiff::Timestamp;

use crate::report::{Fields, Model, Privacy, Quality, Record, RecordError};

/// Name of the message's structure.
pub const NAME: &str = "maskcount";

/// Why a structure is no record.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    #[error("the structure is a {0}, not a {NAME}")]
    Name(String),
    #[error("field `{0}` is missing or of another type")]
    Field(&'static str),
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The record as the structure of a message.
pub fn to_structure(record: &Record) -> gst::Structure {
    let quality = record.model.quality.as_ref();
    let model = gst::Structure::builder("model")
        .field("name", &record.model.name)
        .field("sha256", &record.model.sha256)
        .field_if_some("sensitivity", quality.map(|q| q.sensitivity))
        .field_if_some("specificity", quality.map(|q| q.specificity))
        .build();
    let privacy = gst::Structure::builder("privacy")
        .field("min_persons", record.privacy.min_persons)
        .field("epsilon", record.privacy.epsilon)
        .field("extended_windows", record.privacy.extended_windows)
        .build();
    gst::Structure::builder(NAME)
        .field("schema", &record.schema)
        .field("site", &record.site)
        .field("camera", &record.camera)
        .field("start", record.start.to_string())
        .field("end", record.end.to_string())
        .field("complete", record.complete)
        .field("persons", record.persons)
        .field("masked", record.masked)
        .field("unmasked", record.unmasked)
        .field("incorrect", record.incorrect)
        .field("unknown", record.unknown)
        .field_if_some("masked_share", record.masked_share)
        .field_if_some("share_low", record.share_low)
        .field_if_some("share_high", record.share_high)
        .field_if_some("masked_share_raw", record.masked_share_raw)
        .field("withdrawn", record.withdrawn)
        .field("coverage", record.coverage)
        .field("frames", record.frames)
        .field("frames_analysed", record.frames_analysed)
        .field("low_confidence", record.low_confidence)
        .field("privacy", privacy)
        .field("model", model)
        .field("version", &record.version)
        .build()
}

/// The record that a message's structure says.
pub fn from_structure(s: &gst::StructureRef) -> Result<Record, MessageError> {
    fn get<'a, T: gst::glib::value::FromValue<'a>>(
        s: &'a gst::StructureRef,
        name: &'static str,
    ) -> Result<T, MessageError> {
        s.value(name).ok().and_then(|v| v.get().ok()).ok_or(MessageError::Field(name))
    }
    let text = |s: &gst::StructureRef, name| get::<&str>(s, name).map(str::to_owned);
    let time = |name| get::<&str>(s, name)?.parse::<Timestamp>().map_err(|_| MessageError::Field(name));
    let share = |name| if s.has_field(name) { get::<f64>(s, name).map(Some) } else { Ok(None) };
    if s.name() != NAME {
        return Err(MessageError::Name(s.name().to_string()));
    }
    let privacy: gst::Structure = get(s, "privacy")?;
    let model: gst::Structure = get(s, "model")?;
    let quality = match model.has_field("sensitivity") {
        false => None,
        true => Some(Quality { sensitivity: get(&model, "sensitivity")?, specificity: get(&model, "specificity")? }),
    };
    Ok(Record::read_back(Fields {
        schema: text(s, "schema")?,
        site: text(s, "site")?,
        camera: text(s, "camera")?,
        start: time("start")?,
        end: time("end")?,
        complete: get(s, "complete")?,
        persons: get(s, "persons")?,
        masked: get(s, "masked")?,
        unmasked: get(s, "unmasked")?,
        incorrect: get(s, "incorrect")?,
        unknown: get(s, "unknown")?,
        masked_share: share("masked_share")?,
        share_low: share("share_low")?,
        share_high: share("share_high")?,
        masked_share_raw: share("masked_share_raw")?,
        withdrawn: get(s, "withdrawn")?,
        coverage: get(s, "coverage")?,
        frames: get(s, "frames")?,
        frames_analysed: get(s, "frames_analysed")?,
        low_confidence: get(s, "low_confidence")?,
        privacy: Privacy {
            min_persons: get(&privacy, "min_persons")?,
            epsilon: get(&privacy, "epsilon")?,
            extended_windows: get(&privacy, "extended_windows")?,
        },
        model: Model { name: text(&model, "name")?, sha256: text(&model, "sha256")?, quality },
        version: text(s, "version")?,
    })?)
}
