//! The manifest: a small JSON file beside the `.onnx` that says what the network wants and what its outputs mean.
//!
//! Every field is checked by hand, so that an error names the field and what stands there instead of a byte offset.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::decode::{DecoderSpec, SsdActivation, SsdLevel};
use super::nms::Votes;

/// Value of the field `format`.
pub const FORMAT: &str = "maskcount-model/1";
/// The strides of the networks in use end at 32.
pub const SIZE_MULTIPLE: u32 = 32;
/// Priors of all levels of an SSD: ten times what the largest models have, and memory that every device has.
const MOST_PRIORS: usize = 1_000_000;
/// Input sides beyond this are a typing error: 4096 × 4096 f32 × 3 are already 200 MB.
pub(super) const MAX_INPUT_SIDE: u32 = 4096;
/// The name by which a user asks for the network that the manifest's own `file` names.
pub const PLAIN_VARIANT: &str = "fp32";

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("cannot read the model {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is no text: the property `model` names the manifest, the .json file beside the network")]
    NotText { path: PathBuf },
    #[error("{path} is {bytes} bytes, at most {max} are allowed")]
    TooLarge { path: PathBuf, bytes: u64, max: u64 },
    #[error("manifest {manifest} is not JSON: {source}")]
    Json { manifest: String, source: serde_json::Error },
    #[error("manifest {manifest}: field `{field}` must be {expected}, found {found}")]
    Field { manifest: String, field: String, expected: String, found: String },
    #[error("manifest {manifest}: unknown field `{field}`; remove it or correct its name")]
    UnknownField { manifest: String, field: String },
    #[error(
        "{path} has the sha256 {found}, the manifest says {expected}: the file is damaged or not the one the manifest is for"
    )]
    Hash { path: PathBuf, expected: String, found: String },
    #[error("{path} is no ONNX model: {reason}")]
    NotOnnx { path: PathBuf, reason: String },
    #[error(
        "{path} keeps weights in another file (`{tensor}`); save it with all weights inside, e.g. onnx.save(model, path)"
    )]
    ExternalData { path: PathBuf, tensor: String },
    #[error("manifest {manifest} has no variant `{variant}`; it has: {known}")]
    Variant { manifest: String, variant: String, known: String },
    #[error("input-size {wanted} cannot be used with the model {model}: {reason}")]
    InputSize { wanted: String, model: String, reason: String },
}

/// Order of the colour planes in the input tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorOrder {
    Rgb,
    Bgr,
}

/// How the network's input lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[1, 3, height, width]`, f32: `(value - mean) * scale` of values 0 to 255.
    Planes,
    /// `[1, height / 2, width / 2, 12]`, u8, in BT.709 with luma from 16 to 235: luma of the nine pixels under each place of a 3×3
    /// convolution of stride 2 with one pixel of padding, row by row; Cb and Cr of the middle pixel and its neighbours to the
    /// right and below together; and one byte that says nothing. The network normalises them itself; the padding is the grey
    /// next to the mean. `color` and `scale` say nothing here.
    Patches,
}

/// The input tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    pub name: String,
    /// Of the network that is used, see [`Network::layout`].
    pub layout: Layout,
    pub width: u32,
    pub height: u32,
    /// Whether the network takes other sizes (multiples of 32): it then gets the shape of the picture, see
    /// [`shaped_for`](super::shape::shaped_for).
    pub resizable: bool,
    pub color: ColorOrder,
    /// Per plane of the tensor, in its order.
    pub mean: [f32; 3],
    pub scale: [f32; 3],
}

/// Shares of right labels per face, as the model card measured them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// Share of masked faces that are labelled masked, 0 to 1.
    pub sensitivity: f64,
    /// Share of bare faces that are labelled bare, 0 to 1.
    pub specificity: f64,
}

/// A checked manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    pub name: String,
    pub version: String,
    pub licence: String,
    pub source: Option<String>,
    pub input: InputSpec,
    pub decoder: DecoderSpec,
    /// Least score of a face, 0 to 1.
    pub threshold: f64,
    /// Boxes of which more than this overlaps (IoU) are one face, 0 to 1.
    pub nms_iou: f32,
    /// How the boxes on a face make its score; without, it is that of the surest.
    pub votes: Option<Votes>,
    pub quality: Option<Quality>,
    /// The networks that it is for; the first is the one of the field `file`, named [`PLAIN_VARIANT`].
    pub networks: Vec<Network>,
}

/// A network's file, as the manifest names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// What a user calls it: [`PLAIN_VARIANT`] or a key of `variants`.
    pub variant: String,
    /// Beside the manifest.
    pub file: String,
    /// Lower-case hex.
    pub sha256: String,
    pub layout: Layout,
}

impl Manifest {
    /// `origin` names the manifest in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Manifest, ModelError> {
        let value: Value =
            serde_json::from_str(text).map_err(|source| ModelError::Json { manifest: origin.into(), source })?;
        let Value::Object(map) = &value else {
            return Err(ModelError::Field {
                manifest: origin.into(),
                field: "(whole file)".into(),
                expected: "an object".into(),
                found: shown(&value),
            });
        };
        let top = Fields { manifest: origin, path: String::new(), map };
        top.only(&[
            "format",
            "name",
            "version",
            "file",
            "sha256",
            "licence",
            "source",
            "input",
            "labels",
            "decoder",
            "threshold",
            "nms_iou",
            "votes",
            "variants",
            "quality",
        ])?;
        top.get("format", &format!("\"{FORMAT}\""), |v| (v.as_str()? == FORMAT).then_some(()))?;

        let input = top.object("input")?;
        input.only(&["name", "width", "height", "resizable", "color", "mean", "scale"])?;
        let resizable = input.get("resizable", "true or false", Value::as_bool)?;
        let side = |name| {
            let expected = if resizable {
                format!("a multiple of {SIZE_MULTIPLE} from {SIZE_MULTIPLE} to {MAX_INPUT_SIDE}")
            } else {
                format!("a whole number from 1 to {MAX_INPUT_SIDE}")
            };
            input.get(name, &expected, |v| {
                let side = u32::try_from(v.as_u64()?).ok()?;
                let fits = (1..=MAX_INPUT_SIDE).contains(&side) && (!resizable || side % SIZE_MULTIPLE == 0);
                fits.then_some(side)
            })
        };
        let planes = |name, expected, fits: fn(f32) -> bool| {
            input.get(name, expected, |v| {
                let list = v.as_array()?.iter().map(number).collect::<Option<Vec<f32>>>()?;
                list.iter().all(|x| fits(*x)).then_some(<[f32; 3]>::try_from(list).ok()?)
            })
        };
        let input_spec = InputSpec {
            name: input.text("name")?,
            layout: Layout::Planes,
            width: side("width")?,
            height: side("height")?,
            resizable,
            color: input.get("color", "\"rgb\" or \"bgr\"", |v| match v.as_str()? {
                "rgb" => Some(ColorOrder::Rgb),
                "bgr" => Some(ColorOrder::Bgr),
                _ => None,
            })?,
            mean: planes("mean", "three numbers from 0 to 255", |x| (0.0..=255.0).contains(&x))?,
            scale: planes("scale", "three numbers other than 0", |x| x != 0.0)?,
        };

        let labels =
            top.get("labels", "a list of mask, no_mask, incorrect and other, with mask and no_mask in it", |v| {
                let list = v.as_array()?.iter().map(class).collect::<Option<Vec<_>>>()?;
                let has = |wanted| list.contains(&Some(wanted));
                (has(super::Label::Mask) && has(super::Label::NoMask) && list.len() <= 64).then_some(list)
            })?;
        let decoder = parse_decoder(&top.object("decoder")?, labels)?;
        if matches!(decoder, DecoderSpec::Ssd { .. }) {
            // The grids of priors belong to one size.
            input.get("resizable", "false, as for every decoder of the kind ssd", |v| (!v.as_bool()?).then_some(()))?;
        }

        let plain = Network {
            variant: PLAIN_VARIANT.into(),
            file: top.file("file")?,
            sha256: top.hash("sha256")?,
            layout: Layout::Planes,
        };
        let mut networks = vec![plain];
        let even = input_spec.width.is_multiple_of(2) && input_spec.height.is_multiple_of(2);
        let layouts =
            if even { "\"planes\" or \"patches\"" } else { "\"planes\", as for every input with an odd side" };
        let layout = |v: &Value| match v.as_str()? {
            "planes" => Some(Layout::Planes),
            "patches" => even.then_some(Layout::Patches),
            _ => None,
        };
        if let Some(of) = top.optional_object("variants")? {
            for name in of.map.keys() {
                let of = of.object(name)?;
                of.only(&["file", "sha256", "layout"])?;
                networks.push(Network {
                    variant: name.clone(),
                    file: of.file("file")?,
                    sha256: of.hash("sha256")?,
                    layout: if of.map.contains_key("layout") {
                        of.get("layout", layouts, layout)?
                    } else {
                        Layout::Planes
                    },
                });
            }
        }
        let quality = match top.optional_object("quality")? {
            None => None,
            Some(of) => {
                of.only(&["sensitivity", "specificity"])?;
                let share = |name| {
                    of.get(name, "a number above 0.5, up to 1", |v| v.as_f64().filter(|x| *x > 0.5 && *x <= 1.0))
                };
                Some(Quality { sensitivity: share("sensitivity")?, specificity: share("specificity")? })
            }
        };
        let votes = match top.optional_object("votes")? {
            None => None,
            Some(of) => {
                of.only(&["best", "support", "label", "bias"])?;
                let weight = |name| of.get(name, "a number", number);
                Some(Votes {
                    best: weight("best")?,
                    support: weight("support")?,
                    label: weight("label")?,
                    bias: weight("bias")?,
                })
            }
        };
        Ok(Manifest {
            name: top.text("name")?,
            version: top.text("version")?,
            licence: top.text("licence")?,
            source: if map.contains_key("source") { Some(top.text("source")?) } else { None },
            input: input_spec,
            decoder,
            threshold: top
                .get("threshold", "a number from 0 to 1", |v| v.as_f64().filter(|x| (0.0..=1.0).contains(x)))?,
            nms_iou: top.get("nms_iou", "a number from 0 to 1", |v| number(v).filter(|x| (0.0..=1.0).contains(x)))?,
            votes,
            quality,
            networks,
        })
    }
}

fn parse_decoder(of: &Fields, labels: Vec<Option<super::Label>>) -> Result<DecoderSpec, ModelError> {
    let kind = of.text("kind")?;
    match kind.as_str() {
        "maskcount" => {
            of.only(&["kind", "outputs", "strides", "face_a", "face_b", "label_a"])?;
            let outputs = of.texts("outputs")?;
            let strides = of.get("strides", "as many whole numbers from 1 to 128 as there are outputs", |v| {
                let list = v.as_array()?.iter().map(|s| s.as_u64().filter(|s| (1..=128).contains(s)).map(|s| s as u32));
                list.collect::<Option<Vec<u32>>>().filter(|l| l.len() == outputs.len())
            })?;
            Ok(DecoderSpec::Maskcount {
                outputs,
                strides,
                face_a: of.get("face_a", "a number above 0", |v| number(v).filter(|x| *x > 0.0))?,
                face_b: of.get("face_b", "a number", number)?,
                label_a: of.get("label_a", "a number above 0", |v| number(v).filter(|x| *x > 0.0))?,
                labels,
            })
        }
        "yolov8" => {
            of.only(&["kind", "output"])?;
            Ok(DecoderSpec::Yolov8 { output: of.text("output")?, labels })
        }
        "ssd" => {
            of.only(&["kind", "boxes", "scores", "activation", "variances", "levels"])?;
            let activation = of.get("activation", "\"none\", \"sigmoid\" or \"softmax\"", |v| match v.as_str()? {
                "none" => Some(SsdActivation::None),
                "sigmoid" => Some(SsdActivation::Sigmoid),
                "softmax" => Some(SsdActivation::Softmax),
                _ => None,
            })?;
            let variances = of.get("variances", "four numbers above 0", |v| {
                let list = v.as_array()?.iter().map(number).collect::<Option<Vec<f32>>>()?;
                list.iter().all(|x| *x > 0.0).then_some(<[f32; 4]>::try_from(list).ok()?)
            })?;
            let levels = of.get(
                "levels",
                "a list of {\"grid\": [columns, rows], \"sizes\": […], \"ratios\": […]} with positive numbers",
                |v| v.as_array()?.iter().map(ssd_level).collect::<Option<Vec<_>>>().filter(|l| !l.is_empty()),
            )?;
            let priors = levels.iter().map(SsdLevel::priors).fold(0, usize::saturating_add);
            if priors > MOST_PRIORS {
                let found = Value::String(format!("{priors} of them"));
                return Err(of.wrong("levels", &format!("levels with {MOST_PRIORS} priors at most"), &found));
            }
            Ok(DecoderSpec::Ssd {
                boxes: of.text("boxes")?,
                scores: of.text("scores")?,
                activation,
                variances,
                levels,
                labels,
            })
        }
        _ => Err(of.wrong("kind", "\"maskcount\", \"yolov8\" or \"ssd\"", &Value::String(kind))),
    }
}

fn ssd_level(value: &Value) -> Option<SsdLevel> {
    let positive = |name: &str| {
        let list = value.get(name)?.as_array()?.iter().map(|v| number(v).filter(|x| *x > 0.0));
        list.collect::<Option<Vec<f32>>>().filter(|l| !l.is_empty() && l.len() <= 32)
    };
    let grid = positive("grid")?;
    let known = value.as_object()?.keys().all(|k| ["grid", "sizes", "ratios"].contains(&k.as_str()));
    (known && grid.len() == 2 && grid.iter().all(|g| g.fract() == 0.0 && *g <= 1024.0)).then_some(())?;
    Some(SsdLevel {
        columns: grid[0] as u32,
        rows: grid[1] as u32,
        sizes: positive("sizes")?,
        ratios: positive("ratios")?,
    })
}

/// `other` is a class that is no face, e.g. the background.
fn class(value: &Value) -> Option<Option<super::Label>> {
    let name = value.as_str()?;
    match super::Label::ALL.into_iter().find(|l| l.name() == name) {
        Some(label) => Some(Some(label)),
        None => (name == "other").then_some(None),
    }
}

fn number(value: &Value) -> Option<f32> {
    value.as_f64().map(|x| x as f32).filter(|x| x.is_finite())
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 { text } else { format!("{}…", text.chars().take(60).collect::<String>()) }
}

/// An object of the manifest with its place, so that errors can name the field.
struct Fields<'a> {
    manifest: &'a str,
    path: String,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn name(&self, field: &str) -> String {
        format!("{}{field}", self.path)
    }

    fn wrong(&self, field: &str, expected: &str, found: &Value) -> ModelError {
        ModelError::Field {
            manifest: self.manifest.into(),
            field: self.name(field),
            expected: expected.into(),
            found: if found.is_null() { "nothing".into() } else { shown(found) },
        }
    }

    fn only(&self, known: &[&str]) -> Result<(), ModelError> {
        match self.map.keys().find(|k| !known.contains(&k.as_str())) {
            None => Ok(()),
            Some(field) => Err(ModelError::UnknownField { manifest: self.manifest.into(), field: self.name(field) }),
        }
    }

    fn get<T>(&self, field: &str, expected: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Result<T, ModelError> {
        let value = self.map.get(field);
        value.and_then(read).ok_or_else(|| self.wrong(field, expected, value.unwrap_or(&Value::Null)))
    }

    fn text(&self, field: &str) -> Result<String, ModelError> {
        self.get(field, "a text that is not empty", |v| v.as_str().filter(|s| !s.is_empty()).map(str::to_owned))
    }

    fn texts(&self, field: &str) -> Result<Vec<String>, ModelError> {
        self.get(field, "a list of at most 16 names", |v| {
            let list = v.as_array()?.iter().map(|s| s.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
            (!list.is_empty() && list.len() <= 16).then_some(list)
        })
    }

    fn file(&self, field: &str) -> Result<String, ModelError> {
        self.get(field, "the name of a file beside the manifest, without a folder", |v| {
            let name = v.as_str()?;
            let plain = Path::new(name).file_name().is_some_and(|f| f == name);
            plain.then(|| name.to_owned())
        })
    }

    fn hash(&self, field: &str) -> Result<String, ModelError> {
        self.get(field, "64 hexadecimal digits", |v| {
            let hash = v.as_str()?;
            (hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit())).then(|| hash.to_ascii_lowercase())
        })
    }

    fn object(&self, field: &str) -> Result<Fields<'a>, ModelError> {
        let map = self.get(field, "an object", Value::as_object)?;
        Ok(Fields { manifest: self.manifest, path: format!("{}.", self.name(field)), map })
    }

    fn optional_object(&self, field: &str) -> Result<Option<Fields<'a>>, ModelError> {
        if self.map.contains_key(field) { self.object(field).map(Some) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::model::BUILT_IN_MANIFEST;

    fn with_votes(votes: Option<Value>) -> Result<Option<Votes>, String> {
        let mut manifest: Value = serde_json::from_str(BUILT_IN_MANIFEST).unwrap();
        let fields = manifest.as_object_mut().unwrap();
        fields.remove("votes");
        fields.extend(votes.map(|votes| ("votes".to_owned(), votes)));
        Manifest::parse(&manifest.to_string(), "m").map(|m| m.votes).map_err(|e| e.to_string())
    }

    #[test]
    fn a_manifest_may_say_how_votes_make_the_score() {
        let votes = serde_json::json!({ "best": 0.5, "support": 1, "label": 0, "bias": -2.5 });
        assert_eq!(with_votes(Some(votes)), Ok(Some(Votes { best: 0.5, support: 1.0, label: 0.0, bias: -2.5 })));
        assert_eq!(with_votes(None), Ok(None));
    }

    #[test]
    fn more_priors_than_a_device_has_memory_for_are_refused() {
        let with_levels = |count: usize| {
            let mut manifest: Value = serde_json::from_str(BUILT_IN_MANIFEST).unwrap();
            let level = serde_json::json!({ "grid": [1000, 500], "sizes": [0.1], "ratios": [1] });
            manifest["input"]["resizable"] = false.into();
            manifest["decoder"] = serde_json::json!({ "kind": "ssd", "boxes": "b", "scores": "s", "activation": "sigmoid",
                "variances": [0.1, 0.1, 0.2, 0.2], "levels": vec![level; count] });
            Manifest::parse(&manifest.to_string(), "m").map(drop).map_err(|e| e.to_string())
        };
        assert_eq!(with_levels(2), Ok(()));
        let text = with_levels(3).unwrap_err();
        assert!(text.contains("decoder.levels") && text.contains("1500000"), "{text}");
    }

    #[test]
    fn a_weight_of_the_votes_that_is_missing_or_no_number_is_named() {
        let missing = with_votes(Some(serde_json::json!({ "best": 1, "support": 1, "bias": 0 }))).unwrap_err();
        assert!(missing.contains("votes.label"), "{missing}");
        let votes = serde_json::json!({ "best": "1", "support": 1, "label": 0, "bias": 0 });
        let text = with_votes(Some(votes)).unwrap_err();
        assert!(text.contains("votes.best") && text.contains("a number"), "{text}");
    }
}
