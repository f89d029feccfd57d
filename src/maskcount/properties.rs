//! The properties: what each is called, means, defaults to and allows. Defaults stand here and nowhere else.

use std::sync::LazyLock;

use gst::glib;
use gst::glib::value::FromValue;
use gst::prelude::*;
use jiff::Timestamp;

use super::{ExecutionProvider, IncorrectIs};
use crate::detect::Label;
use crate::detect::manifest::Manifest;
use crate::people;
use crate::people::place::{Line, PlaceError, Polygon, polygons};

#[derive(Clone, Debug)]
pub struct Settings {
    pub model: Option<String>,
    /// `None`: the better one for the CPU at hand.
    pub variant: Option<String>,
    pub input_size: Option<String>,
    pub interval: u32,
    pub max_fps: gst::Fraction,
    pub asynchronous: bool,
    /// `None`: the manifest's.
    pub threshold: Option<f64>,
    pub threads: u32,
    pub execution_provider: ExecutionProvider,
    pub runtime: Option<String>,
    pub min_face: u32,
    pub zone: Option<(String, Polygon)>,
    pub exclude: Option<(String, Vec<Polygon>)>,
    pub line: Option<(String, Line)>,
    pub paused: bool,
    pub opt_out: bool,
    pub incorrect_is: IncorrectIs,
    pub post_messages: bool,
    pub post_live: bool,
    pub start_time: Option<(String, Timestamp)>,
    pub report: crate::report::Settings,
    /// Texts that were refused, by property, and why: nothing starts while there are any, since a place or time that is
    /// left out in silence shows what was to be covered.
    refused: Vec<(String, String)>,
    /// Counts up with every change that the streaming thread must take over.
    pub revision: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            model: None,
            variant: None,
            input_size: None,
            interval: 1,
            max_fps: gst::Fraction::new(0, 1),
            asynchronous: false,
            threshold: None,
            threads: 1,
            execution_provider: ExecutionProvider::Cpu,
            runtime: None,
            min_face: 0,
            zone: None,
            exclude: None,
            line: None,
            paused: false,
            opt_out: true,
            incorrect_is: IncorrectIs::NoMask,
            post_messages: true,
            post_live: false,
            start_time: None,
            report: crate::report::Settings::default(),
            refused: Vec::new(),
            revision: 0,
        }
    }
}

/// What `threshold` reads as while it is the manifest's.
const THRESHOLD_OF_MANIFEST: f64 = -1.0;

impl Settings {
    /// Takes the value of a property. The error says why a text is refused; the old value stays then. Where nothing
    /// runs on the old value (`stopped`), [`Settings::refused`] tells of it until there is a good one.
    pub fn set(&mut self, name: &str, value: &glib::Value, stopped: bool) -> Result<(), String> {
        self.refused.retain(|(property, _)| property != name);
        let taken = self.take(name, value);
        if let Err(why) = &taken
            && stopped
        {
            self.refused.push((name.to_owned(), why.clone()));
        }
        taken
    }

    /// Property and reason of a text that was refused and not mended since.
    pub fn refused(&self) -> Option<(&str, &str)> {
        self.refused.first().map(|(name, why)| (name.as_str(), why.as_str()))
    }

    fn take(&mut self, name: &str, value: &glib::Value) -> Result<(), String> {
        fn of<'a, T: FromValue<'a>>(value: &'a glib::Value) -> T {
            value.get().expect("GObject has checked the type")
        }
        fn place<T>(
            value: &glib::Value,
            read: impl Fn(&str) -> Result<T, PlaceError>,
        ) -> Result<Option<(String, T)>, String> {
            match of::<Option<String>>(value).filter(|t| !t.trim().is_empty()) {
                None => Ok(None),
                Some(text) => read(&text).map(|place| Some((text, place))).map_err(|e| e.to_string()),
            }
        }
        match name {
            "model" => self.model = of(value),
            "variant" => self.variant = of(value),
            "input-size" => self.input_size = of(value),
            "interval" => self.interval = of(value),
            "max-fps" => self.max_fps = of(value),
            "async" => self.asynchronous = of(value),
            "threshold" => self.threshold = Some(of::<f64>(value)).filter(|t| *t >= 0.0),
            "threads" => self.threads = of(value),
            "execution-provider" => self.execution_provider = of(value),
            "runtime" => self.runtime = of(value),
            "min-face" => self.min_face = of(value),
            "zone" => self.zone = place(value, str::parse)?,
            "exclude" => self.exclude = place(value, polygons)?,
            "line" => self.line = place(value, str::parse)?,
            "paused" => self.paused = of(value),
            "opt-out" => self.opt_out = of(value),
            "incorrect-is" => self.incorrect_is = of(value),
            "window" => self.report.window = of(value),
            "min-persons" => self.report.min_persons = of(value),
            "epsilon" => self.report.epsilon = of(value),
            "camera" => self.report.camera = of::<Option<String>>(value).unwrap_or_default(),
            "site" => self.report.site = of::<Option<String>>(value).unwrap_or_default(),
            "location" => self.report.location = of(value),
            "max-files" => self.report.max_files = of(value),
            "post-messages" => self.post_messages = of(value),
            "post-live" => self.post_live = of(value),
            "start-time" => {
                self.start_time = match of::<Option<String>>(value) {
                    None => None,
                    Some(text) => match text.parse() {
                        Ok(time) => Some((text, time)),
                        Err(error) => return Err(format!("{error}; give a time in UTC, e.g. 2026-04-26T08:00:00Z")),
                    },
                }
            }
            name => unimplemented!("property {name}"),
        }
        self.revision += 1;
        Ok(())
    }

    /// What the people room needs of them.
    pub fn people(&self, manifest: &Manifest) -> people::Settings {
        people::Settings {
            threshold: self.threshold.unwrap_or(manifest.threshold) as f32,
            min_face: self.min_face,
            opt_out: self.opt_out,
            zone: self.zone.as_ref().map(|(_, zone)| zone.clone()),
            exclude: self.exclude.as_ref().map(|(_, areas)| areas.clone()).unwrap_or_default(),
            line: self.line.as_ref().map(|(_, line)| *line),
            incorrect_is: match self.incorrect_is {
                IncorrectIs::NoMask => Some(Label::NoMask),
                IncorrectIs::Mask => Some(Label::Mask),
                IncorrectIs::Separate => None,
            },
        }
    }

    /// The value of a property; `stats` is the element's.
    pub fn get(&self, name: &str) -> glib::Value {
        fn text<T>(place: &Option<(String, T)>) -> glib::Value {
            place.as_ref().map(|(text, _)| text).to_value()
        }
        match name {
            "model" => self.model.to_value(),
            "variant" => self.variant.to_value(),
            "input-size" => self.input_size.to_value(),
            "interval" => self.interval.to_value(),
            "max-fps" => self.max_fps.to_value(),
            "async" => self.asynchronous.to_value(),
            "threshold" => self.threshold.unwrap_or(THRESHOLD_OF_MANIFEST).to_value(),
            "threads" => self.threads.to_value(),
            "execution-provider" => self.execution_provider.to_value(),
            "runtime" => self.runtime.to_value(),
            "min-face" => self.min_face.to_value(),
            "zone" => text(&self.zone),
            "exclude" => text(&self.exclude),
            "line" => text(&self.line),
            "paused" => self.paused.to_value(),
            "opt-out" => self.opt_out.to_value(),
            "incorrect-is" => self.incorrect_is.to_value(),
            "window" => self.report.window.to_value(),
            "min-persons" => self.report.min_persons.to_value(),
            "epsilon" => self.report.epsilon.to_value(),
            "camera" => self.report.camera.to_value(),
            "site" => self.report.site.to_value(),
            "location" => self.report.location.to_value(),
            "max-files" => self.report.max_files.to_value(),
            "post-messages" => self.post_messages.to_value(),
            "post-live" => self.post_live.to_value(),
            "start-time" => text(&self.start_time),
            name => unimplemented!("property {name}"),
        }
    }
}

fn text(name: &str, nick: &str, blurb: &str, ready: bool) -> glib::ParamSpec {
    let spec = glib::ParamSpecString::builder(name).nick(nick).blurb(blurb);
    if ready { spec.mutable_ready().build() } else { spec.mutable_playing().build() }
}

fn flag(name: &str, nick: &str, blurb: &str, default: bool) -> glib::ParamSpec {
    glib::ParamSpecBoolean::builder(name).nick(nick).blurb(blurb).default_value(default).mutable_playing().build()
}

fn number(name: &str, nick: &str, blurb: &str, (min, default, max): (u32, u32, u32), ready: bool) -> glib::ParamSpec {
    let spec = glib::ParamSpecUInt::builder(name).nick(nick).blurb(blurb);
    let spec = spec.minimum(min).maximum(max).default_value(default);
    if ready { spec.mutable_ready().build() } else { spec.mutable_playing().build() }
}

pub fn specs() -> &'static [glib::ParamSpec] {
    static SPECS: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let d = Settings::default();
        vec![
            text("model", "Model", "Path of a model's manifest (*.json beside its .onnx); null: the one built in", true),
            text(
                "variant",
                "Variant",
                "Which of the model's networks: fp32, or a name under `variants` in its manifest; null: int8 where the CPU has \
                 instructions for it, else fp32",
                true,
            ),
            text(
                "input-size",
                "Input size",
                "WxH of the model's input, multiples of 32, where the manifest allows another; null: as many cells as the \
                 manifest's, in the shape of the picture",
                true,
            ),
            number("interval", "Interval", "Look at every n-th frame", (1, d.interval, 1000), false),
            gst::ParamSpecFraction::builder("max-fps")
                .nick("Maximum looks per second")
                .blurb("Look at most this often a second, by buffer time, as a fraction: 10 or 15/2; 0/1: no limit")
                .minimum(gst::Fraction::new(0, 1))
                .maximum(gst::Fraction::new(1000, 1))
                .default_value(d.max_fps)
                .mutable_playing()
                .build(),
            glib::ParamSpecBoolean::builder("async")
                .nick("Asynchronous")
                .blurb(
                    "The runtime works on its own thread and no frame waits for it; boxes of the newest look are predicted \
                     to each frame's time, and what else has changed in the picture since is covered by facepixelate",
                )
                .default_value(d.asynchronous)
                .mutable_ready()
                .build(),
            glib::ParamSpecDouble::builder("threshold")
                .nick("Threshold")
                .blurb("Least score of a face that counts, 0 to 1; below 0: the manifest's. Covered are faces from a fifth of it on, of the \
                     manifest's where that is lower")
                .minimum(THRESHOLD_OF_MANIFEST)
                .maximum(1.0)
                .default_value(THRESHOLD_OF_MANIFEST)
                .mutable_playing()
                .build(),
            number("threads", "Threads", "Threads of the runtime within an operator; 0: one per core", (0, d.threads, 256), true),
            glib::ParamSpecEnum::builder_with_default("execution-provider", d.execution_provider)
                .nick("Execution provider")
                .blurb("What computes the network; one that the loaded runtime does not offer is an error that names those it does")
                .mutable_ready()
                .build(),
            text(
                "runtime",
                "Runtime",
                "Path of libonnxruntime.so; null: ORT_DYLIB_PATH, then beside the plugin, then the system's",
                true,
            ),
            number("min-face", "Least face", "Faces less high than this many pixels are covered but not counted", (0, d.min_face, 10_000), false),
            text("zone", "Zone", "Polygon in per-mille of the frame, `x,y x,y x,y …`: only passages inside count", false),
            text(
                "exclude",
                "Exclude",
                "Polygons in per-mille of the frame, separated by semicolons: nobody in them is followed or counted, and their bounds are always covered",
                false,
            ),
            text("line", "Line", "`x,y x,y` in per-mille of the frame: count at the crossing of this line, in either direction, instead of once a face has been followed for half a second; with a zone, draw it inside of it", false),
            flag("paused", "Paused", "Stop the analysis at once; facepixelate covers such frames whole", d.paused),
            number("window", "Window", "Length of a window in seconds, aligned to the wall clock in UTC", (1, d.report.window, 86_400), true),
            number(
                "min-persons",
                "Least persons",
                "A window with fewer passages is not given out but extended by the next one",
                (0, d.report.min_persons, 1_000_000),
                true,
            ),
            glib::ParamSpecDouble::builder("epsilon")
                .nick("Epsilon")
                .blurb("Differential privacy of the counts in a record, per passage, 0.001 to 100; 0: off. Whether there is a record rests on the exact \
                     number, unless min-persons is 0")
                .minimum(0.0)
                .maximum(100.0)
                .default_value(d.report.epsilon)
                .mutable_ready()
                .build(),
            flag(
                "opt-out",
                "Opt out",
                "Leave who shakes the head at the camera out of the counts (needs 7.5 looks a second and faces of 40 pixels)",
                d.opt_out,
            ),
            glib::ParamSpecEnum::builder_with_default("incorrect-is", d.incorrect_is)
                .nick("Incorrect is")
                .blurb("What a mask under the nose counts as")
                .mutable_playing()
                .build(),
            text("camera", "Camera", "Name of the camera in the record", true),
            text("site", "Site", "Name of the site in the record", true),
            text(
                "location",
                "Location",
                "Path of the sidecar files, the name a strftime pattern of the window's start in UTC, e.g. stats/door-%Y%m%dT%H%M%SZ.json (the \
                 dashboard reads *.json); null: none are written",
                true,
            ),
            number("max-files", "Most files", "Remove the oldest sidecar files beyond this number; 0: keep all", (0, d.report.max_files, u32::MAX), false),
            flag("post-messages", "Post messages", "Post each record on the bus", d.post_messages),
            flag("post-live", "Post live", "Post at most once a second how many faces of each state are in view", d.post_live),
            text(
                "start-time",
                "Start time",
                "UTC time of the first buffer, for recorded files, e.g. 2026-04-26T08:00:00Z; null: the sender's time where buffers carry it \
                 (rtspsrc add-reference-timestamp-meta=true), else the wall clock",
                true,
            ),
            glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb("Totals since start: frames, frames-analysed, frames-skipped (due, but not looked at), faces (followed, in view now: an exact number that no privacy rule touches), passages and \
                     windows (given out), withheld (too few passed yet), records-lost, and mean and 99th percentile of each stage in µs")
                .read_only()
                .build(),
        ]
    });
    &SPECS
}
