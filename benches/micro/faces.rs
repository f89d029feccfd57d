//! From the network's outputs to faces, and from faces to people.

use std::time::Duration;

use criterion::{BatchSize, Criterion};
use gstmaskcount::detect::decode::{Decoder, DecoderSpec, Tensor};
use gstmaskcount::detect::model::{Model, Variant};
use gstmaskcount::detect::{Face, nms};
use gstmaskcount::people::{self, People};
use gstmaskcount::picture::Rect;

const CHANNELS: usize = 18;

/// The maps of the built-in model with `count` faces, each found by 3 × 3 cells of the finest map, as it happens.
struct Maps {
    shapes: Vec<[i64; 4]>,
    values: Vec<Vec<f32>>,
}

impl Maps {
    fn new(strides: &[u32], (width, height): (u32, u32), count: usize) -> Maps {
        let shapes: Vec<_> =
            strides.iter().map(|s| [1, CHANNELS as i64, i64::from(height / s), i64::from(width / s)]).collect();
        let mut values: Vec<_> = shapes
            .iter()
            .map(|s| {
                let cells = (s[2] * s[3]) as usize;
                let mut map = vec![0.0; CHANNELS * cells];
                map[..cells].fill(-9.0);
                map
            })
            .collect();
        let (columns, rows) = (shapes[0][3] as usize, shapes[0][2] as usize);
        for face in 0..count {
            // Far apart, so that they stay different faces: a box is two cells wide.
            let (x, y) = (1 + face * 4 % (columns - 4), 1 + face * 4 / (columns - 4) * 4 % (rows - 3));
            for (dx, dy) in (0..9).map(|i| (i % 3, i / 3)) {
                let cell = (y + dy) * columns + x + dx;
                let mut set = |channel: usize, value: f32| values[0][channel * columns * rows + cell] = value;
                set(0, 3.0 - 0.1 * (dx + dy) as f32);
                set(1, 2.0);
                set(4, 1.0 - dx as f32);
                set(5, 1.0 - dy as f32);
                set(6, 2f32.ln());
                set(7, 2f32.ln());
            }
        }
        Maps { shapes, values }
    }

    fn tensors(&self) -> Vec<Tensor<'_>> {
        self.shapes.iter().zip(&self.values).map(|(shape, values)| Tensor { shape, values }).collect()
    }
}

pub fn decode_and_suppress(c: &mut Criterion) {
    let manifest = Model::built_in(Variant::Named("fp32")).expect("the built-in model").manifest;
    let DecoderSpec::Maskcount { strides, .. } = &manifest.decoder else { unreachable!("our own decoder") };
    let size = (manifest.input.width, manifest.input.height);
    let decoder = Decoder::new(manifest.decoder.clone(), size.0, size.1);
    let mut group = c.benchmark_group("decode and NMS");
    for count in [1, 20, 200] {
        let maps = Maps::new(strides, size, count);
        let tensors = maps.tensors();
        let mut faces = Vec::with_capacity(nms::MAX_CANDIDATES * 4);
        let mut suppressor = nms::Suppressor::default();
        let mut find = || {
            faces.clear();
            decoder.decode(&tensors, nms::LEAST_VOTER, &mut faces).expect("maps of the right shape");
            suppressor.suppress(&mut faces, manifest.nms_iou, manifest.votes.as_ref(), people::COVERED * 0.5);
            faces.len()
        };
        assert_eq!(find(), count);
        group.bench_function(format!("{count} faces"), |b| b.iter(&mut find));
    }
}

/// 50 people who walk to the right in rows.
fn crowd(look: u32) -> Vec<Face> {
    (0..50)
        .map(|i| {
            let (x, y) = ((i % 10) as f32 * 180.0 + look as f32 * 6.0, (i / 10) as f32 * 200.0 + 40.0);
            let landmark = |dx: f32, dy: f32| (x + 80.0 * dx, y + 100.0 * dy);
            Face {
                rect: Rect::new(x, y, 80.0, 100.0),
                score: 0.9,
                labels: [0.9, 0.1, 0.0],
                landmarks: Some(
                    [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)].map(|(x, y)| landmark(x, y)),
                ),
            }
        })
        .collect()
}

pub fn track(c: &mut Criterion) {
    let settings = people::Settings { threshold: 0.5, opt_out: true, ..people::Settings::default() };
    let time = |look: u32| Duration::from_millis(u64::from(look) * 67);
    let looks: Vec<_> = (0..31).map(crowd).collect();
    let followed = || {
        let mut people = People::new(settings.clone(), (1920, 1080));
        for (look, faces) in (0..30).zip(&looks) {
            people.look(time(look), faces);
        }
        people
    };
    c.bench_function("tracker/50 faces", |b| {
        b.iter_batched_ref(followed, |people| people.look(time(30), &looks[30]).len(), BatchSize::SmallInput);
    });
    let people = followed();
    c.bench_function("prediction/50 faces", |b| {
        b.iter(|| people.in_view(time(30)).map(|face| face.rect.x).sum::<f32>())
    });
}
