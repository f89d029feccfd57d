//! `cargo bench`: the kernels of one frame, each alone and on one thread. A part of it: `cargo bench -- sampling/NV12`.
//!
//! Where a bar is a multiple of a memory copy, the copy of the same frame stands in the same group as `memcpy`.

mod change;
mod covering;
mod faces;
mod frame;
mod record;
mod sampling;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = kernels;
    config = short();
    targets = sampling::all, faces::decode_and_suppress, faces::track, change::all, covering::all, record::all
}
criterion_main!(kernels);
