//! All records that are known, by site, civil day and camera.
//!
//! A record belongs to the day in which its window starts, whole, also when the window goes on past midnight: so no
//! passage is counted on two days.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::record::Window;

/// The windows of each camera on one day, by start.
pub type Day = BTreeMap<String, Vec<Window>>;

/// The days of one site.
#[derive(Debug, Default)]
pub struct Site {
    days: BTreeMap<Date, Day>,
}

/// The records of all sites.
#[derive(Debug)]
pub struct History {
    zone: TimeZone,
    sites: BTreeMap<String, Site>,
    /// Place of the newest record of the store that is in here.
    newest: i64,
}

impl Site {
    pub fn day(&self, date: Date) -> Option<&Day> {
        self.days.get(&date)
    }

    /// The days that have records, in order.
    pub fn days(&self) -> impl DoubleEndedIterator<Item = (Date, &Day)> {
        self.days.iter().map(|(date, day)| (*date, day))
    }

    /// The days up to that one that have records, in order.
    pub fn days_to(&self, last: Date) -> impl DoubleEndedIterator<Item = (Date, &Day)> {
        self.days.range(..=last).map(|(date, day)| (*date, day))
    }

    /// The days of one month that have records.
    pub fn days_of(&self, month: Date) -> impl Iterator<Item = Date> {
        self.days.range(month.first_of_month()..=month.last_of_month()).map(|(date, _)| *date)
    }

    /// Every camera that ever gave a record.
    pub fn cameras(&self) -> Vec<&str> {
        let mut cameras: Vec<&str> = self.days.values().flat_map(Day::keys).map(String::as_str).collect();
        cameras.sort_unstable();
        cameras.dedup();
        cameras
    }
}

impl History {
    pub fn new(zone: TimeZone) -> History {
        History { zone, sites: BTreeMap::new(), newest: 0 }
    }

    /// The time zone whose civil days the records are sorted into.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The last day that a record can be of. An older store may hold later ones, of a camera whose clock was wrong.
    pub fn tomorrow(&self, now: Timestamp) -> Date {
        self.zone.to_datetime(now).date().saturating_add(1.day())
    }

    /// Place of the newest record of the store that is in here.
    pub fn newest(&self) -> i64 {
        self.newest
    }

    /// All records of the store up to that place are in here now.
    pub fn reach(&mut self, place: i64) {
        self.newest = place;
    }

    pub fn sites(&self) -> impl Iterator<Item = (&str, &Site)> {
        self.sites.iter().map(|(name, site)| (name.as_str(), site))
    }

    pub fn site(&self, name: &str) -> Option<&Site> {
        self.sites.get(name)
    }

    /// The day that a window belongs to.
    pub fn date_of(&self, window: &Window) -> Date {
        let start = Timestamp::from_second(window.start).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(start).date()
    }

    /// First second of a day and first second after it, Unix time.
    pub fn bounds(&self, date: Date) -> (i64, i64) {
        let start = |date: Date| {
            let midnight = self.zone.to_timestamp(date.to_datetime(Time::midnight()));
            midnight.unwrap_or(Timestamp::UNIX_EPOCH).as_second()
        };
        (start(date), start(date.saturating_add(1.day())))
    }

    /// Adds a record; returns the day that it belongs to.
    pub fn insert(&mut self, site: &str, camera: &str, window: Window) -> Date {
        let date = self.date_of(&window);
        if !self.sites.contains_key(site) {
            self.sites.insert(site.to_owned(), Site::default());
        }
        let day = self.sites.get_mut(site).expect("it was just put there").days.entry(date).or_default();
        let windows = day.entry(camera.to_owned()).or_default();
        let place = windows.partition_point(|w| order(w) <= order(&window));
        windows.insert(place, window);
        date
    }

    /// Takes a record out that was put in before; false when it is not there.
    pub fn remove(&mut self, site: &str, camera: &str, window: &Window) -> bool {
        let date = self.date_of(window);
        let Some(days) = self.sites.get_mut(site).map(|site| &mut site.days) else { return false };
        let Some(day) = days.get_mut(&date) else { return false };
        let Some(windows) = day.get_mut(camera) else { return false };
        let Some(place) = windows.iter().position(|w| w == window) else { return false };
        windows.remove(place);
        day.retain(|_, windows| !windows.is_empty());
        days.retain(|_, day| !day.is_empty());
        true
    }
}

/// An order that does not depend on which of two records of the same window came first.
fn order(w: &Window) -> (i64, i64, u64, u64, u64) {
    (w.start, w.end, w.counts.persons(), w.counts.masked, w.counts.unmasked)
}
