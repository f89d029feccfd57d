//! Brings records and the journal to the disk, away from the streaming thread.
//!
//! The order of one round is what makes a crash harmless: the journal names the new records and their files, the files
//! are written, the journal lets go of them. After a crash between two steps the restart finds the record in the journal
//! and either writes the file or sees that it is there.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::journal::{Journal, Lock, State, Unwritten};
use super::privacy::Origin;
use super::record::Record;
use super::sidecar::{self, Pattern};
use super::{KEPT_RECORDS, Notice};

/// How long the end of a stream, and a record, waits for the disk.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// First and longest wait before a write that failed is tried again.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Settings and totals that both sides see.
#[derive(Debug, Default)]
pub(super) struct Common {
    /// 0: keep all.
    pub max_files: AtomicU32,
    pub lost: AtomicU64,
    /// The newest mail that the journal has, or could not take.
    pub tried: AtomicU64,
}

/// Where the notices of the writer go.
pub(super) type Notify = Box<dyn Fn(Notice) + Send>;

/// The files of one report, and what is still to be written to them.
pub(super) struct Files {
    pattern: Pattern,
    lock: Lock,
    origin: Arc<Origin>,
    common: Arc<Common>,
    notify: Notify,
    state: State,
    /// Of the state: that of an earlier run until this one has a state of its own.
    state_origin: Arc<Origin>,
    unwritten: VecDeque<Unwritten>,
    /// Number of the mail that all this is of.
    mail: u64,
    /// Our sidecars in the order in which they were written, once `max-files` has asked for them.
    shelf: Option<VecDeque<String>>,
    /// Complete, which is said once the journal has let go of their records: whoever hears of it may take them away.
    closed: Vec<PathBuf>,
    /// The last round failed, and it has been said.
    failing: bool,
    /// What stands in the journal is what stands here.
    journalled: bool,
    /// As it was written last, or found at the start.
    written: Option<Journal>,
}

impl Files {
    pub fn new(
        pattern: Pattern,
        lock: Lock,
        origin: Arc<Origin>,
        common: Arc<Common>,
        notify: Notify,
        found: Option<Journal>,
    ) -> Files {
        let written = found.clone();
        let (state, state_origin, unwritten) = match found {
            Some(j) => (j.state, Arc::new(j.origin), j.unwritten.into()),
            None => (State::default(), origin.clone(), VecDeque::new()),
        };
        Files {
            pattern,
            lock,
            origin,
            common,
            notify,
            state,
            state_origin,
            unwritten,
            mail: 0,
            shelf: None,
            closed: Vec::new(),
            failing: false,
            journalled: true,
            written,
        }
    }

    fn lose_oldest(&mut self) {
        if let Some(Unwritten { record, .. }) = self.unwritten.pop_front() {
            self.common.lost.fetch_add(1, Ordering::Relaxed);
            (self.notify)(Notice::RecordLost { start: record.start, end: record.end });
        }
    }

    /// Takes what has come and writes all there is to write. Returns whether nothing is left to do.
    fn round(&mut self, mail: Mail) -> bool {
        if let Some(state) = mail.state {
            self.mail = mail.number;
            self.state = state;
            self.state_origin = self.origin.clone();
            self.journalled = false;
        }
        for record in mail.records {
            if self.unwritten.len() >= KEPT_RECORDS {
                self.lose_oldest();
            }
            let file =
                self.pattern.free_name(record.start, |name| self.unwritten.iter().any(|other| other.file == name));
            self.unwritten.push_back(Unwritten { file, record: (*record).clone() });
            self.journalled = false;
        }
        let result = self.write();
        self.common.tried.store(self.mail, Ordering::Release);
        if let Err(e) = &result
            && !self.failing
        {
            (self.notify)(Notice::Warning {
                text: format!(
                    "cannot write to {}: {e}. Up to {KEPT_RECORDS} records are kept and written when it works again; \
                     until then a power cut loses them",
                    self.pattern.folder().display()
                ),
            });
        }
        self.failing = result.is_err();
        !self.failing
    }

    fn write(&mut self) -> io::Result<()> {
        if !self.lock.is_on(&self.pattern.lock()) {
            // The folder was emptied or came back without our lock, or with that of somebody who was faster.
            let lock = Lock::take(&self.pattern.lock())?
                .ok_or_else(|| io::Error::other("another element writes the same files"))?;
            (self.journalled, self.shelf) = (false, None);
            // Before the lock is kept: the next round tries what failed here.
            self.save_other_journal()?;
            self.lock = lock;
        }
        if !self.journalled || self.failing {
            self.write_journal()?;
        }
        if self.unwritten.is_empty() {
            return Ok(());
        }
        while let Some(unwritten) = self.unwritten.front() {
            let file = self.write_sidecar(unwritten)?;
            self.unwritten.pop_front();
            self.journalled = false;
            self.closed.push(self.pattern.folder().join(&file));
            self.remove_oldest(file)?;
        }
        self.write_journal()
    }

    /// Another folder may stand here now, as when a disk was mounted after the start: the journal in it is of another run, and
    /// what that counted must not be written over.
    fn save_other_journal(&mut self) -> io::Result<()> {
        let Some(path) = Journal::put_aside_unless(self.written.as_ref(), &self.pattern)? else { return Ok(()) };
        (self.notify)(Notice::Warning {
            text: format!(
                "another folder has come in the place of {}, with a journal that is not the newest of this run. It was put aside as \
                 {}: what an earlier run counted in it is in no record",
                self.pattern.folder().display(),
                path.display()
            ),
        });
        Ok(())
    }

    fn write_journal(&mut self) -> io::Result<()> {
        self.journalled = false;
        let unwritten = self.unwritten.iter().cloned().collect();
        let journal = Journal::new((*self.state_origin).clone(), self.state, unwritten);
        journal.write(&self.pattern)?;
        self.written = Some(journal);
        self.journalled = true;
        self.common.tried.store(self.mail, Ordering::Release);
        for path in self.closed.drain(..) {
            (self.notify)(Notice::SidecarClosed { path });
        }
        Ok(())
    }

    /// Writes the record to its file, or to the next free name if another record has come there; returns the name.
    fn write_sidecar(&self, unwritten: &Unwritten) -> io::Result<String> {
        let json = Record::read_back(unwritten.record.clone()).map_err(io::Error::other)?.to_json_pretty();
        let mut file = unwritten.file.clone();
        loop {
            let path = self.pattern.folder().join(&file);
            match sidecar::write_new(&self.pattern, &path, json.as_bytes()) {
                Ok(()) => return Ok(file),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    // Written in the moment before a crash.
                    if std::fs::read(&path).is_ok_and(|there| there == json.as_bytes()) {
                        return Ok(file);
                    }
                    file = self.pattern.free_name(unwritten.record.start, |_| false);
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Keeps to `max-files`, now that `file` has been written.
    fn remove_oldest(&mut self, file: String) -> io::Result<()> {
        let max = self.common.max_files.load(Ordering::Relaxed) as usize;
        if max == 0 {
            self.shelf = None;
            return Ok(());
        }
        let mut shelf = match self.shelf.take() {
            Some(shelf) => shelf,
            None => self.pattern.sidecars(&self.origin.site, &self.origin.camera)?.into(),
        };
        // Somebody may have taken a file away, and its name be given out again. The new one is the newest, whatever a clock
        // that was put back says of the others.
        shelf.retain(|other| *other != file && self.pattern.folder().join(other).exists());
        shelf.push_back(file);
        let shelf = self.shelf.insert(shelf);
        while shelf.len() > max
            && let Some(oldest) = shelf.pop_front()
        {
            match std::fs::remove_file(self.pattern.folder().join(oldest)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    /// The last word: what could not be written and stands in no journal is lost.
    fn close(mut self) {
        if !self.journalled {
            while !self.unwritten.is_empty() {
                self.lose_oldest();
            }
        }
    }
}

/// What the streaming thread has left for the writer.
#[derive(Default)]
struct Mail {
    /// At most [`KEPT_RECORDS`].
    records: VecDeque<Record>,
    /// The newest state; older ones are of no use.
    state: Option<State>,
    /// How many have been posted, with this one.
    number: u64,
}

#[derive(Default)]
struct Desk {
    mail: Mail,
    posted: u64,
    /// Rounds that somebody waits for, and the last of them that is done.
    asked: u64,
    answered: u64,
    stop: bool,
    stopped: bool,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    changed: Condvar,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        // No code that can panic runs while the desk is locked.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `done`, but not longer than [`PATIENCE`].
    fn wait(&self, mut desk: MutexGuard<'_, Desk>, done: impl Fn(&Desk) -> bool) -> bool {
        let until = Instant::now() + PATIENCE;
        while !done(&desk) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            desk = self.changed.wait_timeout(desk, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// The streaming thread's end of the writer. Nothing here touches a file, but for a writer without thread.
pub(super) struct Writer {
    shared: Arc<Shared>,
    common: Arc<Common>,
    /// The files, when the caller writes them himself.
    files: Option<Files>,
}

impl Writer {
    /// A writer whose files are written when [`flush`](Writer::flush) is called.
    pub fn on_caller(files: Files) -> Writer {
        Writer { shared: Arc::default(), common: files.common.clone(), files: Some(files) }
    }

    pub fn on_thread(files: Files) -> io::Result<Writer> {
        let (shared, common) = (Arc::<Shared>::default(), files.common.clone());
        let theirs = shared.clone();
        std::thread::Builder::new().name("maskcount-files".into()).spawn(move || run(&theirs, files))?;
        Ok(Writer { shared, common, files: None })
    }

    /// Leaves a new state and the records that were closed with it. Returns the number of this mail, for [`Common::tried`], and
    /// the record that had to make room, if one had.
    pub fn post(&self, records: impl IntoIterator<Item = Record>, state: State) -> (u64, Option<Record>) {
        let mut desk = self.shared.desk();
        let mut lost = None;
        for record in records {
            if desk.mail.records.len() >= KEPT_RECORDS {
                lost = desk.mail.records.pop_front();
                self.common.lost.fetch_add(1, Ordering::Relaxed);
            }
            desk.mail.records.push_back(record);
        }
        desk.posted += 1;
        (desk.mail.state, desk.mail.number) = (Some(state), desk.posted);
        self.shared.changed.notify_all();
        (desk.posted, lost)
    }

    /// Waits until what was posted has been written, or it was tried. False: the disk took longer than five seconds.
    pub fn flush(&mut self) -> bool {
        let mut desk = self.shared.desk();
        if let Some(files) = &mut self.files {
            let mail = std::mem::take(&mut desk.mail);
            drop(desk);
            files.round(mail);
            return true;
        }
        desk.asked += 1;
        let asked = desk.asked;
        self.shared.changed.notify_all();
        self.shared.wait(desk, |desk| desk.answered >= asked || desk.stopped)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(mut files) = self.files.take() {
            files.round(std::mem::take(&mut self.shared.desk().mail));
            files.close();
            return;
        }
        let mut desk = self.shared.desk();
        desk.stop = true;
        self.shared.changed.notify_all();
        // A thread that hangs in the kernel is left behind; the process need not hang with it.
        self.shared.wait(desk, |desk| desk.stopped);
    }
}

/// The writer's thread.
fn run(shared: &Shared, files: Files) {
    /// Says that the thread is gone, also when a notice panics.
    struct Stopped<'a>(&'a Shared);
    impl Drop for Stopped<'_> {
        fn drop(&mut self) {
            self.0.desk().stopped = true;
            self.0.changed.notify_all();
        }
    }
    let stopped = Stopped(shared);
    let mut files = files;
    let mut retry = RETRY.0;
    // What an earlier run left may be written before anything comes.
    let mut done = files.round(Mail::default());
    loop {
        let mut desk = shared.desk();
        let until = Instant::now() + retry;
        while desk.asked == desk.answered && !desk.stop {
            let has_mail = desk.mail.state.is_some();
            if done && has_mail {
                break;
            }
            let left = until.saturating_duration_since(Instant::now());
            if !done && left.is_zero() {
                break;
            }
            desk = if done {
                shared.changed.wait(desk).unwrap_or_else(PoisonError::into_inner)
            } else {
                shared.changed.wait_timeout(desk, left).unwrap_or_else(PoisonError::into_inner).0
            };
        }
        let mail = std::mem::take(&mut desk.mail);
        let (asked, stop) = (desk.asked, desk.stop);
        drop(desk);
        done = files.round(mail);
        retry = if done { RETRY.0 } else { (retry * 2).min(RETRY.1) };
        shared.desk().answered = asked;
        shared.changed.notify_all();
        if stop {
            files.close();
            drop(stopped);
            return;
        }
    }
}
