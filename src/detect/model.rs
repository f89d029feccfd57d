//! A model ready for the runtime: which of the manifest's networks, its bytes checked.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::manifest::{MAX_INPUT_SIDE, Manifest, ModelError, Network, SIZE_MULTIPLE};
use super::onnx;
use super::session::Provider;

/// Larger networks are refused: they are no face detector for a small computer, and the file is held in memory.
pub const MAX_MODEL_BYTES: u64 = 64 * 1024 * 1024;
/// A manifest is a page of text.
const MAX_MANIFEST_BYTES: u64 = 1024 * 1024;
/// The variant that is taken by itself where it is faster.
const INT8: &str = "int8";

pub(super) const BUILT_IN_MANIFEST: &str = include_str!("../../models/maskcount-s.json");
const BUILT_IN_NETWORKS: [(&str, &[u8]); 2] = [
    ("maskcount-s.onnx", include_bytes!("../../models/maskcount-s.onnx")),
    ("maskcount-s-int8.onnx", include_bytes!("../../models/maskcount-s-int8.onnx")),
];

/// Which of a manifest's networks to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant<'a> {
    /// What is faster on this machine: `int8` where the manifest offers it, the CPU computes, and it has instructions
    /// for it ([`has_int8_instructions`]); otherwise the manifest's `file`.
    BestFor(Provider),
    /// `fp32` for the manifest's `file`, or a key of its `variants`.
    Named(&'a str),
}

/// A checked manifest with the bytes of one of its networks.
#[derive(Clone, Debug)]
pub struct Model {
    pub manifest: Manifest,
    pub bytes: Cow<'static, [u8]>,
    /// Of the network's bytes, lower-case hex.
    pub sha256: String,
    /// Where the network came from, for messages.
    pub origin: PathBuf,
}

impl Model {
    /// The model that is built into the plugin.
    pub fn built_in(variant: Variant) -> Result<Model, ModelError> {
        let manifest = Manifest::parse(BUILT_IN_MANIFEST, "built into the plugin")?;
        let network = choose(&manifest, variant, has_int8_instructions(), "built into the plugin")?;
        let bytes = BUILT_IN_NETWORKS.iter().find(|(file, _)| *file == network.file);
        let (file, bytes) = bytes.expect("models/maskcount-s.json names the files that are built in");
        Model::checked(manifest, network, (*bytes).into(), PathBuf::from(format!("(built in) {file}")))
    }

    /// Reads a manifest and the network beside it.
    pub fn load(path: &Path, variant: Variant) -> Result<Model, ModelError> {
        let text = read_bounded(path, MAX_MANIFEST_BYTES)?;
        let shown = path.display().to_string();
        let text = String::from_utf8(text).map_err(|_| ModelError::NotText { path: path.into() })?;
        let manifest = Manifest::parse(&text, &shown)?;
        let network = choose(&manifest, variant, has_int8_instructions(), &shown)?;
        let file = path.with_file_name(&network.file);
        let bytes = read_bounded(&file, MAX_MODEL_BYTES)?;
        Model::checked(manifest, network, bytes.into(), file)
    }

    fn checked(
        mut manifest: Manifest,
        network: Network,
        bytes: Cow<'static, [u8]>,
        origin: PathBuf,
    ) -> Result<Model, ModelError> {
        let found = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect::<String>();
        if found != network.sha256 {
            return Err(ModelError::Hash { path: origin, expected: network.sha256, found });
        }
        manifest.input.layout = network.layout;
        match onnx::external_tensor(&bytes) {
            Ok(None) => Ok(Model { manifest, bytes, sha256: found, origin }),
            Ok(Some(tensor)) => Err(ModelError::ExternalData { path: origin, tensor }),
            Err(reason) => Err(ModelError::NotOnnx { path: origin, reason: reason.into() }),
        }
    }

    /// Settles the size of the input, as the property `input-size` says it: `WxH`.
    pub fn resize(&mut self, wanted: &str) -> Result<(), ModelError> {
        let refuse =
            |reason: String| ModelError::InputSize { wanted: wanted.into(), model: self.manifest.name.clone(), reason };
        let (width, height) = wanted
            .split_once('x')
            .and_then(|(w, h)| Some((w.trim().parse::<u32>().ok()?, h.trim().parse::<u32>().ok()?)))
            .ok_or_else(|| refuse("it is not of the form WxH, e.g. 640x384".into()))?;
        let input = &mut self.manifest.input;
        if !input.resizable {
            if (width, height) == (input.width, input.height) {
                return Ok(());
            }
            return Err(refuse(format!("the model takes {}x{} only", input.width, input.height)));
        }
        for side in [width, height] {
            if side == 0 || side % SIZE_MULTIPLE != 0 || side > MAX_INPUT_SIDE {
                return Err(refuse(format!(
                    "each side must be a multiple of {SIZE_MULTIPLE} from {SIZE_MULTIPLE} to {MAX_INPUT_SIDE}"
                )));
            }
        }
        (input.width, input.height) = (width, height);
        // What somebody chose no picture changes.
        input.resizable = false;
        Ok(())
    }
}

fn choose(manifest: &Manifest, variant: Variant, int8: bool, shown: &str) -> Result<Network, ModelError> {
    let find = |name: &str| manifest.networks.iter().find(|n| n.variant == name);
    let best = |provider| find(INT8).filter(|_| int8 && provider == Provider::Cpu).or(manifest.networks.first());
    let found = match variant {
        Variant::BestFor(provider) => best(provider),
        Variant::Named(name) => find(name),
    };
    found.cloned().ok_or_else(|| ModelError::Variant {
        manifest: shown.into(),
        variant: if let Variant::Named(name) = variant { name.into() } else { INT8.into() },
        known: manifest.networks.iter().map(|n| n.variant.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// Whether this CPU multiplies and sums bytes in one instruction (VNNI on x86, dot product on Arm). With it the int8
/// variant is nearly twice as fast as fp32 (models/README.md, Speed); without it ONNX Runtime's int8 kernels spend
/// several instructions on each, and fp32 is the safe choice.
pub fn has_int8_instructions() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    let has = std::arch::is_x86_feature_detected!("avx512vnni") || std::arch::is_x86_feature_detected!("avxvnni");
    #[cfg(target_arch = "aarch64")]
    let has = std::arch::is_aarch64_feature_detected!("dotprod");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    let has = false;
    has
}

fn read_bounded(path: &Path, max: u64) -> Result<Vec<u8>, ModelError> {
    use std::io::Read;
    let failed = |source| ModelError::Read { path: path.into(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    // One byte more than allowed tells a file that grew after its size was asked for.
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > max {
        let size = std::fs::metadata(path).map_or(bytes.len() as u64, |m| m.len());
        return Err(ModelError::TooLarge { path: path.into(), bytes: size, max });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(variant: Variant, int8: bool) -> Result<String, String> {
        let manifest = Manifest::parse(BUILT_IN_MANIFEST, "m").unwrap();
        choose(&manifest, variant, int8, "m").map(|n| n.file).map_err(|e| e.to_string())
    }

    #[test]
    fn int8_is_taken_by_itself_only_where_the_cpu_computes_and_is_good_at_it() {
        let (plain, int8) = (Ok("maskcount-s.onnx".into()), Ok("maskcount-s-int8.onnx".into()));
        assert_eq!(chosen(Variant::BestFor(Provider::Cpu), true), int8);
        assert_eq!(chosen(Variant::BestFor(Provider::Cpu), false), plain);
        assert_eq!(chosen(Variant::BestFor(Provider::Cuda), true), plain);
    }

    #[test]
    fn a_named_variant_is_taken_whatever_the_machine() {
        assert_eq!(chosen(Variant::Named("fp32"), true).unwrap(), "maskcount-s.onnx");
        assert_eq!(chosen(Variant::Named("int8"), false).unwrap(), "maskcount-s-int8.onnx");
    }

    #[test]
    fn a_variant_that_is_not_there_is_refused_with_those_that_are() {
        let refused = chosen(Variant::Named("int4"), true).unwrap_err();
        assert!(refused.contains("`int4`") && refused.contains("fp32, int8"), "{refused}");
    }

    #[test]
    fn each_network_that_is_built_in_is_the_one_of_the_manifest() {
        for name in ["fp32", "int8"] {
            let model = Model::built_in(Variant::Named(name)).unwrap();
            let network = model.manifest.networks.iter().find(|n| n.variant == name).unwrap();
            assert_eq!(model.sha256, network.sha256);
        }
    }
}
