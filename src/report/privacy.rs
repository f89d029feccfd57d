//! What may be said of a window, and when. The only place that makes a [`Record`].
//!
//! - A window with fewer than `min_persons` passages is not given out: the next one is merged into it. Each passage is in
//!   one record or in none yet, so records are sums over groups that do not overlap, of at least `min_persons` each, and
//!   no sum or difference of records can single out a smaller group. (After a power cut while the disk took nothing a
//!   window can be given out twice, see the parent module.)
//! - With `epsilon`, each count of the record carries discrete Laplace noise of scale 1/epsilon. A passage is in one
//!   count, so the counts of a window are epsilon-differentially private per passage. The noise is drawn when the window
//!   opens and stays with it through extensions and restarts. Counts that it makes negative are given as 0. *Whether* a
//!   window is given out or extended rests on the exact number; with `min_persons` 0 it does not depend on it at all.

use serde::{Deserialize, Serialize};

use super::noise::{System, discrete_laplace};
use super::record::{Fields, Model, Privacy, Record, SCHEMA};
use super::share::{rounded, share};
use super::window::{Counts, TOO_MANY, Window};
use super::{EPSILONS, ModelIdentity};

/// The rules that hold for the passages of a window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Rules {
    pub min_persons: u32,
    /// 0: off.
    pub epsilon: f64,
}

impl Rules {
    /// The stricter of both, rule by rule.
    fn stricter(self, other: Rules) -> Rules {
        let epsilon = match (self.epsilon, other.epsilon) {
            (0.0, e) | (e, 0.0) => e,
            (a, b) => a.min(b),
        };
        Rules { min_persons: self.min_persons.max(other.min_persons), epsilon }
    }
}

/// What is added to each count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Noise {
    masked: i64,
    unmasked: i64,
    incorrect: i64,
    unknown: i64,
    withdrawn: i64,
}

impl Noise {
    fn draw(epsilon: f64) -> Result<Noise, getrandom::Error> {
        let draw = || discrete_laplace(epsilon, &mut System);
        Ok(Noise { masked: draw()?, unmasked: draw()?, incorrect: draw()?, unknown: draw()?, withdrawn: draw()? })
    }

    fn on(&self, c: Counts) -> Counts {
        Counts {
            masked: c.masked.saturating_add_signed(self.masked),
            unmasked: c.unmasked.saturating_add_signed(self.unmasked),
            incorrect: c.incorrect.saturating_add_signed(self.incorrect),
            unknown: c.unknown.saturating_add_signed(self.unknown),
            withdrawn: c.withdrawn.saturating_add_signed(self.withdrawn),
        }
    }
}

/// Where the counts of a window come from: what a record says besides them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub site: String,
    pub camera: String,
    /// Length of a window in seconds.
    pub window: u32,
    pub model: ModelIdentity,
    pub version: String,
}

/// A window under the rules that hold for the passages in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    pub window: Window,
    rules: Rules,
    /// `None`: no noise is asked for, or the system had no random numbers yet.
    noise: Option<Noise>,
}

impl Held {
    pub fn new(window: Window, rules: Rules) -> Held {
        let mut held = Held { window, rules, noise: None };
        held.draw();
        held
    }

    /// Draws the noise, unless it is drawn. Without random numbers the window stays shut (see
    /// [`may_be_given_out`](Held::may_be_given_out)) and the next call tries again.
    pub fn draw(&mut self) {
        if self.rules.epsilon > 0.0 && self.noise.is_none() {
            self.noise = Noise::draw(self.rules.epsilon).ok();
        }
    }

    /// The same window from now on also under `rules`: the passages in it keep what they were counted under.
    pub fn under(mut self, rules: Rules) -> Held {
        let stricter = self.rules.stricter(rules);
        if stricter.epsilon != self.rules.epsilon {
            self.noise = None;
        }
        self.rules = stricter;
        self.draw();
        self
    }

    /// Whether numbers that were read can be those of a window.
    pub fn is_plausible(&self) -> bool {
        let noise = self.noise.is_none_or(|n| {
            [n.masked, n.unmasked, n.incorrect, n.unknown, n.withdrawn].iter().all(|n| n.unsigned_abs() < TOO_MANY)
        });
        let epsilon = self.rules.epsilon;
        noise && (epsilon == 0.0 || EPSILONS.contains(&epsilon)) && self.window.is_plausible()
    }

    pub fn min_persons(&self) -> u32 {
        self.rules.min_persons
    }

    pub fn may_be_given_out(&self) -> bool {
        let noise_is_there = self.rules.epsilon == 0.0 || self.noise.is_some();
        noise_is_there && self.window.counts.persons() >= u64::from(self.rules.min_persons)
    }

    /// The record of the window; `None` if it may not be given out.
    pub fn give_out(&self, origin: &Origin) -> Option<Record> {
        if !self.may_be_given_out() {
            return None;
        }
        let window = &self.window;
        let counts = self.noise.map_or(window.counts, |noise| noise.on(window.counts));
        let classified = counts.masked + counts.unmasked + counts.incorrect;
        let share = share(counts.masked, classified, self.rules.epsilon, origin.model.quality);
        Some(Record::new(Fields {
            schema: SCHEMA.to_owned(),
            site: origin.site.clone(),
            camera: origin.camera.clone(),
            start: window.start,
            end: window.end,
            complete: window.whole && window.end_seen(),
            persons: counts.persons(),
            masked: counts.masked,
            unmasked: counts.unmasked,
            incorrect: counts.incorrect,
            unknown: counts.unknown,
            masked_share: share.map(|s| rounded(s.best)),
            share_low: share.map(|s| rounded(s.low)),
            share_high: share.map(|s| rounded(s.high)),
            masked_share_raw: share.map(|s| rounded(s.raw)),
            withdrawn: counts.withdrawn,
            coverage: rounded(window.coverage()),
            frames: window.frames,
            frames_analysed: window.frames_analysed,
            low_confidence: share.is_none_or(|s| s.is_low_confidence()),
            privacy: Privacy {
                min_persons: self.rules.min_persons,
                epsilon: self.rules.epsilon,
                extended_windows: window.extended,
            },
            model: Model {
                name: origin.model.name.clone(),
                sha256: origin.model.sha256.clone(),
                quality: origin.model.quality,
            },
            version: origin.version.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(rules: Rules) -> Held {
        Held::new(Window::at("2026-04-26T08:40:00Z".parse().unwrap(), 1200), rules)
    }

    #[test]
    fn a_window_keeps_the_stricter_rule() {
        let strict = held(Rules { min_persons: 10, epsilon: 0.5 });
        let loose = strict.under(Rules { min_persons: 1, epsilon: 0.0 });
        assert_eq!(loose, strict);
        let stricter = strict.under(Rules { min_persons: 20, epsilon: 0.1 });
        assert_eq!(stricter.rules, Rules { min_persons: 20, epsilon: 0.1 });
    }

    #[test]
    fn the_noise_is_drawn_once() {
        let mut window = held(Rules { min_persons: 0, epsilon: 0.01 });
        let noise = window.noise.unwrap();
        window.draw();
        window.window.extend("2026-04-26T09:00:00Z".parse().unwrap(), 1200);
        assert_eq!(window.under(Rules { min_persons: 0, epsilon: 0.01 }).noise, Some(noise));
    }

    #[test]
    fn a_window_without_the_noise_it_should_have_stays_shut() {
        let mut window = held(Rules { min_persons: 0, epsilon: 1.0 });
        window.noise = None;
        assert!(!window.may_be_given_out());
    }

    #[test]
    fn noise_never_makes_a_count_negative() {
        let noise = Noise { masked: -5, unmasked: 3, incorrect: -1, unknown: 0, withdrawn: -9 };
        let counts = noise.on(Counts { masked: 4, unmasked: 4, incorrect: 0, unknown: 2, withdrawn: 1 });
        assert_eq!(counts, Counts { masked: 0, unmasked: 7, incorrect: 0, unknown: 2, withdrawn: 0 });
    }
}
