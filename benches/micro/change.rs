//! Where a frame that is not looked at differs from the one that was; bar: 0.05 ms for all that such a frame costs.

use criterion::Criterion;
use gstmaskcount::detect::change::Change;
use gstmaskcount::picture::{Format, Rect};

use crate::frame::{Frame, SIZES};

pub fn all(c: &mut Criterion) {
    for format in [Format::Nv12, Format::Yuy2, Format::Bgra] {
        let mut group = c.benchmark_group(format!("change/{}", format.name()));
        for (name, width, height) in SIZES {
            let frame = Frame::new(format, width, height);
            let faces: Vec<_> = (0..10).map(|i| Rect::new(i as f32 * 120.0, 300.0, 60.0, 80.0)).collect();
            let mut change = Change::default();
            change.take(&frame.picture());
            change.begin();
            change.end();
            group.bench_function(format!("{name}/take"), |b| b.iter(|| change.take(&frame.picture())));
            group.bench_function(format!("{name}/areas"), |b| {
                b.iter(|| change.areas(faces.iter().copied()).len());
            });
        }
    }
}
