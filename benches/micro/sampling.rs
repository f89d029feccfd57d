//! The pass from a frame to the model's input; bar: 1080p NV12 in at most half the time of its copy.

use criterion::{Criterion, Throughput};
use gstmaskcount::detect::manifest::{InputSpec, Layout};
use gstmaskcount::detect::model::{Model, Variant};
use gstmaskcount::detect::sampling::{Colorimetry, Geometry, Matrix, PATCH, Sampler, Target};
use gstmaskcount::picture::Format;

use crate::frame::{Frame, SIZES};

pub fn all(c: &mut Criterion) {
    let input = Model::built_in(Variant::Named("fp32")).expect("the built-in model").manifest.input;
    let of_patches = InputSpec { layout: Layout::Patches, ..input.clone() };
    let area = input.width as usize * input.height as usize;
    let (mut tensor, mut patches) = (vec![0f32; 3 * area], vec![[0; PATCH]; area / 4]);
    for format in Format::ALL {
        let mut group = c.benchmark_group(format!("sampling/{}", format.name()));
        for (name, width, height) in SIZES {
            let frame = Frame::new(format, width, height);
            let mut copy = Frame::new(format, width, height);
            let crop = (0, 0, width, height);
            // As cameras of these sizes say; patches of another matrix are mixed from all components.
            let colorimetry = Colorimetry { matrix: Matrix::Bt709, full_range: false };
            let geometry = Geometry { format, width, height, crop, colorimetry };
            let mut sampler = Sampler::new(geometry, &input);
            group.throughput(Throughput::Bytes(frame.bytes() as u64));
            group.bench_function(format!("{name}/planes"), |b| {
                b.iter(|| sampler.sample(&frame.picture(), Target::Planes(&mut tensor)));
            });
            let mut sampler = Sampler::new(geometry, &of_patches);
            group.bench_function(format!("{name}/patches"), |b| {
                b.iter(|| sampler.sample(&frame.picture(), Target::Patches(&mut patches)));
            });
            let mut sampler = Sampler::new(Geometry { colorimetry: Colorimetry::default(), ..geometry }, &of_patches);
            group.bench_function(format!("{name}/patches of BT.601"), |b| {
                b.iter(|| sampler.sample(&frame.picture(), Target::Patches(&mut patches)));
            });
            group.bench_function(format!("{name}/memcpy"), |b| b.iter(|| frame.copy_to(&mut copy)));
        }
    }
}
