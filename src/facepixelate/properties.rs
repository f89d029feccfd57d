//! The properties: what each is called, means, defaults to and allows. Defaults stand here and nowhere else.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

use super::{Mode, OnMissing, Scope};
use crate::mosaic::MAX_CELLS;

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub scope: Scope,
    pub mode: Mode,
    pub cells: u32,
    pub margin: f64,
    pub hold: gst::ClockTime,
    pub max_age: gst::ClockTime,
    pub on_missing: OnMissing,
    pub keep_meta: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            scope: Scope::Faces,
            mode: Mode::Mosaic,
            cells: 5,
            margin: 0.25,
            hold: gst::ClockTime::from_mseconds(500),
            max_age: gst::ClockTime::from_mseconds(500),
            on_missing: OnMissing::Frame,
            keep_meta: false,
        }
    }
}

impl Settings {
    /// Takes the value of a property; GObject has checked type and range.
    pub fn set(&mut self, name: &str, value: &glib::Value) {
        match name {
            "scope" => self.scope = value.get().expect("a scope"),
            "mode" => self.mode = value.get().expect("a mode"),
            "cells" => self.cells = value.get().expect("a uint"),
            "margin" => self.margin = value.get().expect("a double"),
            "hold" => self.hold = time(value),
            "max-age" => self.max_age = time(value),
            "on-missing" => self.on_missing = value.get().expect("an on-missing"),
            "keep-meta" => self.keep_meta = value.get().expect("a boolean"),
            name => unimplemented!("property {name}"),
        }
    }

    /// The value of a property; `stats` is the element's.
    pub fn get(&self, name: &str) -> glib::Value {
        match name {
            "scope" => self.scope.to_value(),
            "mode" => self.mode.to_value(),
            "cells" => self.cells.to_value(),
            "margin" => self.margin.to_value(),
            "hold" => self.hold.nseconds().to_value(),
            "max-age" => self.max_age.nseconds().to_value(),
            "on-missing" => self.on_missing.to_value(),
            "keep-meta" => self.keep_meta.to_value(),
            name => unimplemented!("property {name}"),
        }
    }
}

/// Nanoseconds; the largest number is no time in GStreamer, the one below it is 584 years.
fn time(value: &glib::Value) -> gst::ClockTime {
    let nseconds: u64 = value.get().expect("a uint64");
    gst::ClockTime::from_nseconds(nseconds.min(u64::MAX - 1))
}

pub fn specs() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let defaults = Settings::default();
        vec![
            glib::ParamSpecEnum::builder_with_default("scope", defaults.scope)
                .nick("Scope")
                .blurb("What is covered: the faces, or always the whole frame")
                .mutable_playing()
                .build(),
            glib::ParamSpecEnum::builder_with_default("mode", defaults.mode)
                .nick("Mode")
                .blurb("What a covered part shows: a mosaic, or black (solid)")
                .mutable_playing()
                .build(),
            glib::ParamSpecUInt::builder("cells")
                .nick("Cells")
                .blurb(
                    "Mosaic cells across the longer side of a face, or of the frame where it is covered whole; \
                     from about 8 on, a face may be known again by those who know it",
                )
                .minimum(1)
                .maximum(MAX_CELLS)
                .default_value(defaults.cells)
                .mutable_playing()
                .build(),
            glib::ParamSpecDouble::builder("margin")
                .nick("Margin")
                .blurb(
                    "Growth of each box on each side, as a fraction of its size; \
                     2 per second since the look that the box rests on come on top",
                )
                .minimum(0.0)
                .maximum(4.0)
                .default_value(defaults.margin)
                .mutable_playing()
                .build(),
            glib::ParamSpecUInt64::builder("hold")
                .nick("Hold")
                .blurb("How long a face that is no longer found stays covered, in nanoseconds of buffer time")
                .default_value(defaults.hold.nseconds())
                .mutable_playing()
                .build(),
            glib::ParamSpecUInt64::builder("max-age")
                .nick("Maximum age")
                .blurb("The whole frame is covered where its boxes rest on a look older than this, in nanoseconds")
                .default_value(defaults.max_age.nseconds())
                .mutable_playing()
                .build(),
            glib::ParamSpecEnum::builder_with_default("on-missing", defaults.on_missing)
                .nick("On missing")
                .blurb("What becomes of a frame that maskcount did not handle; pass lets it go on uncovered")
                .mutable_playing()
                .build(),
            glib::ParamSpecBoolean::builder("keep-meta")
                .nick("Keep metadata")
                .blurb("Leave the metadata that says where the faces were on the covered frame")
                .default_value(defaults.keep_meta)
                .mutable_playing()
                .build(),
            glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb("Totals since start: frames, faces-covered (boxes, excluded areas among them), faces-held (those of them that rest on an \
                     earlier frame), frames-covered-whole, frames-missing (without a look, or one that does not fit), frames-stale (older \
                     than max-age, paused, or before the first look), frames-passed (on-missing=pass), errors, and cover-time (ns)")
                .read_only()
                .build(),
        ]
    });
    &PROPERTIES
}
