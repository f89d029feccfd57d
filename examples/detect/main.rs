//! What the plugin's own sampling, session and decoder find on labelled photos, for a scorer to read:
//!
//!     cargo run --release --example detect -- LABELS.jsonl > PREDICTIONS.jsonl
//!
//! LABELS.jsonl holds one object a line with `image`, a path beside the file (JPEG, PNG or WebP), and perhaps `split`. For
//! each comes a line `{"image", "boxes": [{"x", "y", "w", "h", "score", "label", "landmarks"}]}` in pixels of the photo, with
//! every box down to a score of 0.02, the surest first. The photo is first put into the raw format of `--format`, NV12
//! unless another is named.

mod raw;

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use gstmaskcount::detect::Detector;
use gstmaskcount::detect::model::{Model, Variant};
use gstmaskcount::detect::sampling::Geometry;
use gstmaskcount::detect::session::{Provider, RunSettings, RuntimeSearch};
use gstmaskcount::picture::Format;
use serde_json::{Value, json};

const USAGE: &str = "usage: detect LABELS.jsonl [--split NAME] [--model MANIFEST] [--variant NAME] [--input-size WxH] \
                     [--format NV12|I420|RGB|…] > PREDICTIONS.jsonl";
const LEAST_SCORE: f32 = 0.02;

struct Arguments {
    labels: PathBuf,
    split: Option<String>,
    model: Option<PathBuf>,
    variant: Option<String>,
    input_size: Option<String>,
    format: Format,
}

impl Arguments {
    fn parse(mut given: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let (mut labels, mut split, mut model, mut variant, mut input_size) = (None, None, None, None, None);
        // What cameras and decoders give; photos are stored with as little colour.
        let mut format = Format::Nv12;
        while let Some(argument) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{argument} needs a value; {USAGE}"));
            match argument.as_str() {
                "--split" => split = Some(value()?),
                "--model" => model = Some(value()?.into()),
                "--variant" => variant = Some(value()?),
                "--input-size" => input_size = Some(value()?),
                "--format" => {
                    let name = value()?;
                    let known = || Format::ALL.map(Format::name).join(", ");
                    format = Format::from_name(&name).ok_or_else(|| format!("no format {name}; known: {}", known()))?;
                }
                file if labels.is_none() && !file.starts_with('-') => labels = Some(file.into()),
                other => return Err(format!("what is {other}? {USAGE}")),
            }
        }
        Ok(Arguments { labels: labels.ok_or(USAGE)?, split, model, variant, input_size, format })
    }

    fn detector(&self) -> Result<Detector, String> {
        let variant = self.variant.as_deref().map_or(Variant::BestFor(Provider::Cpu), Variant::Named);
        let model = match &self.model {
            None => Model::built_in(variant),
            Some(manifest) => Model::load(manifest, variant),
        };
        let mut model = model.map_err(|e| e.to_string())?;
        if let Some(size) = &self.input_size {
            model.resize(size).map_err(|e| e.to_string())?;
        }
        let settings = RunSettings { threads: 1, provider: Provider::Cpu };
        eprintln!("{} ({}), photos as {}", model.origin.display(), &model.sha256[..12], self.format.name());
        Detector::open(&model, &settings, &RuntimeSearch::default()).map_err(|e| e.to_string())
    }
}

/// The names of the photos of the split, in the order of the file.
fn photos(labels: &Path, split: Option<&str>) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(labels).map_err(|e| format!("cannot read {}: {e}", labels.display()))?;
    let mut names = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: String| format!("{}, line {}: {what}", labels.display(), number + 1);
        let row: Value = serde_json::from_str(line).map_err(|e| wrong(e.to_string()))?;
        let name = row["image"].as_str().ok_or_else(|| wrong("there is no text `image`".into()))?;
        if split.is_none_or(|split| row["split"] == split) {
            names.push(name.to_owned());
        }
    }
    match split {
        Some(split) if names.is_empty() => Err(format!("{} has no photo of the split {split}", labels.display())),
        _ => Ok(names),
    }
}

fn boxes(detector: &mut Detector, photo: &Path, format: Format) -> Result<Vec<Value>, String> {
    let failed = |e: String| format!("{}: {e}", photo.display());
    let rgb = image::open(photo).map_err(|e| failed(e.to_string()))?.into_rgb8();
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    let raw = raw::Raw::from_rgb(rgb.as_raw(), width, height, format);
    let picture = raw.picture().map_err(|e| failed(e.to_string()))?;
    let crop = (0, 0, width, height);
    let geometry = Geometry { format, width, height, crop, colorimetry: Default::default() };
    detector.configure(&geometry).map_err(|e| failed(e.to_string()))?;
    let (faces, _) = detector.look(&picture, LEAST_SCORE).map_err(|e| failed(e.to_string()))?;
    let cents = |value: f32| (f64::from(value) * 100.0).round() / 100.0;
    let number = |face: &gstmaskcount::detect::Face| {
        // A box counts as far as it is on the photo.
        let (left, top) = (face.rect.x.max(0.0), face.rect.y.max(0.0));
        let right = (face.rect.x + face.rect.w).min(width as f32);
        let bottom = (face.rect.y + face.rect.h).min(height as f32);
        json!({
            "x": cents(left), "y": cents(top), "w": cents(right - left), "h": cents(bottom - top),
            "score": (f64::from(face.score) * 1e5).round() / 1e5, "label": face.label().name(),
            "landmarks": face.landmarks.map(|points| points.map(|(x, y)| [cents(x), cents(y)])),
        })
    };
    Ok(faces.iter().map(number).collect())
}

fn run() -> Result<(), String> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let names = photos(&arguments.labels, arguments.split.as_deref())?;
    let mut detector = arguments.detector()?;
    let folder = arguments.labels.parent().unwrap_or(Path::new("."));
    let mut out = BufWriter::new(std::io::stdout().lock());
    for (number, name) in names.iter().enumerate() {
        let boxes = boxes(&mut detector, &folder.join(name), arguments.format)?;
        let line = json!({ "image": name, "boxes": boxes });
        writeln!(out, "{line}").map_err(|e| format!("cannot write: {e}"))?;
        if (number + 1) % 100 == 0 || number + 1 == names.len() {
            eprintln!("{} of {} photos", number + 1, names.len());
        }
    }
    out.flush().map_err(|e| format!("cannot write: {e}"))
}

fn main() -> std::process::ExitCode {
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("detect: {why}");
            std::process::ExitCode::FAILURE
        }
    }
}
