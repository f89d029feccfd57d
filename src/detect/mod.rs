//! From a picture to faces: manifest, sampling, session, decoders, non-maximum suppression. No GStreamer type.

pub mod change;
pub mod decode;
pub mod manifest;
pub mod model;
pub mod nms;
mod onnx;
pub mod sampling;
pub mod session;
pub mod shape;
pub mod worker;

use std::time::{Duration, Instant};

use crate::picture::{Picture, Rect};
use decode::{Decoder, OutputMismatch};
use manifest::{InputSpec, Manifest, ModelError};
use model::Model;
use sampling::{Geometry, Sampler};
use session::{RunSettings, RuntimeSearch, Session, SessionError};

/// What a face wears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(i32)]
pub enum Label {
    /// Over mouth and nose.
    Mask = 0,
    NoMask = 1,
    /// Under the nose or the chin.
    Incorrect = 2,
}

impl Label {
    pub const ALL: [Label; 3] = [Label::Mask, Label::NoMask, Label::Incorrect];

    pub const fn name(self) -> &'static str {
        match self {
            Label::Mask => "mask",
            Label::NoMask => "no_mask",
            Label::Incorrect => "incorrect",
        }
    }
}

/// A face that one look found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// In pixels of the picture; may reach beyond it.
    pub rect: Rect,
    /// Calibrated probability that it is a face, 0 to 1.
    pub score: f32,
    /// Calibrated probabilities of mask, no_mask, incorrect; their sum is 1.
    pub labels: [f32; 3],
    /// Right eye, left eye, nose, right and left mouth corner, in pixels; `None` where the model has none.
    pub landmarks: Option<[(f32, f32); 5]>,
}

impl Face {
    /// The likeliest label.
    pub fn label(&self) -> Label {
        let best = (0..3).max_by(|&a, &b| self.labels[a].total_cmp(&self.labels[b])).unwrap_or(0);
        Label::ALL[best]
    }
}

/// Why a look gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Died(#[from] worker::Died),
    #[error("{model}: {mismatch}")]
    Outputs { model: String, mismatch: OutputMismatch },
}

/// Where the time of one look went.
#[derive(Clone, Copy, Debug, Default)]
pub struct LookTimes {
    pub sampling: Duration,
    pub runtime: Duration,
    pub decoding: Duration,
}

/// A model at work: pictures in, faces out.
pub struct Detector {
    manifest: Manifest,
    session: Session,
    decoder: Decoder,
    sampler: Option<Sampler>,
    faces: Vec<Face>,
    suppressor: nms::Suppressor,
}

impl Detector {
    /// Opens the session and runs it once on an empty picture, so that a model that does not fit fails here and not on
    /// the first frame.
    pub fn open(model: &Model, settings: &RunSettings, search: &RuntimeSearch) -> Result<Detector, DetectError> {
        let manifest = model.manifest.clone();
        let decoder = Decoder::new(manifest.decoder.clone(), manifest.input.width, manifest.input.height);
        let session = Session::open(model, &decoder.outputs(), settings, search)?;
        let faces = Vec::with_capacity(nms::MAX_CANDIDATES);
        let suppressor = nms::Suppressor::default();
        let mut detector = Detector { manifest, session, decoder, sampler: None, faces, suppressor };
        detector.run(1.0)?;
        Ok(detector)
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Makes the tables for pictures of this geometry, and gives the input their shape; a no-op if that stands.
    pub fn configure(&mut self, geometry: &Geometry) -> Result<(), DetectError> {
        if self.sampler.as_ref().is_some_and(|s| s.geometry() == geometry) {
            return Ok(());
        }
        let (_, _, width, height) = geometry.crop;
        let (width, height) = shape::shaped_for(&self.manifest.input, width, height);
        let input = InputSpec { width, height, ..self.manifest.input.clone() };
        self.decoder = Decoder::new(self.manifest.decoder.clone(), width, height);
        // Zero is the padding of the new letterbox.
        self.session.resize(&input)?;
        self.sampler = Some(Sampler::new(*geometry, &input));
        Ok(())
    }

    /// Looks at a picture: the faces with a score of at least `threshold` (0 to 1), in its pixels, surest first.
    ///
    /// # Panics
    /// If the picture is not of the geometry that [`Detector::configure`] was called with.
    pub fn look(&mut self, picture: &Picture, threshold: f32) -> Result<(&[Face], LookTimes), DetectError> {
        let sampling = self.sample(picture);
        let times = self.find(threshold)?;
        Ok((&self.faces, LookTimes { sampling, ..times }))
    }

    /// The first half of a look: takes the picture into the network's input, and tells how long that took.
    ///
    /// # Panics
    /// If the picture is not of the geometry that [`Detector::configure`] was called with.
    pub fn sample(&mut self, picture: &Picture) -> Duration {
        let start = Instant::now();
        let sampler = self.sampler.as_mut().expect("configure() comes before a look");
        sampler.sample(picture, self.session.input());
        start.elapsed()
    }

    /// The second half: finds the [`faces`](Detector::faces) in the picture that was taken in last.
    pub fn find(&mut self, threshold: f32) -> Result<LookTimes, DetectError> {
        let mut times = self.run(threshold.min(nms::LEAST_VOTER))?;
        let start = Instant::now();
        self.suppressor.suppress(&mut self.faces, self.manifest.nms_iou, self.manifest.votes.as_ref(), threshold);
        if let Some(sampler) = &self.sampler {
            for face in &mut self.faces {
                face.rect = sampler.to_picture(face.rect);
                for point in face.landmarks.iter_mut().flatten() {
                    *point = sampler.point_to_picture(*point);
                }
            }
        }
        times.decoding += start.elapsed();
        Ok(times)
    }

    /// What the last look found.
    pub fn faces(&self) -> &[Face] {
        &self.faces
    }

    /// Runs the network on the input tensor; candidates in pixels of the input.
    fn run(&mut self, threshold: f32) -> Result<LookTimes, DetectError> {
        self.faces.clear();
        let (decoder, faces) = (&self.decoder, &mut self.faces);
        let start = Instant::now();
        let mut runtime = Duration::ZERO;
        let decoded = self.session.run(|outputs| {
            runtime = start.elapsed();
            decoder.decode(outputs, threshold, faces)
        })?;
        let decoding = start.elapsed().saturating_sub(runtime);
        decoded.map_err(|mismatch| DetectError::Outputs { model: self.manifest.name.clone(), mismatch })?;
        Ok(LookTimes { sampling: Duration::ZERO, runtime, decoding })
    }
}
