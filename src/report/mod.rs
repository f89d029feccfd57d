//! From passages to records: windows on the wall clock, the privacy rules, the record, its sidecar file and the journal.
//!
//! No GStreamer type in here. The element tells a [`Report`] each frame and each counted passage, and posts the
//! [`Notice`]s that it gets back.
//!
//! # Time
//!
//! All times are those of the stream, in UTC; nothing here reads a clock. Windows start at whole multiples of their
//! length since 1970. What happens when time is uneven:
//!
//! - **A step back** to before the open window, by up to one window length: counts into the open window. By more: the
//!   open window is closed (`complete: false`) and the one of the new time is opened; if too few had passed in it, they
//!   go on in the new one.
//! - **A jump forward or a gap** beyond the end: the open window is closed, `complete: false` unless its end was seen.
//!   Windows of which no frame came are not made up. If too few had passed, the window goes on to the end of the one of
//!   the new time; `coverage` tells how much of that was seen.
//! - **The end of the stream** closes the open window early, `complete: false` unless it is at its end. If too few have
//!   passed it is withheld, and goes on when the stream does, or at the next start with the same `location`, unless another
//!   model judges that one (another variant of it as well), which is said.
//! - **A crash or power cut**: with a `location`, a restart goes on with the window as it was journalled last (at most
//!   [`JOURNAL_INTERVAL`] ago); if its time is over it is given out, `complete: false`.
//! - **A recording that is played again**, after its end or a crash, from before the time that an earlier run had reached:
//!   what that run had not given out is left out, and it is said. What it had given out is there twice.
//!
//! # Files
//!
//! With a `location` a thread writes each record to a file of its own and keeps the journal beside them, so that the
//! streaming thread never waits for a disk. A file is never overwritten: a second record for the same name gets `-2`.
//! Those who listen are told of a record once the journal has it. While the disk takes nothing, up to [`KEPT_RECORDS`]
//! records are kept in memory, and are told nonetheless: after a power cut *then*, the next start gives out such a window
//! again, as it had been journalled last, and the two may differ by what was counted in between.

mod journal;
mod noise;
mod notice;
mod privacy;
mod record;
mod settings;
mod share;
mod sidecar;
mod telling;
mod turn;
mod window;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};

pub use notice::{Notice, Then, Withheld};
pub use record::{Fields, JSON_SCHEMA, Model, Privacy, Record, RecordError, SCHEMA};
pub use settings::{EPSILONS, ModelIdentity, ReportError, Settings, WINDOW_SECONDS};
pub use share::Quality;

use journal::{Found, Journal, Lock};
use privacy::{Held, Origin, Rules};
use sidecar::Pattern;
use telling::Telling;
use window::looked_until;
use writer::{Common, Files, Writer};

/// Records that are kept in memory while the disk takes none; the oldest beyond them are lost, and it is said.
pub const KEPT_RECORDS: usize = 1024;

/// Stream time after which changed counts are journalled: the most that a power cut can take.
pub const JOURNAL_INTERVAL: SignedDuration = SignedDuration::from_secs(5);

/// Stream time after which the journal is renewed although nothing was counted, for the coverage; rarely, since the
/// folder may be on an SD card.
const IDLE_JOURNAL_INTERVAL: SignedDuration = SignedDuration::from_secs(60);

/// What a person in a passage wears, by the vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wearing {
    Masked,
    Unmasked,
    /// A mask under the nose, where these are counted apart.
    Incorrect,
    /// The looks did not decide it.
    Unknown,
}

/// A passage as it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// When it was counted.
    pub time: Timestamp,
    pub wearing: Wearing,
}

/// Which window a passage was counted in; by default in none that is open. Times do not tell it, since clocks are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowId(u64);

/// Totals since the report was opened. They say no more than the records do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Windows given out.
    pub windows: u64,
    /// Passages in the windows given out; not those of the open one, which would tell how many are withheld.
    pub passages: u64,
    /// Whether the open window goes on because too few had passed at its end.
    pub withheld: bool,
    /// Records that could not be kept.
    pub lost: u64,
}

/// What an earlier run, or the stream before it ended, left behind.
struct Left {
    held: Held,
    origin: Arc<Origin>,
}

/// The open window, the rules that it is under, and the files that its record goes to.
///
/// [`frame`](Report::frame), [`take`](Report::take), [`amend`](Report::amend) and [`withdraw`](Report::withdraw) are
/// for the streaming thread: they touch no file and wait for nobody.
pub struct Report {
    origin: Arc<Origin>,
    rules: Rules,
    recorded: bool,
    open: Option<Held>,
    /// Of the window that was opened last.
    window: WindowId,
    left: Option<Left>,
    /// Newest frame that the model looked at.
    last_look: Option<Timestamp>,
    /// When the journal was given its last state, and whether something was counted since.
    journalled: Option<Timestamp>,
    changed: bool,
    telling: Telling,
    stats: Stats,
    /// The last window was withheld when the stream ended.
    ended_withheld: bool,
    common: Arc<Common>,
    writer: Option<Writer>,
}

impl Report {
    /// Opens a report. With a `location` this takes the right to write its files, reads what an earlier run left in the
    /// journal, and starts the thread that writes; the folder is made if only the last part of its path is missing.
    ///
    /// `notify` gets the notices about files ([`SidecarClosed`](Notice::SidecarClosed), [`Warning`](Notice::Warning),
    /// [`RecordLost`](Notice::RecordLost)) on the writer's thread, with no lock held. All others are fetched with
    /// [`notices`](Report::notices).
    pub fn open(
        settings: Settings,
        model: ModelIdentity,
        version: &str,
        notify: impl Fn(Notice) + Send + 'static,
    ) -> Result<Report, ReportError> {
        Report::open_with(settings, model, version, Box::new(notify), Writer::on_thread)
    }

    /// As [`open`](Report::open), but without a thread: files are written within [`flush`](Report::flush),
    /// [`finish`](Report::finish) and drop, and `notify` is called from there.
    pub fn open_without_thread(
        settings: Settings,
        model: ModelIdentity,
        version: &str,
        notify: impl Fn(Notice) + Send + 'static,
    ) -> Result<Report, ReportError> {
        Report::open_with(settings, model, version, Box::new(notify), |files| Ok(Writer::on_caller(files)))
    }

    fn open_with(
        settings: Settings,
        model: ModelIdentity,
        version: &str,
        notify: writer::Notify,
        start: impl FnOnce(Files) -> std::io::Result<Writer>,
    ) -> Result<Report, ReportError> {
        settings.check(&model)?;
        let origin = Arc::new(Origin {
            site: settings.site,
            camera: settings.camera,
            window: settings.window,
            model,
            version: version.to_owned(),
        });
        let common = Arc::new(Common::default());
        common.max_files.store(settings.max_files, Ordering::Relaxed);
        let mut report = Report {
            origin,
            rules: Rules {
                min_persons: settings.min_persons,
                epsilon: settings.epsilon,
                incorrect_apart: settings.incorrect_apart,
            },
            recorded: settings.recorded,
            open: None,
            window: WindowId::default(),
            left: None,
            last_look: None,
            journalled: None,
            changed: false,
            telling: Telling::default(),
            ended_withheld: false,
            stats: Stats::default(),
            common,
            writer: None,
        };
        if let Some(location) = settings.location {
            let files = report.open_files(&location, notify)?;
            report.writer = Some(start(files).map_err(ReportError::Thread)?);
        }
        Ok(report)
    }

    fn open_files(&mut self, location: &str, notify: writer::Notify) -> Result<Files, ReportError> {
        let pattern = Pattern::new(location)?;
        let folder = |source| ReportError::Folder { path: pattern.folder().to_owned(), source };
        if !pattern.folder().is_dir() {
            std::fs::create_dir(pattern.folder()).map_err(folder)?;
        }
        let kept = |path: PathBuf| |source| ReportError::Kept { path, source };
        let lock = pattern.lock();
        let is_old = lock.exists();
        let lock = Lock::take(&lock)
            .map_err(|source| if is_old { kept(lock)(source) } else { folder(source) })?
            .ok_or_else(|| ReportError::Busy(location.into()))?;
        pattern.remove_unfinished().map_err(folder)?;
        let found = Journal::read(&pattern, &self.origin).map_err(kept(pattern.journal()))?;
        let journal = match found {
            Found::Nothing => None,
            Found::Journal(journal) => {
                let origin = Arc::new(journal.origin.clone());
                self.left = journal.state.open.map(|held| Left { held, origin });
                Some(*journal)
            }
            Found::SetAside { path, why } => {
                self.telling.say(Notice::Warning {
                    text: format!(
                        "the journal is not that of this camera: {why}. It was put aside as {}",
                        path.display()
                    ),
                });
                None
            }
        };
        Ok(Files::new(pattern, lock, self.origin.clone(), self.common.clone(), notify, journal))
    }

    /// Whether a mask under the nose is counted apart from now on. The open window stays one in which it was, if it was.
    pub fn set_incorrect_apart(&mut self, apart: bool) {
        self.rules.incorrect_apart = apart;
        if let Some(held) = &mut self.open {
            *held = held.under(self.rules);
        }
    }

    /// Remove the oldest sidecar files beyond this number from now on; 0: keep all.
    pub fn set_max_files(&self, max_files: u32) {
        self.common.max_files.store(max_files, Ordering::Relaxed);
    }

    /// A frame came. Closes the open window when its time is over; to be called before the frame's passages are taken.
    pub fn frame(&mut self, time: Timestamp, analysed: bool) {
        self.advance(time);
        let Some(held) = &mut self.open else { return };
        held.window.frame(time, analysed);
        if analysed {
            if let Some(last) = self.last_look {
                held.window.look(last, looked_until(last, time));
            }
            self.last_look = Some(time);
        }
        let interval = if self.changed { JOURNAL_INTERVAL } else { IDLE_JOURNAL_INTERVAL };
        // A clock that stepped back must not stop the journal.
        if self.journalled.is_none_or(|last| time < last || time.duration_since(last) >= interval) {
            self.journal(time, Vec::new());
        }
    }

    /// Counts a passage, and tells in which window. One of a look that was begun before the open window began counts into
    /// the open one all the same: only frames turn windows back.
    pub fn take(&mut self, passage: Passage) -> WindowId {
        self.go_on_to(passage.time);
        if let Some(held) = &mut self.open {
            held.window.take(passage.wearing);
            self.changed = true;
        }
        self.window
    }

    /// As [`advance`](Report::advance), but never back.
    fn go_on_to(&mut self, time: Timestamp) {
        if self.open.is_none_or(|held| time >= held.window.start) {
            self.advance(time);
        }
    }

    /// The vote at the end of a passage that was counted as `from` is `to`. Returns false, and changes nothing, when the
    /// window that it was counted in is no longer open.
    pub fn amend(&mut self, window: WindowId, from: Wearing, to: Wearing) -> bool {
        let counted_here = self.remove(window, from);
        if let (true, Some(held)) = (counted_here, &mut self.open) {
            held.window.take(to);
        }
        counted_here
    }

    fn remove(&mut self, window: WindowId, wearing: Wearing) -> bool {
        let counted_here = window == self.window && self.open.as_mut().is_some_and(|held| held.window.remove(wearing));
        self.changed |= counted_here;
        counted_here
    }

    /// A person shook the head at `time`: the passage, if it was counted already, is taken out again. Returns false, and
    /// changes nothing, when the window that it was counted in is no longer open.
    pub fn withdraw(&mut self, time: Timestamp, counted: Option<(WindowId, Wearing)>) -> bool {
        self.go_on_to(time);
        let taken_out = counted.is_none_or(|(window, wearing)| self.remove(window, wearing));
        if let (true, Some(held)) = (taken_out, &mut self.open) {
            held.window.counts.withdrawn += 1;
            self.changed = true;
        }
        taken_out && self.open.is_some()
    }

    /// The stream has ended, at `time` if that is known, else with its last frame. The open window is closed, or withheld
    /// if too few have passed. Waits until the files are written, at most five seconds; since the writer's notices come
    /// meanwhile, no lock may be held that `notify` needs. Frames that come afterwards go on.
    pub fn finish(&mut self, time: Option<Timestamp>) {
        self.last_look_ends(time);
        if let Some(mut held) = self.open.take() {
            let over = time.is_some_and(|time| time >= held.window.end);
            if let Some(time) = time
                && !over
            {
                held.window.latest = held.window.latest.max(time);
            }
            let closed = self.close(&held, &self.origin.clone());
            self.ended_withheld = closed.is_none();
            if closed.is_none() {
                self.withhold(&held, if self.writer.is_some() { Then::KeptBack } else { Then::KeptInMemory });
                // Nobody is in an empty window, so nothing goes on with it.
                let counts = held.window.counts;
                let left = Left { held, origin: self.origin.clone() };
                self.left = (counts.persons() + counts.withdrawn > 0).then_some(left);
            }
            let records = closed.into_iter().collect();
            self.journal(held.window.latest, records);
            self.journalled = None;
        }
        self.last_look = None;
        self.flush();
        self.telling.tell_all();
    }

    /// Waits until the files are written, at most five seconds.
    pub fn flush(&mut self) {
        if let Some(writer) = &mut self.writer
            && !writer.flush()
        {
            self.telling.say(Notice::Warning { text: "the disk takes long to write the sidecar files".to_owned() });
        }
    }

    /// What there is to say since the last call. Costs nothing when there is nothing.
    #[must_use = "records are in here"]
    pub fn notices(&mut self) -> Vec<Notice> {
        self.telling.take(self.common.tried.load(Ordering::Acquire))
    }

    /// Ends the report; what could not be written until now is lost, and said. The totals with that.
    pub fn end(mut self) -> Stats {
        drop(self.writer.take());
        self.stats()
    }

    /// Totals since the report was opened.
    pub fn stats(&self) -> Stats {
        // Of an empty window as of others: it must not tell that nobody came.
        let ended = self.open.is_none() && self.ended_withheld;
        let withheld = self.open.is_some_and(|held| held.window.extended > 0) || self.left.is_some() || ended;
        Stats { withheld, lost: self.common.lost.load(Ordering::Relaxed), ..self.stats }
    }
}
