//! Follows the folders: reads what is new, tells the store, then the history.
//!
//! The system says which files change. Network file systems do not, so all folders are also gone through now and then.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant, SystemTime};

use notify::{RecursiveMode, Watcher};

use crate::server::{Event, State};
use crate::sidecar::{self, Folder, Mark};
use crate::store::{Change, ReadFile, Store, Taken};

/// Files whose records are taken in at once.
const BATCH: usize = 1000;

/// Shortest time between two passes through all folders.
const RESCAN: Duration = Duration::from_secs(30);

/// The passes may take this part of the time: with many files they come rarely.
const RESCAN_PART: u32 = 20;

/// Time to the next try after the store took nothing.
const RETRY: Duration = Duration::from_secs(5);

/// How often the first pass says how far it is.
const PROGRESS: Duration = Duration::from_secs(5);

/// Reads the folders for as long as the program runs.
pub struct Intake {
    folders: Vec<Folder>,
    store: Arc<Store>,
    state: Arc<State>,
    /// Files that are no record, as they were when they were named in the log.
    refused: HashMap<PathBuf, Mark>,
    /// Other troubles that were named in the log.
    named: HashMap<(About, PathBuf), String>,
    read: Vec<ReadFile>,
}

/// What a trouble is with: each is over when that works again.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum About {
    /// Reading a folder.
    Folder,
    /// Being told of new files in it.
    Watch,
    Store,
}

impl Intake {
    pub fn new(folders: Vec<Folder>, store: Arc<Store>, state: Arc<State>) -> Intake {
        Intake { folders, store, state, refused: HashMap::new(), named: HashMap::new(), read: Vec::new() }
    }

    /// Reads all folders, calls `ready`, and follows them until the process ends.
    pub fn run(mut self, ready: impl FnOnce()) {
        let (tell, changed) = channel();
        let mut watcher = self.watcher(tell);
        let mut ready = Some(ready);
        loop {
            // Before the pass, so that nothing falls between the two.
            self.watch(&mut watcher);
            let begin = Instant::now();
            let whole = self.pass(ready.is_some());
            if whole && let Some(ready) = ready.take() {
                ready();
            }
            let pause = if whole { RESCAN.max(begin.elapsed() * RESCAN_PART) } else { RETRY };
            self.follow(&changed, Instant::now() + pause);
        }
    }

    fn watcher(&mut self, tell: Sender<notify::Event>) -> Option<notify::RecommendedWatcher> {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Errors and overruns: the next pass finds what was missed. When the receiver is gone, so is the program.
            if let Ok(event) = event {
                let _ = tell.send(event);
            }
        });
        watcher
            .map_err(|e| {
                self.name(About::Watch, Path::new("/"), &format!("the system does not tell of new files ({e})"))
            })
            .ok()
    }

    fn watch(&mut self, watcher: &mut Option<notify::RecommendedWatcher>) {
        let Some(watcher) = watcher else { return };
        for path in self.folders.iter().map(|folder| folder.path.clone()).collect::<Vec<_>>() {
            if !path.is_dir() {
                continue;
            }
            // Again and again: a folder that was removed and made again has lost its watch.
            match watcher.watch(&path, RecursiveMode::NonRecursive) {
                Ok(()) => self.is_over(About::Watch, &path),
                Err(e) => self.name(
                    About::Watch,
                    &path,
                    &format!("the system does not tell of new files here ({e}); it is looked at now and then"),
                ),
            }
        }
    }

    /// Says a trouble, once until it is over.
    fn name(&mut self, about: About, path: &Path, trouble: &str) {
        if self.named.insert((about, path.to_owned()), trouble.to_owned()).as_deref() != Some(trouble) {
            log(&format!("{}: {trouble}", path.display()));
        }
    }

    fn is_over(&mut self, about: About, path: &Path) {
        self.named.remove(&(about, path.to_owned()));
    }

    /// Takes up what the system tells until `end`. While the store takes nothing that is all that is left to do: the next
    /// pass finds everything again.
    fn follow(&mut self, changed: &Receiver<notify::Event>, end: Instant) {
        let mut full = false;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            let first = match changed.recv_timeout(left) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => return,
                // Without a watcher nothing is told.
                Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(left);
                    return;
                }
            };
            let events: Vec<notify::Event> = std::iter::once(first).chain(changed.try_iter()).collect();
            // More has changed than could be told: the next pass finds it, and these too.
            if events.iter().any(notify::Event::need_rescan) {
                return;
            }
            if !full {
                events.iter().for_each(|event| self.look_at(event));
                full = !self.take();
            }
        }
    }

    /// Goes through all folders; false when the store did not take everything.
    fn pass(&mut self, first: bool) -> bool {
        let (mut whole, mut seen, mut said) = (true, 0usize, Instant::now());
        for folder in self.folders.clone() {
            let entries = match std::fs::read_dir(&folder.path) {
                Ok(entries) => entries,
                Err(e) => {
                    self.name(
                        About::Folder,
                        &folder.path,
                        &format!("the folder cannot be read ({e}); it is tried again"),
                    );
                    continue;
                }
            };
            self.is_over(About::Folder, &folder.path);
            for entry in entries.flatten() {
                self.look(&entry.path());
                seen += 1;
                if self.read.len() >= BATCH {
                    whole &= self.take();
                }
                if first && said.elapsed() > PROGRESS {
                    log(&format!("{seen} files looked at so far"));
                    said = Instant::now();
                }
            }
        }
        whole & self.take()
    }

    /// Reads the files that an event says are written. On Linux that is said when they are closed or renamed; other
    /// events come too early, or from this program's own reading.
    fn look_at(&mut self, event: &notify::Event) {
        use notify::EventKind::{Access, Modify};
        use notify::event::{AccessKind, AccessMode, ModifyKind};
        let written = matches!(event.kind, Access(AccessKind::Close(AccessMode::Write)) | Modify(ModifyKind::Name(_)));
        if written || !cfg!(target_os = "linux") {
            event.paths.iter().for_each(|path| self.look(path));
        }
    }

    /// Reads a file unless it is known as it is. Several cameras may share a folder: it is that one's whose it says it is.
    fn look(&mut self, path: &Path) {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else { return };
        if !sidecar::is_sidecar_name(&name) {
            return;
        }
        // Gone between two looks.
        let Ok(there) = std::fs::metadata(path) else { return };
        let mark = Mark::of(&there);
        let text = path.to_string_lossy().into_owned();
        if self.refused.get(path) == Some(&mark) || self.store.is_known(&text, mark).unwrap_or(false) {
            return;
        }
        let mark = mark.when_read(SystemTime::now());
        let mut refused = None;
        for folder in self.folders.iter().filter(|folder| path.parent() == Some(&folder.path)) {
            match sidecar::read(path, folder) {
                Ok(record) => {
                    self.refused.remove(path);
                    self.read.push(ReadFile { path: text, mark, record });
                    return;
                }
                Err(sidecar::Refused::Disk(e)) if e.kind() == std::io::ErrorKind::NotFound => return,
                Err(why) => refused = refused.or(Some(why)),
            }
        }
        let Some(why) = refused else { return };
        let mark = if matches!(why, sidecar::Refused::Early(_)) { mark.unread() } else { mark };
        if self.refused.insert(path.to_owned(), mark).is_none() {
            log(&format!("{}: left out, {why}", path.display()));
        }
    }

    /// Gives what was read to the store and then to the history; false when the store does not take it. It is read again
    /// with the next pass.
    fn take(&mut self) -> bool {
        let read = std::mem::take(&mut self.read);
        if read.is_empty() {
            return true;
        }
        match self.store.take(&read) {
            Ok(taken) => {
                self.is_over(About::Store, Path::new("store"));
                self.tell(taken);
                true
            }
            Err(e) => {
                let trouble = format!("{e}; nothing is lost, it is tried again until there is room");
                self.name(About::Store, Path::new("store"), &trouble);
                false
            }
        }
    }

    fn tell(&self, Taken { changes, newest }: Taken) {
        self.state.change(|history| {
            let mut days: Vec<(String, jiff::civil::Date)> = Vec::new();
            for change in changes {
                let (kept, date) = match change {
                    Change::Added(kept) => {
                        let date = history.insert(&kept.site, &kept.camera, kept.window);
                        (kept, date)
                    }
                    Change::Removed(kept) => {
                        history.remove(&kept.site, &kept.camera, &kept.window);
                        let date = history.date_of(&kept.window);
                        (kept, date)
                    }
                };
                if days.last().is_none_or(|(site, last)| (site, *last) != (&kept.site, date)) {
                    days.push((kept.site, date));
                }
            }
            history.reach(newest);
            days.sort();
            days.dedup();
            days.into_iter().map(|(site, date)| Event::Records { site, date }).collect()
        });
    }
}

/// One line on standard error, where service managers look for it.
pub fn log(line: &str) {
    eprintln!("maskcount-dashboard: {line}");
}
