//! Totals since start, as the property `stats` shows them.

use super::timing::Stage;
use crate::report;

/// Totals since start.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub frames: u64,
    pub analysed: u64,
    /// Due by `interval` and `max-fps`, but left out: late, paused, a gap, or with `async` the runtime was busy.
    pub skipped: u64,
    pub in_view: u32,
    pub report: report::Stats,
    pub sampling: Stage,
    pub runtime: Stage,
    pub decoding: Stage,
    pub people: Stage,
    /// The whole frame without the time that it waited for the runtime.
    pub frame: Stage,
}

impl Stats {
    pub fn structure(&self) -> gst::Structure {
        let mut builder = gst::Structure::builder("maskcount-stats")
            .field("frames", self.frames)
            .field("frames-analysed", self.analysed)
            .field("frames-skipped", self.skipped)
            .field("faces", self.in_view)
            .field("passages", self.report.passages)
            .field("windows", self.report.windows)
            .field("withheld", self.report.withheld)
            .field("records-lost", self.report.lost);
        let stages = [
            ("sampling", &self.sampling),
            ("runtime", &self.runtime),
            ("decoding", &self.decoding),
            ("people", &self.people),
            ("frame-without-runtime", &self.frame),
        ];
        for (name, stage) in stages {
            builder = builder.field(format!("{name}-mean-us"), stage.mean());
            builder = builder.field(format!("{name}-p99-us"), stage.p99());
        }
        builder.build()
    }
}
