//! What is said of several cameras together.
//!
//! # Privacy
//!
//! A record with fewer persons than the strictest `min_persons` of its site and day (of all its cameras, whichever are
//! asked for) is not used alone: it is joined with the next ones of the same camera and day until they are enough, as
//! the plugin extends a window. What is left at the end of the day is withheld. Every figure is then a sum of such
//! groups, each of at least `min_persons`, and the groups are the same for every choice of cameras: no sum or difference
//! of figures gives away a smaller one. It does not go further than the records do: who reads the sidecar files reads
//! each record, and who writes down what is shown hour by hour can tell the late record of a camera from the rest.
//!
//! The rule of the day before holds on, so that the others' small figures do not go out until the strictest camera has
//! given its first record of the day. On the first day of a site there is none before.
//!
//! # Time
//!
//! Groups that overlap are one merged window over the common span. Each group is in one merged window of one day.
//!
//! # Share
//!
//! Records that rest on the same model quality and carry no noise are one sample: the share of the summed counts with
//! Wilson's interval, corrected as each record is. Otherwise each such sample, and each record with noise, has its own
//! share and interval, and they are put together weighted by the classified passages, the distances to the ends of the
//! intervals added in squares (Zou and Donner, 2008).

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::history::{Day, Site};
use crate::record::share::{Share, rounded, share};
use crate::record::{Counts, Quality, Window};

/// Counts and share as they are shown; the names are those of the record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    pub persons: u64,
    pub masked: u64,
    pub unmasked: u64,
    pub incorrect: u64,
    pub unknown: u64,
    pub masked_share: Option<f64>,
    pub share_low: Option<f64>,
    pub share_high: Option<f64>,
    pub withdrawn: u64,
}

/// One window of one or several cameras.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MergedWindow {
    #[serde(serialize_with = "instant")]
    pub start: i64,
    #[serde(serialize_with = "instant")]
    pub end: i64,
    #[serde(flatten)]
    pub figures: Figures,
    /// Part of the span that was looked at, over all cameras that gave a record on this day.
    pub coverage: f64,
    /// Each of these cameras looked through the whole span.
    pub complete: bool,
    /// The interval is wider than ten points to each side, or there is none.
    pub low_confidence: bool,
    /// How many cameras gave a record for this span.
    pub cameras: usize,
}

/// A stretch of the day without a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    #[serde(serialize_with = "instant")]
    pub start: i64,
    #[serde(serialize_with = "instant")]
    pub end: i64,
}

/// All windows of a day together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Total {
    #[serde(serialize_with = "instant")]
    pub since: i64,
    #[serde(serialize_with = "instant")]
    pub until: i64,
    #[serde(flatten)]
    pub figures: Figures,
}

/// What is said of the cameras of a site on one day.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MergedDay {
    pub windows: Vec<MergedWindow>,
    /// Between the first and the last window.
    pub gaps: Vec<Gap>,
    pub total: Option<Total>,
    /// How many windows are not said because too few had passed in them.
    pub withheld: usize,
    /// No figure is of fewer people.
    pub min_persons: u32,
}

/// Unix seconds as RFC 3339 in UTC.
pub fn instant<S: Serializer>(second: &i64, to: S) -> Result<S::Ok, S::Error> {
    let time = jiff::Timestamp::from_second(*second).map_err(serde::ser::Error::custom)?;
    to.collect_str(&time)
}

/// Successive records of one camera, together at least `min_persons`.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    pub camera: &'a str,
    pub windows: &'a [Window],
}

impl Group<'_> {
    fn start(&self) -> i64 {
        self.windows[0].start
    }

    fn end(&self) -> i64 {
        self.windows.iter().map(|w| w.end).max().unwrap_or(i64::MIN)
    }
}

/// A day of a site with the rule that holds on it.
#[derive(Clone, Copy, Debug)]
pub struct RuledDay<'a> {
    pub day: &'a Day,
    /// No figure is of fewer people.
    pub min_persons: u32,
}

/// A day of a site, under the strictest `min_persons` of that day and of the one with records before it.
pub fn ruled(site: &Site, date: Date) -> Option<RuledDay<'_>> {
    let day = site.day(date)?;
    let min_persons = site.days_to(date).rev().take(2).flat_map(|(_, day)| day.values().flatten());
    Some(RuledDay { day, min_persons: min_persons.map(|w| w.min_persons).max().unwrap_or(0) })
}

/// All days of a site, in order.
pub fn all_ruled(site: &Site) -> Vec<RuledDay<'_>> {
    site.days().filter_map(|(date, _)| ruled(site, date)).collect()
}

/// The groups of one camera, and whether something is withheld at the end of the day.
pub fn groups<'a>(camera: &'a str, windows: &'a [Window], min_persons: u32) -> (Vec<Group<'a>>, bool) {
    let (mut groups, mut first, mut persons) = (Vec::new(), 0, 0);
    for (i, window) in windows.iter().enumerate() {
        persons += window.counts.persons();
        if persons >= u64::from(min_persons) {
            groups.push(Group { camera, windows: &windows[first..=i] });
            (first, persons) = (i + 1, 0);
        }
    }
    (groups, first < windows.len())
}

/// What a camera has counted in all these days, as far as it may be said, and in how many groups. Only ever grows, unless
/// a record is mended, one comes late and groups its neighbours anew, `min_persons` is raised, or on the first day of a
/// site a stricter camera gives its first record.
pub fn counted(days: &[RuledDay], camera: &str) -> (Counts, u64) {
    let mut number = 0;
    let counts = days.iter().filter_map(|of| Some((of.min_persons, of.day.get(camera)?))).map(|(least, windows)| {
        let (groups, _) = groups(camera, windows, least);
        number += groups.len() as u64;
        groups.iter().flat_map(|g| g.windows).map(|w| w.counts).sum()
    });
    (counts.sum(), number)
}

/// The groups of the wanted cameras of a day, sorted by start.
struct Wanted<'a> {
    groups: Vec<Group<'a>>,
    withheld: usize,
    /// How many of the cameras gave a record.
    cameras: usize,
}

impl<'a> Wanted<'a> {
    fn new(RuledDay { day, min_persons }: RuledDay<'a>, wanted: impl Fn(&str) -> bool) -> Wanted<'a> {
        let mut all = Wanted { groups: Vec::new(), withheld: 0, cameras: 0 };
        for (camera, windows) in day.iter().filter(|(camera, windows)| wanted(camera) && !windows.is_empty()) {
            let (groups, rest) = groups(camera, windows, min_persons);
            all.groups.extend(groups);
            all.withheld += usize::from(rest);
            all.cameras += 1;
        }
        all.groups.sort_by_key(|group| (group.start(), group.end()));
        all
    }
}

/// Merges the cameras of a day; `wanted` says which.
pub fn merge(day: RuledDay, wanted: impl Fn(&str) -> bool) -> MergedDay {
    let Wanted { groups, withheld, cameras } = Wanted::new(day, wanted);
    let windows: Vec<MergedWindow> = overlapping(&groups).map(|together| merged(together, cameras)).collect();
    let gaps = windows.windows(2).filter(|pair| pair[0].end < pair[1].start);
    let gaps = gaps.map(|pair| Gap { start: pair[0].end, end: pair[1].start }).collect();
    MergedDay { windows, gaps, total: total_of(&groups), withheld, min_persons: day.min_persons }
}

/// What the wanted cameras have counted in several days together, in the order of the days.
pub fn total<'a>(days: impl Iterator<Item = RuledDay<'a>>, wanted: impl Fn(&str) -> bool) -> Option<Total> {
    let groups: Vec<Group> = days.flat_map(|day| Wanted::new(day, &wanted).groups).collect();
    total_of(&groups)
}

fn total_of(groups: &[Group]) -> Option<Total> {
    Some(Total {
        since: groups.first()?.start(),
        until: groups.iter().map(Group::end).max()?,
        figures: figures(groups.iter().flat_map(|g| g.windows)).0,
    })
}

/// Cuts groups, sorted by start, where none reaches over.
fn overlapping<'a, 'b>(groups: &'b [Group<'a>]) -> impl Iterator<Item = &'b [Group<'a>]> {
    let mut end = i64::MIN;
    groups.chunk_by(move |a, b| {
        end = end.max(a.end());
        b.start() < end
    })
}

/// One merged window of groups that overlap; `expected` cameras gave a record on this day.
fn merged(groups: &[Group], expected: usize) -> MergedWindow {
    let start = groups[0].start();
    let end = groups.iter().map(Group::end).max().unwrap_or(start);
    let span = (end - start) as f64;
    let windows = || groups.iter().flat_map(|g| g.windows);
    let mut cameras: Vec<&str> = groups.iter().map(|g| g.camera).collect();
    cameras.sort_unstable();
    cameras.dedup();
    let looked: f64 = windows().map(|w| w.coverage * w.length() as f64).sum();
    let through = |camera: &&str| {
        let own: Vec<&Window> = groups.iter().filter(|g| g.camera == *camera).flat_map(|g| g.windows).collect();
        own.iter().all(|w| w.complete) && covered(&own) == end - start
    };
    let complete = cameras.len() == expected && cameras.iter().all(through);
    let (figures, share) = figures(windows());
    MergedWindow {
        start,
        end,
        figures,
        coverage: rounded((looked / (span * expected as f64)).min(1.0)),
        complete,
        low_confidence: share.is_none_or(|s| s.is_low_confidence()),
        cameras: cameras.len(),
    }
}

/// How many seconds lie in at least one of the windows, which are sorted by start.
fn covered(windows: &[&Window]) -> i64 {
    let (mut seconds, mut end) = (0, i64::MIN);
    for window in windows {
        seconds += (window.end - window.start.max(end)).max(0);
        end = end.max(window.end);
    }
    seconds
}

/// Sums and share of windows that have no passage in common.
pub fn figures<'a>(windows: impl Iterator<Item = &'a Window> + Clone) -> (Figures, Option<Share>) {
    let counts: Counts = windows.clone().map(|w| w.counts).sum();
    let share = share_of(windows);
    let figures = Figures {
        persons: counts.persons(),
        masked: counts.masked,
        unmasked: counts.unmasked,
        incorrect: counts.incorrect,
        unknown: counts.unknown,
        masked_share: share.map(|s| rounded(s.best)),
        share_low: share.map(|s| rounded(s.low)),
        share_high: share.map(|s| rounded(s.high)),
        withdrawn: counts.withdrawn,
    };
    (figures, share)
}

/// Passages that share and interval can be worked out of at once.
struct Sample {
    masked: u64,
    classified: u64,
    epsilon: f64,
    quality: Option<Quality>,
}

fn share_of<'a>(windows: impl Iterator<Item = &'a Window>) -> Option<Share> {
    let mut samples: Vec<Sample> = Vec::new();
    for w in windows {
        let (masked, classified) = (w.counts.masked, w.counts.classified());
        match samples.iter_mut().find(|s| w.epsilon == 0.0 && s.epsilon == 0.0 && s.quality == w.quality) {
            Some(sample) => {
                sample.masked += masked;
                sample.classified += classified;
            }
            None => samples.push(Sample { masked, classified, epsilon: w.epsilon, quality: w.quality }),
        }
    }
    let all: u64 = samples.iter().map(|s| s.classified).sum();
    let shares: Vec<(f64, Share)> = samples
        .iter()
        .filter_map(|s| {
            let share = share(s.masked, s.classified, s.epsilon, s.quality)?;
            Some((s.classified as f64 / all as f64, share))
        })
        .collect();
    match shares.as_slice() {
        [] => None,
        [(_, share)] => Some(*share),
        _ => {
            let mean = |of: fn(&Share) -> f64| shares.iter().map(|(weight, s)| weight * of(s)).sum::<f64>();
            let distance = |of: fn(&Share) -> f64| {
                shares.iter().map(|(weight, s)| (weight * (of(s) - s.best)).powi(2)).sum::<f64>().sqrt()
            };
            let best = mean(|s| s.best).clamp(0.0, 1.0);
            let (low, high) = (distance(|s| s.low), distance(|s| s.high));
            Some(Share { raw: mean(|s| s.raw), best, low: (best - low).max(0.0), high: (best + high).min(1.0) })
        }
    }
}
