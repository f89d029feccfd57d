//! What may be said of a window, and when. The only place that makes a [`Record`].
//!
//! - A window with fewer than `min_persons` passages is not given out: the next one is merged into it. Each passage is in
//!   one record or in none yet, so records are sums over groups that do not overlap, of at least `min_persons` each, and
//!   no sum or difference of records can single out a smaller group. (After a power cut while the disk took nothing a
//!   window can be given out twice, see the parent module.)
//! - With `epsilon`, each count of the record carries discrete Laplace noise of scale 1/epsilon. A passage is in one
//!   count, so the counts of a window are epsilon-differentially private per passage. The noise is drawn when the window
//!   opens and stays with it through extensions and restarts. Counts that it makes negative are given as 0, and what that adds
//!   is taken from the others, so that the noise of `persons` averages out. `incorrect` has noise only where it is counted apart:
//!   elsewhere it is 0 whoever passes. *Whether* a window is given out or extended rests on the exact number; with `min_persons`
//!   0 it does not depend on it at all.

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
    /// A mask under the nose is a state of its own.
    #[serde(default = "yes")]
    pub incorrect_apart: bool,
}

/// What held before a journal said it.
fn yes() -> bool {
    true
}

impl Rules {
    /// The stricter of both, rule by rule.
    fn stricter(self, other: Rules) -> Rules {
        let epsilon = match (self.epsilon, other.epsilon) {
            (0.0, e) | (e, 0.0) => e,
            (a, b) => a.min(b),
        };
        let incorrect_apart = self.incorrect_apart || other.incorrect_apart;
        Rules { min_persons: self.min_persons.max(other.min_persons), epsilon, incorrect_apart }
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

    fn on(&self, c: Counts, incorrect_apart: bool) -> Counts {
        let on_incorrect = if incorrect_apart { self.incorrect } else { 0 };
        let noise = [self.masked, self.unmasked, on_incorrect, self.unknown];
        let exact = [c.masked, c.unmasked, c.incorrect, c.unknown];
        let mut noisy = [0; 4];
        // What the counts lie above their sum, once none of them is below 0.
        let mut above = 0;
        for (noisy, (exact, noise)) in noisy.iter_mut().zip(exact.into_iter().zip(noise)) {
            *noisy = exact.saturating_add_signed(noise);
            above += noise.unsigned_abs().saturating_sub(exact) * u64::from(noise < 0);
        }
        while above > 0 {
            let positive = noisy.iter().filter(|count| **count > 0).count() as u64;
            if positive == 0 {
                break;
            }
            let share = above.div_ceil(positive);
            for count in &mut noisy {
                let less = share.min(*count).min(above);
                (*count, above) = (*count - less, above - less);
            }
        }
        let [masked, unmasked, incorrect, unknown] = noisy;
        Counts { masked, unmasked, incorrect, unknown, withdrawn: c.withdrawn.saturating_add_signed(self.withdrawn) }
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
        let counts = self.noise.map_or(window.counts, |noise| noise.on(window.counts, self.rules.incorrect_apart));
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

    fn rules(min_persons: u32, epsilon: f64) -> Rules {
        Rules { min_persons, epsilon, incorrect_apart: false }
    }

    fn held(rules: Rules) -> Held {
        Held::new(Window::at("2026-04-26T08:40:00Z".parse().unwrap(), 1200), rules)
    }

    #[test]
    fn a_window_keeps_the_stricter_rule() {
        let strict = held(rules(10, 0.5));
        let loose = strict.under(rules(1, 0.0));
        assert_eq!(loose, strict);
        let stricter = strict.under(rules(20, 0.1));
        assert_eq!(stricter.rules, rules(20, 0.1));
    }

    #[test]
    fn the_noise_is_drawn_once() {
        let mut window = held(rules(0, 0.01));
        let noise = window.noise.unwrap();
        window.draw();
        window.window.extend("2026-04-26T09:00:00Z".parse().unwrap(), 1200);
        assert_eq!(window.under(rules(0, 0.01)).noise, Some(noise));
    }

    #[test]
    fn a_window_without_the_noise_it_should_have_stays_shut() {
        let mut window = held(rules(0, 1.0));
        window.noise = None;
        assert!(!window.may_be_given_out());
    }

    #[test]
    fn noise_never_makes_a_count_negative_and_persons_no_larger_than_it_says() {
        let noise = Noise { masked: -5, unmasked: 3, incorrect: -1, unknown: 0, withdrawn: -9 };
        let exact = Counts { masked: 4, unmasked: 4, incorrect: 0, unknown: 2, withdrawn: 1 };
        // 10 - 5 + 3 - 1: what the two that are negative lie below 0 is taken from the others.
        let counts = noise.on(exact, true);
        assert_eq!(counts, Counts { masked: 0, unmasked: 6, incorrect: 0, unknown: 1, withdrawn: 0 });
        assert_eq!(noise.on(exact, false).persons(), 8, "incorrect has no noise where it is not counted");
        let nobody = noise.on(Counts::default(), true);
        assert_eq!(nobody.persons(), 0);
    }

    #[test]
    fn the_noise_of_persons_averages_out() {
        let exact = Counts { masked: 60, unmasked: 9, incorrect: 0, unknown: 1, withdrawn: 0 };
        let persons = |_| Noise::draw(0.3).unwrap().on(exact, false).persons() as f64;
        let mean = (0..4000).map(persons).sum::<f64>() / 4000.0;
        // Six deviations of the mean.
        assert!((mean - 70.0).abs() < 0.8, "{mean}");
    }
}
