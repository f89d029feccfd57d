//! Mosaic and solid; bar: the whole 1080p NV12 frame in at most twice the time of its copy.

use criterion::Criterion;
use gstmaskcount::mosaic::{Cover, cover, cover_whole};
use gstmaskcount::picture::{Format, Rect};

use crate::frame::Frame;

pub fn all(c: &mut Criterion) {
    let mut group = c.benchmark_group("covering/NV12 1080p");
    let mut frame = Frame::new(Format::Nv12, 1920, 1080);
    for (name, how) in [("mosaic", Cover::Mosaic { cells: 5 }), ("solid", Cover::Solid { luma: 16 })] {
        for count in [1, 10, 50] {
            let faces: Vec<_> =
                (0..count).map(|i| Rect::new((i % 10) as f32 * 183.3, (i / 10) as f32 * 201.7, 100.0, 120.0)).collect();
            group.bench_function(format!("{name}/{count} faces"), |b| {
                b.iter(|| {
                    let mut picture = frame.picture_mut();
                    faces.iter().for_each(|face| cover(&mut picture, *face, how));
                });
            });
        }
        group.bench_function(format!("{name}/whole frame"), |b| b.iter(|| cover_whole(&mut frame.picture_mut(), how)));
    }
    let mut copy = Frame::new(Format::Nv12, 1920, 1080);
    group.bench_function("memcpy", |b| b.iter(|| frame.copy_to(&mut copy)));
}
