//! From faces to people: tracks, votes, the head shake, passages. Motion and overlap only; nothing here compares how
//! two people look. No GStreamer type.
//!
//! All spans are in seconds of stream time, none in frames, so that 30, 10 or 5 looks a second give the same passages.

pub mod gesture;
pub mod place;
mod relink;
pub mod track;
pub mod vote;

use std::time::Duration;

use crate::detect::{Face, Label};
use crate::picture::Rect;
use place::{Line, Polygon};
use relink::FoundAgain;
use track::{Motion, Pair};
use vote::Vote;

/// A passage is counted after this many looks …
const CONFIRM_LOOKS: u32 = 3;
/// … that span at least this long: both keep a flicker of the detector out of the counts.
const CONFIRM_SPAN: Duration = Duration::from_millis(500);
/// … and that in the mean, over about [`EVIDENCE_MEMORY`] seconds, speak for a face by this much (log-odds beyond the
/// threshold): many looks at a thing that might be a face make it no surer, however many there are a second.
const CONFIRM_EVIDENCE: f32 = 0.35;
const EVIDENCE_MEMORY: f32 = 0.7;
/// A confirmed passage whose looks do not decide yet is counted after this long all the same, as unknown.
const UNDECIDED: Duration = Duration::from_millis(1000);
/// A face that is not found again for this long is gone; until then it is the same passage, if it comes out from behind
/// another person or a post about where its walk leads: the longer it takes, the worse anything fits (`track`).
pub const LOST_AFTER: Duration = Duration::from_millis(3000);
/// A track that a look missed, and that was not found for longer than this, may have gone over to somebody else when it
/// was.
const MAY_BE_ANOTHER: Duration = Duration::from_millis(200);
/// A face that is not found is still shown, at its predicted place, for this long.
const COAST: Duration = Duration::from_millis(500);
/// No track lives longer: it ends and the person, if still there, goes on under a new id, uncounted.
const LONGEST_TRACK: Duration = Duration::from_secs(120);
/// Faces surer than this share of the threshold, or of the manifest's if that is lower, are covered, as fails closed; they
/// are not followed.
pub const COVERED: f32 = 0.2;
/// Faces surer than this share of the threshold keep a track alive that is there already, as in ByteTrack.
const SUSTAIN: f32 = 0.3;
/// A box that overlaps that of a followed face by this much is a second box on it; heads of two people rarely show so.
const SAME_FACE: f32 = 0.1;
/// The id of who is not followed, as other elements write it.
pub const NO_ID: u32 = 0;
/// Tracks held at once; a frame with more faces than this is no camera's.
const MAX_TRACKS: usize = 512;

/// What counts, where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Least score of a face that speaks for being counted, 0 to 1.
    pub threshold: f32,
    /// Faces less high than this (pixels) are tracked but never counted.
    pub min_face: u32,
    /// Whether the head shake withdraws a passage.
    pub opt_out: bool,
    /// Only passages whose face's centre lies inside are counted.
    pub zone: Option<Polygon>,
    /// Faces whose centre lies inside any of these are neither followed nor counted.
    pub exclude: Vec<Polygon>,
    /// Count at the crossing of this line, in either direction, instead of at confirmation.
    pub line: Option<Line>,
    /// What a mask under the nose counts as; `None`: apart, as what it is.
    pub incorrect_is: Option<Label>,
}

/// What somebody was found to wear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Known(Label),
    /// The looks do not decide.
    Unknown,
}

/// What happened to the counts; `id` is that of the track, as in [`InView`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    Counted {
        id: u32,
        at: Duration,
        state: State,
    },
    /// A passage that was counted at `counted_at` turns out to wear something else.
    Amended {
        id: u32,
        counted_at: Duration,
        from: State,
        to: State,
    },
    /// Someone shook the head; `counted` tells when and as what the passage was counted, if it was.
    Withdrawn {
        id: u32,
        at: Duration,
        counted: Option<(Duration, State)>,
    },
}

/// A face that is in view now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InView {
    /// Per run; dies with the track. [`NO_ID`] where the face is not followed.
    pub id: u32,
    /// Time of its first look; of one that is not followed, of the last.
    pub since: Duration,
    /// Predicted to the time asked for, in pixels of the picture.
    pub rect: Rect,
    /// As what it counts.
    pub state: State,
    /// Label of the last look.
    pub label: Label,
    /// Score of the last look, 0 to 1.
    pub score: f32,
    /// Whether it is followed, and so may be counted; else it is there to be covered only.
    pub followed: bool,
    /// Whether it shook the head, and so stands in no count.
    pub opted_out: bool,
}

#[derive(Debug)]
struct Track {
    id: u32,
    looks: Looks,
    /// Mean of what they say for a face.
    evidence: f32,
    gesture: gesture::Series,
    label: Label,
    score: f32,
    /// When it had passed every test for being counted.
    due: Option<Duration>,
    /// When and as what it was counted.
    counted: Option<(Duration, State)>,
    /// It passed every test while another's count was on it: it is to be counted, wherever it is now.
    owed: bool,
    /// It was counted before the longest track was over: not to be counted again, nor amended.
    settled: bool,
    opt_out: OptOut,
    /// Whether it is a passage, by its looks; it stays one.
    confirmed: bool,
    found_again: Option<FoundAgain>,
}

/// Whether somebody shook the head.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum OptOut {
    #[default]
    No,
    /// Yes, but before it could be counted: it is withdrawn once it is a passage that would be.
    Pending,
    Withdrawn,
}

/// What the looks of a track say together.
#[derive(Clone, Copy, Debug)]
struct Looks {
    born: Duration,
    count: u32,
    motion: Motion,
    vote: Vote,
    /// Whether it crossed the line (always true without one).
    crossed: bool,
}

impl Looks {
    fn new(time: Duration, face: &Face, crossed: bool) -> Looks {
        let mut vote = Vote::default();
        vote.look(time, face);
        Looks { born: time, count: 1, motion: Motion::new(time, face.rect), vote, crossed }
    }

    /// Whether they are as many, and over as long a time, as a passage needs.
    fn are_enough(&self) -> bool {
        self.count >= CONFIRM_LOOKS && self.motion.seen().saturating_sub(self.born) >= CONFIRM_SPAN
    }

    fn observe(&mut self, time: Duration, face: &Face, crosses: bool) {
        self.count += 1;
        self.motion.observe(time, face);
        self.vote.look(time, face);
        self.crossed |= crosses;
    }
}

impl Track {
    /// Whether its looks make it a passage.
    fn has_evidence(&self) -> bool {
        self.looks.are_enough() && self.evidence >= CONFIRM_EVIDENCE
    }

    /// As what it counts.
    fn state(&self, settings: &Settings) -> State {
        self.looks.vote.state(settings.incorrect_is)
    }

    fn may_be_counted(&self) -> bool {
        !self.settled && self.opt_out == OptOut::No
    }

    /// The track ends: a passage that was due is counted now, decided or not, so that it is not lost. Now, and not when it
    /// was seen last: the window of that time may be given out already.
    fn last_word(&self, now: Duration, settings: &Settings) -> Option<Event> {
        let open = (self.due.is_some() || self.owed) && self.counted.is_none() && self.may_be_counted();
        open.then(|| Event::Counted { id: self.id, at: now, state: self.state(settings) })
    }
}

/// Everybody in view of one camera.
#[derive(Debug)]
pub struct People {
    settings: Settings,
    frame: (f32, f32),
    tracks: Vec<Track>,
    next_id: u32,
    pairs: Vec<Pair>,
    taken: Vec<bool>,
    events: Vec<Event>,
    /// Time of the last look.
    looked: Duration,
    /// Faces of the last look that are covered but not followed: the faint ones, and those in an excluded area.
    unfollowed: Vec<InView>,
}

impl People {
    /// `frame`: width and height of the picture in pixels.
    pub fn new(settings: Settings, frame: (u32, u32)) -> People {
        People {
            settings,
            frame: (frame.0 as f32, frame.1 as f32),
            tracks: Vec::with_capacity(MAX_TRACKS),
            next_id: 1,
            pairs: Vec::with_capacity(1024),
            taken: Vec::with_capacity(MAX_TRACKS),
            events: Vec::with_capacity(MAX_TRACKS),
            looked: Duration::ZERO,
            unfollowed: Vec::with_capacity(MAX_TRACKS),
        }
    }

    /// Takes new settings for what comes; tracks go on.
    pub fn set(&mut self, settings: Settings) {
        if self.settings.line != settings.line && settings.line.is_some() {
            // Who is not counted yet has not crossed it.
            for track in self.tracks.iter_mut().filter(|t| t.due.is_none()) {
                track.looks.crossed = false;
                if let Some(again) = &mut track.found_again {
                    (again.lost.crossed, again.since.crossed) = (false, false);
                }
            }
        }
        self.settings = settings;
    }

    /// The picture may have another size now: places mean nothing any more then, so every track ends.
    pub fn resize(&mut self, frame: (u32, u32), now: Duration) -> &[Event] {
        let frame = (frame.0 as f32, frame.1 as f32);
        if frame == self.frame {
            return &[];
        }
        self.frame = frame;
        self.forget(now)
    }

    /// Ends every track, e.g. after a flush: what comes next has nothing to do with what was. Passages that were due but
    /// undecided are counted at `now`, no earlier than the last look.
    pub fn forget(&mut self, now: Duration) -> &[Event] {
        self.events.clear();
        self.unfollowed.clear();
        let settings = &self.settings;
        self.events.extend(self.tracks.drain(..).filter_map(|t| t.last_word(now, settings)));
        &self.events
    }

    /// Whether nobody is followed.
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }

    /// Takes what one look found. `time` never runs backwards between calls of `forget`. The events are to be taken
    /// before the next look.
    pub fn look(&mut self, time: Duration, faces: &[Face]) -> &[Event] {
        self.events.clear();
        self.unfollowed.clear();
        let before = std::mem::replace(&mut self.looked, time);
        self.taken.clear();
        self.taken.resize(faces.len(), false);
        for (index, face) in faces.iter().enumerate() {
            let center = per_mille(face.rect.center(), self.frame);
            self.taken[index] = self.settings.exclude.iter().any(|p| p.contains(center));
            // The area is covered, but hair and chin may lie beyond it.
            if self.taken[index] {
                self.cover(face);
            }
        }
        let (events, settings) = (&mut self.events, &self.settings);
        self.tracks.retain_mut(|t| {
            t.found_again.take_if(|again| time.saturating_sub(again.lost.motion.seen()) > LOST_AFTER);
            let seen = t.looks.motion.seen();
            // A face of one or two looks that the last one missed may be a flicker; kept for long, it would take over
            // somebody else's.
            let patience = if t.looks.count < CONFIRM_LOOKS && seen < before { COAST } else { LOST_AFTER };
            let stays = time.saturating_sub(seen) <= patience;
            if !stays {
                events.extend(t.last_word(time, settings));
            }
            stays
        });

        let tracks = &mut self.tracks;
        track::associate(
            time,
            before,
            tracks.len(),
            |i| &tracks[i].looks.motion,
            faces,
            self.settings.threshold * SUSTAIN,
            self.frame,
            &mut self.pairs,
            &mut self.taken,
        );
        for i in 0..self.pairs.len() {
            let Pair { track, face, .. } = self.pairs[i];
            self.observe(track, time, before, &faces[face]);
        }
        for i in 0..self.pairs.len() {
            self.confirm(self.pairs[i].track, time, before);
        }
        for i in 0..self.pairs.len() {
            self.count(self.pairs[i].track, time);
        }
        let followed_before = self.tracks.len();
        for (index, face) in faces.iter().enumerate() {
            if self.taken[index] {
                continue;
            }
            // Two boxes on one face are not two people; the surer one comes first.
            let begun = self.tracks[followed_before..].iter().map(|t| t.looks.motion.last());
            let again =
                self.pairs.iter().map(|p| faces[p.face].rect).chain(begun).any(|r| r.iou(&face.rect) > SAME_FACE);
            if face.score >= self.settings.threshold && !again && self.tracks.len() < MAX_TRACKS {
                self.begin(time, face);
            } else {
                self.cover(face);
            }
        }
        &self.events
    }

    /// Everybody whom the last look found or had just lost, however long ago that look was, predicted to `time`; after those
    /// who are followed, the others. The box of somebody whom that look missed is larger, as it rests on an older one.
    pub fn in_view(&self, time: Duration) -> impl Iterator<Item = InView> + '_ {
        let followed = self.tracks.iter().filter_map(move |t| {
            let missed = self.looked.saturating_sub(t.looks.motion.seen());
            (missed <= COAST).then(|| {
                let missed = missed.as_secs_f32();
                InView {
                    id: t.id,
                    since: t.looks.born,
                    rect: t.looks.motion.predicted(time).grown(track::GROWTH * missed),
                    state: t.state(&self.settings),
                    label: t.label,
                    score: t.score,
                    followed: true,
                    opted_out: t.opt_out != OptOut::No,
                }
            })
        });
        followed.chain(self.unfollowed.iter().copied())
    }

    /// Leaves a face in view without following it.
    fn cover(&mut self, face: &Face) {
        if self.unfollowed.len() < MAX_TRACKS {
            let (label, score) = (face.label(), face.score);
            let (since, rect, state) = (self.looked, face.rect, State::Unknown);
            let (followed, opted_out) = (false, false);
            self.unfollowed.push(InView { id: NO_ID, since, rect, state, label, score, followed, opted_out });
        }
    }

    fn new_id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id = id.checked_add(1).unwrap_or(NO_ID + 1);
        id
    }

    fn begin(&mut self, time: Duration, face: &Face) {
        let mut track = Track {
            id: self.new_id(),
            looks: Looks::new(time, face, self.settings.line.is_none()),
            evidence: evidence(face.score, self.settings.threshold),
            gesture: gesture::Series::default(),
            label: face.label(),
            score: face.score,
            due: None,
            counted: None,
            owed: false,
            settled: false,
            opt_out: OptOut::No,
            confirmed: false,
            found_again: None,
        };
        track.gesture.look(time, face);
        self.tracks.push(track);
    }

    fn observe(&mut self, index: usize, time: Duration, before: Duration, face: &Face) {
        let place = per_mille(face.rect.center(), self.frame);
        let came_from = per_mille(self.tracks[index].looks.motion.last().center(), self.frame);
        let settings = &self.settings;
        let track = &mut self.tracks[index];
        // Who is in view when the line is taken away is counted without it.
        let crosses = settings.line.as_ref().is_none_or(|line| line.is_crossed(came_from, place));
        let seen = track.looks.motion.seen();
        if track.confirmed && seen < before && time.saturating_sub(seen) > MAY_BE_ANOTHER {
            track.found_again = Some(FoundAgain {
                lost: track.looks,
                due: track.due,
                was_counted: track.counted.is_some(),
                opt_out: track.opt_out,
                // Somebody else came from another place.
                since: Looks::new(time, face, settings.line.is_none()),
                would_count: false,
            });
        } else if let Some(again) = &mut track.found_again {
            again.since.observe(time, face, crosses);
        }
        track.looks.observe(time, face, crosses);
        // The plain mean until the memory is full.
        let fading = 1.0 - (-time.saturating_sub(seen).as_secs_f32() / EVIDENCE_MEMORY).exp();
        let gain = fading.max(1.0 / track.looks.count as f32);
        track.evidence += gain * (evidence(face.score, settings.threshold) - track.evidence);
        track.gesture.look(time, face);
        (track.label, track.score) = (face.label(), face.score);
    }

    /// Counts a passage that passes every test, amends or withdraws it.
    fn count(&mut self, index: usize, time: Duration) {
        let settings = &self.settings;
        let track = &mut self.tracks[index];
        let rect = track.looks.motion.last();
        let place = per_mille(rect.center(), self.frame);
        let inside = || settings.zone.as_ref().is_none_or(|zone| zone.contains(place));
        let large = rect.h >= settings.min_face as f32;
        let countable = track.owed || (track.looks.crossed && large && inside());
        if track.confirmed && track.due.is_none() && countable {
            track.due = Some(time);
        }
        if let Some(again) = track.found_again.as_mut().filter(|again| !again.would_count && again.since.crossed) {
            let is_sure = again.since.are_enough() && track.evidence >= CONFIRM_EVIDENCE;
            again.would_count = is_sure && large && inside();
        }
        if settings.opt_out && track.opt_out == OptOut::No && track.gesture.is_shake() {
            track.opt_out = OptOut::Pending;
        }
        if track.opt_out == OptOut::Pending && track.due.is_some() {
            track.opt_out = OptOut::Withdrawn;
            self.events.push(Event::Withdrawn { id: track.id, at: time, counted: track.counted.take() });
        }
        let state = track.state(settings);
        let age = time.saturating_sub(track.looks.born);
        match track.counted {
            None if track.may_be_counted() => {
                let waited = track.due.is_some_and(|due| time.saturating_sub(due) >= UNDECIDED);
                if track.due.is_some() && (state != State::Unknown || waited) {
                    track.counted = Some((time, state));
                    self.events.push(Event::Counted { id: track.id, at: time, state });
                }
            }
            None => {}
            Some((counted_at, from)) if from != state && !track.settled => {
                track.counted = Some((counted_at, state));
                self.events.push(Event::Amended { id: track.id, counted_at, from, to: state });
            }
            Some(_) => {}
        }
        if age > LONGEST_TRACK {
            let id = self.new_id();
            let track = &mut self.tracks[index];
            // Until its window is given out it can still be withdrawn.
            track.settled |= track.counted.is_some();
            (track.id, track.due, track.found_again, track.owed) = (id, None, None, false);
            (track.looks.born, track.looks.vote, track.gesture) = (time, Vote::default(), gesture::Series::default());
        }
    }
}

/// How much one look says for a face, against the threshold; one look alone says at most 2.
fn evidence(score: f32, threshold: f32) -> f32 {
    let odds = |p: f32| (p / (1.0 - p)).ln();
    let said = odds(score) - odds(threshold);
    if said.is_nan() { 0.0 } else { said.clamp(-2.0, 2.0) }
}

/// A place in the units of `zone`, `exclude` and `line`.
fn per_mille((x, y): (f32, f32), frame: (f32, f32)) -> (f32, f32) {
    (x / frame.0 * 1000.0, y / frame.1 * 1000.0)
}

#[cfg(test)]
#[path = "people_tests.rs"]
mod tests;
