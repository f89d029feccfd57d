//! From the network's output tensors to candidate faces, in pixels of the network's input. One file for the three
//! kinds of output in use, so that their differences can be read side by side.

use super::{Face, Label};
use crate::picture::Rect;

/// The part of the manifest that says what the outputs mean.
#[derive(Clone, Debug, PartialEq)]
pub enum DecoderSpec {
    /// Our own network: per stride S a map `[1, 18, H/S, W/S]` of face logit, three label logits, box (dx, dy, ln w,
    /// ln h) and five landmarks (x, y), all in strides from the cell's centre. Score and label probabilities are
    /// calibrated: `sigmoid(logit · face_a + face_b)`, `softmax(logits · label_a)`.
    Maskcount {
        outputs: Vec<String>,
        strides: Vec<u32>,
        face_a: f32,
        face_b: f32,
        label_a: f32,
        labels: Vec<Option<Label>>,
    },
    /// Ultralytics' export: `[1, 4 + classes, n]`, box as centre and size in input pixels, class scores 0 to 1.
    Yolov8 { output: String, labels: Vec<Option<Label>> },
    /// Boxes `[1, n, 4]` relative to priors (centre and size, with variances), scores `[1, n, classes]`.
    Ssd {
        boxes: String,
        scores: String,
        activation: SsdActivation,
        variances: [f32; 4],
        levels: Vec<SsdLevel>,
        labels: Vec<Option<Label>>,
    },
}

/// What turns the scores of an SSD into probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SsdActivation {
    /// They are probabilities.
    None,
    Sigmoid,
    Softmax,
}

/// One grid of priors: at each cell one prior per size (with the first ratio), then one per further ratio (with the
/// first size). Sizes are shares of the input's sides, a ratio is width to height.
#[derive(Clone, Debug, PartialEq)]
pub struct SsdLevel {
    pub columns: u32,
    pub rows: u32,
    pub sizes: Vec<f32>,
    pub ratios: Vec<f32>,
}

impl SsdLevel {
    /// How many priors it has.
    pub fn priors(&self) -> usize {
        let shapes = (self.sizes.len() + self.ratios.len()).saturating_sub(1);
        (self.columns as usize * self.rows as usize).saturating_mul(shapes)
    }
}

/// One output of the network.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    pub shape: &'a [i64],
    pub values: &'a [f32],
}

/// The outputs are not what the manifest's decoder expects.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error(
    "output `{output}` has the shape {found:?}, the decoder `{kind}` expects {expected} for an input of {width}x{height}; \
     correct `decoder` or `labels` in the manifest"
)]
pub struct OutputMismatch {
    pub output: String,
    pub kind: &'static str,
    pub expected: String,
    pub found: Vec<i64>,
    pub width: u32,
    pub height: u32,
}

/// Channels of a map of our own network.
const MAP_CHANNELS: usize = 18;
/// Of them, face 0, labels from 1, box from 4, landmarks from 8.
const LABEL_CHANNEL: usize = 1;
const BOX_CHANNEL: usize = 4;
const LANDMARK_CHANNEL: usize = 8;
/// exp() of a box size beyond this (e^8 strides) is no face; it keeps infinities out of the boxes.
const MAX_LOG_SIZE: f32 = 8.0;

/// A decoder for one input size.
#[derive(Clone, Debug)]
pub struct Decoder {
    spec: DecoderSpec,
    width: u32,
    height: u32,
    /// Priors of an SSD: centre and size in input pixels.
    priors: Vec<[f32; 4]>,
}

impl Decoder {
    pub fn new(spec: DecoderSpec, width: u32, height: u32) -> Decoder {
        let priors = match &spec {
            DecoderSpec::Ssd { levels, .. } => priors(levels, width as f32, height as f32),
            _ => Vec::new(),
        };
        Decoder { spec, width, height, priors }
    }

    /// Names of the outputs that [`Decoder::decode`] wants, in their order.
    pub fn outputs(&self) -> Vec<&str> {
        match &self.spec {
            DecoderSpec::Maskcount { outputs, .. } => outputs.iter().map(String::as_str).collect(),
            DecoderSpec::Yolov8 { output, .. } => vec![output],
            DecoderSpec::Ssd { boxes, scores, .. } => vec![boxes, scores],
        }
    }

    /// Appends every candidate with a score of at least `threshold` to `faces`; the outputs' shapes are checked first.
    pub fn decode(&self, outputs: &[Tensor], threshold: f32, faces: &mut Vec<Face>) -> Result<(), OutputMismatch> {
        match &self.spec {
            DecoderSpec::Maskcount { strides, face_a, face_b, label_a, labels, .. } => {
                for (index, stride) in strides.iter().enumerate() {
                    let (columns, rows) = (self.width.div_ceil(*stride), self.height.div_ceil(*stride));
                    let expected = [1, MAP_CHANNELS as i64, i64::from(rows), i64::from(columns)];
                    let map = self.fitting(outputs, index, &expected)?;
                    let map = Map {
                        values: map,
                        columns: columns as usize,
                        cells: (columns * rows) as usize,
                        stride: *stride as f32,
                    };
                    // The threshold as a logit, so that the many cells without a face cost one comparison.
                    let least = (logit(threshold) - face_b) / face_a;
                    map.decode(least, |x| sigmoid(x * face_a + face_b), *label_a, labels, faces);
                }
            }
            DecoderSpec::Yolov8 { labels, .. } => {
                let channels = 4 + labels.len();
                let n = outputs.first().and_then(|t| t.shape.get(2)).copied().unwrap_or(-1).max(0);
                let values = self.fitting(outputs, 0, &[1, channels as i64, n])?;
                let n = n as usize;
                let channel = |c: usize| &values[c * n..(c + 1) * n];
                for i in 0..n {
                    let Some((score, labels)) = classes(labels, |c| channel(4 + c)[i], threshold) else { continue };
                    let (x, y, w, h) = (channel(0)[i], channel(1)[i], channel(2)[i], channel(3)[i]);
                    push(faces, x, y, w, h, score, labels, None);
                }
            }
            DecoderSpec::Ssd { activation, variances: v, labels, .. } => {
                let n = self.priors.len() as i64;
                let boxes = self.fitting(outputs, 0, &[1, n, 4])?;
                let scores = self.fitting(outputs, 1, &[1, n, labels.len() as i64])?;
                for ((prior, d), s) in
                    self.priors.iter().zip(boxes.chunks_exact(4)).zip(scores.chunks_exact(labels.len()))
                {
                    let probability = |c: usize| match activation {
                        SsdActivation::None => s[c],
                        SsdActivation::Sigmoid => sigmoid(s[c]),
                        SsdActivation::Softmax => 1.0 / s.iter().map(|x| (x - s[c]).exp()).sum::<f32>(),
                    };
                    let Some((score, labels)) = classes(labels, probability, threshold) else { continue };
                    let x = prior[0] + d[0] * v[0] * prior[2];
                    let y = prior[1] + d[1] * v[1] * prior[3];
                    let w = prior[2] * (d[2] * v[2]).min(MAX_LOG_SIZE).exp();
                    let h = prior[3] * (d[3] * v[3]).min(MAX_LOG_SIZE).exp();
                    push(faces, x, y, w, h, score, labels, None);
                }
            }
        }
        Ok(())
    }

    /// The values of an output, if it has the expected shape.
    fn fitting<'a>(&self, outputs: &[Tensor<'a>], index: usize, expected: &[i64]) -> Result<&'a [f32], OutputMismatch> {
        let found = outputs.get(index);
        match found {
            Some(t) if t.shape == expected && t.values.len() as i64 == expected.iter().product::<i64>() => Ok(t.values),
            _ => Err(OutputMismatch {
                output: self.outputs().get(index).copied().unwrap_or("?").to_owned(),
                kind: match self.spec {
                    DecoderSpec::Maskcount { .. } => "maskcount",
                    DecoderSpec::Yolov8 { .. } => "yolov8",
                    DecoderSpec::Ssd { .. } => "ssd",
                },
                expected: format!("{expected:?}"),
                found: found.map(|t| t.shape.to_vec()).unwrap_or_default(),
                width: self.width,
                height: self.height,
            }),
        }
    }
}

/// One output map of our own network.
struct Map<'a> {
    values: &'a [f32],
    columns: usize,
    cells: usize,
    stride: f32,
}

impl Map<'_> {
    fn decode(
        &self,
        least: f32,
        score: impl Fn(f32) -> f32,
        label_a: f32,
        classes: &[Option<Label>],
        faces: &mut Vec<Face>,
    ) {
        for (cell, &logit) in self.values[..self.cells].iter().enumerate() {
            if logit < least || logit.is_nan() {
                continue;
            }
            let channel = |c: usize| self.values[c * self.cells + cell];
            let center = ((cell % self.columns) as f32 + 0.5, (cell / self.columns) as f32 + 0.5);
            let point = |c: usize| ((center.0 + channel(c)) * self.stride, (center.1 + channel(c + 1)) * self.stride);
            let (x, y) = point(BOX_CHANNEL);
            let size = |c: usize| channel(c).min(MAX_LOG_SIZE).exp() * self.stride;
            let landmarks = std::array::from_fn(|i| point(LANDMARK_CHANNEL + 2 * i));
            let mut labels = [0.0; 3];
            let top = (0..classes.len().min(3)).map(|i| channel(LABEL_CHANNEL + i)).fold(f32::MIN, f32::max);
            for (i, label) in classes.iter().take(3).enumerate() {
                if let Some(label) = label {
                    labels[*label as usize] += ((channel(LABEL_CHANNEL + i) - top) * label_a).exp();
                }
            }
            push(faces, x, y, size(BOX_CHANNEL + 2), size(BOX_CHANNEL + 3), score(logit), labels, Some(landmarks));
        }
    }
}

/// Score of the face and share of each label, from scores per class; `None` below the threshold.
fn classes(classes: &[Option<Label>], score: impl Fn(usize) -> f32, threshold: f32) -> Option<(f32, [f32; 3])> {
    let mut labels = [0.0f32; 3];
    let mut best = f32::MIN;
    for (c, label) in classes.iter().enumerate() {
        if let Some(label) = label {
            let score = score(c);
            labels[*label as usize] += score.max(0.0);
            best = best.max(score);
        }
    }
    (best >= threshold).then_some((best, labels))
}

/// Keeps the box if it is one of a face, with the labels made to sum to 1. A face whose labels are no numbers is a face all
/// the same, which must be covered; where all of them are 0 it is something else.
#[allow(clippy::too_many_arguments)] // the parts of one face, in one order everywhere
fn push(
    faces: &mut Vec<Face>,
    x: f32,
    y: f32,
    w: f32,
    h: f32,
    score: f32,
    mut labels: [f32; 3],
    landmarks: Option<[(f32, f32); 5]>,
) {
    let sum: f32 = labels.iter().sum();
    if ![x, y, w, h, score].iter().all(|v| v.is_finite()) || w <= 0.0 || h <= 0.0 || sum <= 0.0 {
        return;
    }
    labels = if sum.is_finite() { labels.map(|p| p / sum) } else { [1.0 / 3.0; 3] };
    let landmarks = landmarks.filter(|l| l.iter().all(|(x, y)| x.is_finite() && y.is_finite()));
    let rect = Rect::new(x - w / 2.0, y - h / 2.0, w, h);
    faces.push(Face { rect, score: score.clamp(0.0, 1.0), labels, landmarks });
}

fn priors(levels: &[SsdLevel], width: f32, height: f32) -> Vec<[f32; 4]> {
    let mut priors = Vec::new();
    for level in levels {
        let shapes = level.sizes.iter().map(|s| (*s, level.ratios[0]));
        let shapes: Vec<_> = shapes.chain(level.ratios[1..].iter().map(|r| (level.sizes[0], *r))).collect();
        for row in 0..level.rows {
            for column in 0..level.columns {
                let x = (column as f32 + 0.5) / level.columns as f32 * width;
                let y = (row as f32 + 0.5) / level.rows as f32 * height;
                priors.extend(shapes.iter().map(|(s, r)| [x, y, s * r.sqrt() * width, s / r.sqrt() * height]));
            }
        }
    }
    priors
}

pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

pub(super) fn logit(p: f32) -> f32 {
    (p / (1.0 - p)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: [Option<Label>; 3] = [Some(Label::Mask), Some(Label::NoMask), Some(Label::Incorrect)];

    fn close(a: f32, b: f32) -> bool {
        (a - b).abs() < 1e-3
    }

    fn ours(face_a: f32, face_b: f32) -> Decoder {
        let spec = DecoderSpec::Maskcount {
            outputs: vec!["s32".into()],
            strides: vec![32],
            face_a,
            face_b,
            label_a: 2.0,
            labels: LABELS.to_vec(),
        };
        Decoder::new(spec, 96, 64)
    }

    /// A 3 × 2 map in which only the cell (2, 1) holds a face.
    fn map() -> Vec<f32> {
        let mut values = vec![0.0; 18 * 6];
        values[..6].fill(-10.0);
        let mut set = |channel: usize, value: f32| values[channel * 6 + 5] = value;
        set(0, 1.0);
        set(2, 0.5);
        set(4, 0.25);
        set(5, -0.5);
        set(6, 2f32.ln());
        set(7, 3f32.ln());
        set(12, 0.5);
        values
    }

    #[test]
    fn our_map_gives_score_label_box_and_landmarks() {
        let (values, mut faces) = (map(), Vec::new());
        let outputs = [Tensor { shape: &[1, 18, 2, 3], values: &values }];
        ours(2.0, -1.0).decode(&outputs, 0.5, &mut faces).unwrap();
        assert_eq!(faces.len(), 1);
        let face = faces[0];
        assert!(close(face.score, 1.0 / (1.0 + (-1f32).exp())));
        assert_eq!(face.label(), Label::NoMask);
        assert!(close(face.labels[1], 1f32.exp() / (1f32.exp() + 2.0)));
        // centre (2.5 + 0.25, 1.5 - 0.5) strides, 2 × 3 strides large
        assert_eq!(face.rect, Rect::new(88.0 - 32.0, 32.0 - 48.0, 64.0, 96.0));
        let landmarks = face.landmarks.unwrap();
        assert!(close(landmarks[0].0, 80.0) && close(landmarks[2].0, 96.0));
    }

    #[test]
    fn a_face_below_the_threshold_is_left_out() {
        let (values, mut faces) = (map(), Vec::new());
        let outputs = [Tensor { shape: &[1, 18, 2, 3], values: &values }];
        ours(2.0, -1.0).decode(&outputs, 0.74, &mut faces).unwrap();
        assert!(faces.is_empty());
    }

    #[test]
    fn an_output_of_another_shape_is_named() {
        let error = ours(1.0, 0.0).decode(&[Tensor { shape: &[1, 6, 2, 3], values: &[0.0; 36] }], 0.5, &mut Vec::new());
        let text = error.unwrap_err().to_string();
        assert!(text.contains("`s32`") && text.contains("[1, 18, 2, 3]") && text.contains("[1, 6, 2, 3]"), "{text}");
    }

    #[test]
    fn values_that_are_no_numbers_give_no_face() {
        let mut faces = Vec::new();
        let values = vec![f32::NAN; 18 * 6];
        ours(1.0, 0.0).decode(&[Tensor { shape: &[1, 18, 2, 3], values: &values }], 0.0, &mut faces).unwrap();
        assert!(faces.is_empty());
        let values = vec![f32::INFINITY; 18 * 6];
        ours(1.0, 0.0).decode(&[Tensor { shape: &[1, 18, 2, 3], values: &values }], 0.0, &mut faces).unwrap();
        assert!(faces.is_empty());
    }

    #[test]
    fn a_face_whose_labels_are_no_numbers_is_a_face() {
        let (mut values, mut faces) = (map(), Vec::new());
        values[6..24].fill(f32::NAN);
        let outputs = [Tensor { shape: &[1, 18, 2, 3], values: &values }];
        ours(2.0, -1.0).decode(&outputs, 0.5, &mut faces).unwrap();
        assert_eq!(faces.iter().map(|face| face.labels).collect::<Vec<_>>(), [[1.0 / 3.0; 3]]);
    }

    #[test]
    fn yolov8_takes_centre_size_and_class_scores() {
        let spec = DecoderSpec::Yolov8 { output: "output0".into(), labels: LABELS[..2].to_vec() };
        // two boxes; channel by channel: x, y, w, h, mask, no_mask
        let values = [50.0, 10.0, 40.0, 10.0, 20.0, 4.0, 30.0, 4.0, 0.9, 0.1, 0.1, 0.2];
        let mut faces = Vec::new();
        let decoder = Decoder::new(spec, 96, 64);
        decoder.decode(&[Tensor { shape: &[1, 6, 2], values: &values }], 0.5, &mut faces).unwrap();
        assert_eq!(faces.len(), 1);
        assert_eq!(faces[0].rect, Rect::new(40.0, 25.0, 20.0, 30.0));
        assert_eq!(faces[0].label(), Label::Mask);
        assert!(close(faces[0].score, 0.9) && close(faces[0].labels[0], 0.9));
        assert_eq!(faces[0].landmarks, None);
    }

    fn ssd(activation: SsdActivation, labels: Vec<Option<Label>>) -> Decoder {
        let level =
            |columns, rows, sizes: &[f32]| SsdLevel { columns, rows, sizes: sizes.to_vec(), ratios: vec![1.0, 0.25] };
        let spec = DecoderSpec::Ssd {
            boxes: "loc".into(),
            scores: "cls".into(),
            activation,
            variances: [0.1, 0.1, 0.2, 0.2],
            levels: vec![level(2, 1, &[0.5])],
            labels,
        };
        Decoder::new(spec, 100, 100)
    }

    #[test]
    fn ssd_priors_lie_cell_by_cell_with_sizes_before_ratios() {
        let decoder = ssd(SsdActivation::None, LABELS[..2].to_vec());
        let expected =
            [[25.0, 50.0, 50.0, 50.0], [25.0, 50.0, 25.0, 100.0], [75.0, 50.0, 50.0, 50.0], [75.0, 50.0, 25.0, 100.0]];
        assert_eq!(decoder.priors, expected);
    }

    #[test]
    fn ssd_boxes_are_offsets_from_their_priors() {
        let mut boxes = [0.0; 16];
        boxes[8..12].copy_from_slice(&[1.0, -1.0, 5.0 * 2f32.ln(), 0.0]);
        let scores = [0.0, 0.0, 0.0, 0.0, 0.2, 0.8, 0.0, 0.0];
        let outputs = [Tensor { shape: &[1, 4, 4], values: &boxes }, Tensor { shape: &[1, 4, 2], values: &scores }];
        let mut faces = Vec::new();
        ssd(SsdActivation::None, LABELS[..2].to_vec()).decode(&outputs, 0.5, &mut faces).unwrap();
        assert_eq!(faces.len(), 1);
        let rect = faces[0].rect;
        // centre (75 + 0.1 · 50, 50 - 0.1 · 50), twice as wide as the prior
        assert!(close(rect.x, 30.0) && close(rect.y, 20.0) && close(rect.w, 100.0) && close(rect.h, 50.0), "{rect:?}");
        assert_eq!(faces[0].label(), Label::NoMask);
    }

    #[test]
    fn ssd_softmax_counts_the_background_and_leaves_it_out() {
        let scores = [0.0, 0.0, 3f32.ln(), 9.0, 0.0, 0.0, 9.0, 0.0, 0.0, 9.0, 0.0, 0.0];
        let outputs = [Tensor { shape: &[1, 4, 4], values: &[0.0; 16] }, Tensor { shape: &[1, 4, 3], values: &scores }];
        let mut faces = Vec::new();
        let labels = vec![None, Some(Label::NoMask), Some(Label::Mask)];
        ssd(SsdActivation::Softmax, labels).decode(&outputs, 0.5, &mut faces).unwrap();
        assert_eq!(faces.len(), 1);
        assert!(close(faces[0].score, 0.6) && faces[0].label() == Label::Mask);
    }

    #[test]
    fn ssd_with_other_priors_is_refused() {
        let outputs =
            [Tensor { shape: &[1, 5, 4], values: &[0.0; 20] }, Tensor { shape: &[1, 5, 2], values: &[0.0; 10] }];
        let refused = ssd(SsdActivation::None, LABELS[..2].to_vec()).decode(&outputs, 0.5, &mut Vec::new());
        assert_eq!(refused.unwrap_err().output, "loc");
    }
}
