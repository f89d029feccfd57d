//! Metrics as Prometheus reads them.
//!
//! They are worked out of the history each time, so that a restart does not set a counter back. They say what the page
//! says: of a camera its groups, of a site its merged windows (see [`merge`](crate::merge)).

use std::fmt::Write as _;
use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use jiff::civil::Date;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::history::{History, Site};
use crate::merge::{self, Figures, RuledDay, all_ruled, counted, merge};

type Number = Gauge<f64, AtomicU64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCamera {
    site: String,
    camera: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    site: String,
    camera: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSite {
    site: String,
}

/// Persons, share and interval of one window or day.
struct Shown<L> {
    persons: Family<L, Number>,
    share: Family<L, Number>,
    low: Family<L, Number>,
    high: Family<L, Number>,
}

impl<L> Shown<L>
where
    L: Clone + std::hash::Hash + Eq + EncodeLabelSet + std::fmt::Debug + Send + Sync + 'static,
{
    fn new(registry: &mut Registry, name: &str, of: &str) -> Shown<L> {
        let mut gauge = |what: &str, help: &str| {
            let family = Family::<L, Number>::default();
            registry.register(format!("{name}_{what}"), format!("{help} {of}"), family.clone());
            family
        };
        Shown {
            persons: gauge("persons", "Passages in"),
            share: gauge("masked_share", "Share of masked among the classified passages in"),
            low: gauge("masked_share_low", "Lower end of the 95 % interval of the share in"),
            high: gauge("masked_share_high", "Upper end of the 95 % interval of the share in"),
        }
    }

    fn set(&self, labels: &L, figures: &Figures) {
        self.persons.get_or_create(labels).set(figures.persons as f64);
        for (family, value) in
            [(&self.share, figures.masked_share), (&self.low, figures.share_low), (&self.high, figures.share_high)]
        {
            // Without a classified passage there is no share; a gauge that is not there says so.
            if let Some(value) = value {
                family.get_or_create(labels).set(value);
            }
        }
    }
}

struct Metrics {
    passages: Family<OfState, Counter>,
    withdrawn: Family<OfCamera, Counter>,
    windows: Family<OfCamera, Counter>,
    camera_window: Shown<OfCamera>,
    camera_end: Family<OfCamera, Number>,
    camera_coverage: Family<OfCamera, Number>,
    site_window: Shown<OfSite>,
    site_end: Family<OfSite, Number>,
    site_day: Shown<OfSite>,
}

impl Metrics {
    fn new(registry: &mut Registry) -> Metrics {
        let (passages, withdrawn, windows) = (Family::default(), Family::default(), Family::default());
        registry.register("passages", "Passages by state of the mask", Family::clone(&passages));
        registry.register(
            "withdrawn",
            "People who shook the head and are in no other count",
            Family::clone(&withdrawn),
        );
        registry.register("windows", "Windows that were given out", Family::clone(&windows));
        let camera_window = Shown::new(registry, "window", "the last window of a camera");
        let (camera_end, camera_coverage, site_end) = (Family::default(), Family::default(), Family::default());
        registry.register(
            "window_end_timestamp_seconds",
            "End of the last window of a camera",
            Family::clone(&camera_end),
        );
        registry.register(
            "window_coverage",
            "Part of the last window that was looked at",
            Family::clone(&camera_coverage),
        );
        let site_window = Shown::new(registry, "site_window", "the last window of all cameras of a site");
        registry.register(
            "site_window_end_timestamp_seconds",
            "End of the last window of a site",
            Family::clone(&site_end),
        );
        let site_day = Shown::new(registry, "site_day", "the last day of a site that has records");
        Metrics {
            passages,
            withdrawn,
            windows,
            camera_window,
            camera_end,
            camera_coverage,
            site_window,
            site_end,
            site_day,
        }
    }

    /// Adds a site; what is said of the last day is of none after `latest`.
    fn add(&self, name: &str, site: &Site, latest: Date) {
        let days = all_ruled(site);
        let believed = &days[..site.days_to(latest).count()];
        for camera in site.cameras() {
            self.add_camera(name, camera, &days, believed);
        }
        let Some(day) = believed.last().copied() else { return };
        let (merged, labels) = (merge(day, |_| true), OfSite { site: name.to_owned() });
        if let (Some(window), Some(total)) = (merged.windows.last(), &merged.total) {
            self.site_window.set(&labels, &window.figures);
            self.site_end.get_or_create(&labels).set(window.end as f64);
            self.site_day.set(&labels, &total.figures);
        }
    }

    fn add_camera(&self, name: &str, camera: &str, days: &[RuledDay], believed: &[RuledDay]) {
        let labels = OfCamera { site: name.to_owned(), camera: camera.to_owned() };
        let (counts, windows) = counted(days, camera);
        let states = [
            ("masked", counts.masked),
            ("unmasked", counts.unmasked),
            ("incorrect", counts.incorrect),
            ("unknown", counts.unknown),
        ];
        for (state, count) in states {
            let labels = OfState { site: name.to_owned(), camera: camera.to_owned(), state };
            self.passages.get_or_create(&labels).inc_by(count);
        }
        self.withdrawn.get_or_create(&labels).inc_by(counts.withdrawn);
        self.windows.get_or_create(&labels).inc_by(windows);
        let last = believed.iter().rev().find_map(|of| {
            let windows = of.day.get(camera)?;
            let (groups, _) = merge::groups(camera, windows, of.min_persons);
            groups.last().copied()
        });
        if let Some(group) = last {
            let (figures, _) = merge::figures(group.windows.iter());
            self.camera_window.set(&labels, &figures);
            let length: i64 = group.windows.iter().map(|w| w.length()).sum();
            let looked: f64 = group.windows.iter().map(|w| w.coverage * w.length() as f64).sum();
            self.camera_coverage.get_or_create(&labels).set(looked / length as f64);
            let end = group.windows.iter().map(|w| w.end).max().unwrap_or(0);
            self.camera_end.get_or_create(&labels).set(end as f64);
        }
    }
}

/// The metrics in the OpenMetrics format.
pub fn open_metrics(history: &History) -> String {
    let mut registry = Registry::with_prefix("maskcount");
    registry.register(
        "dashboard",
        "The program behind these metrics",
        Info::new([("version", env!("CARGO_PKG_VERSION"))]),
    );
    let metrics = Metrics::new(&mut registry);
    let latest = history.tomorrow(Timestamp::now());
    for (name, site) in history.sites() {
        metrics.add(name, site, latest);
    }
    let mut text = String::new();
    encode(&mut text, &registry).expect("a string takes all");
    text
}

/// The same in the older text format that the node exporter reads: there a counter is declared by its full name.
pub fn text_format(history: &History) -> String {
    let open = open_metrics(history);
    let mut text = String::new();
    let ending = |name: &str| {
        let of = |kind: &str| open.contains(&format!("# TYPE {name} {kind}\n"));
        if of("counter") {
            "_total"
        } else if of("info") {
            "_info"
        } else {
            ""
        }
    };
    for line in open.lines().filter(|line| *line != "# EOF") {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(word @ ("HELP" | "TYPE")), Some(name), Some(rest)) => {
                let rest = if rest == "info" { "gauge" } else { rest };
                writeln!(text, "# {word} {name}{} {rest}", ending(name))
            }
            _ => writeln!(text, "{line}"),
        }
        .expect("a string takes all");
    }
    text
}
