//! The journal: the open window and the records that are not in their sidecar file yet, on disk beside the sidecars.
//!
//! It holds exact counts of a window that may not be given out, so only its owner may read it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::WINDOW_SECONDS;
use super::privacy::{Held, Origin};
use super::record::{Fields, Record};
use super::sidecar::{self, Access, Pattern};

const SCHEMA: &str = "maskcount-journal/1";

/// What stands in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Journal {
    schema: String,
    pub origin: Origin,
    pub state: State,
    pub unwritten: Vec<Unwritten>,
}

/// The state of the report at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub open: Option<Held>,
}

/// A record and the file that it goes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Unwritten {
    pub file: String,
    pub record: Fields,
}

/// What was found at start.
pub(super) enum Found {
    Nothing,
    Journal(Box<Journal>),
    /// Not a journal of this camera: where it was put, and what is wrong with it.
    SetAside {
        path: PathBuf,
        why: String,
    },
}

impl Journal {
    pub fn new(origin: Origin, state: State, unwritten: Vec<Unwritten>) -> Journal {
        Journal { schema: SCHEMA.to_owned(), origin, state, unwritten }
    }

    fn is_empty(&self) -> bool {
        self.state.open.is_none() && self.unwritten.is_empty()
    }

    /// Puts the journal in the place of the one before; one with nothing in it is removed.
    pub fn write(&self, pattern: &Pattern) -> io::Result<()> {
        if !self.is_empty() {
            let json = serde_json::to_vec(self).map_err(io::Error::other)?;
            return sidecar::write(pattern, &pattern.journal(), &json, Access::Owner);
        }
        match std::fs::remove_file(pattern.journal()) {
            Ok(()) => sidecar::sync_folder(pattern.folder()),
            // Nothing to remove is what is wanted, as long as the folder is there.
            Err(e) if e.kind() == io::ErrorKind::NotFound => sidecar::sync_folder(pattern.folder()),
            Err(e) => Err(e),
        }
    }

    /// Reads what an earlier run left; what is no journal of this camera is put aside and never read again.
    pub fn read(pattern: &Pattern, origin: &Origin) -> io::Result<Found> {
        let path = pattern.journal();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(e) => return Err(e),
        };
        let why = match serde_json::from_slice::<Journal>(&bytes) {
            Err(e) => format!("it cannot be read ({e})"),
            Ok(j) => match j.wrong(origin) {
                None => return Ok(Found::Journal(Box::new(j))),
                Some(why) => why,
            },
        };
        Ok(Found::SetAside { path: put_aside(&path)?, why })
    }

    /// Puts aside the journal that is there, unless it is this one or holds nothing; tells where.
    pub fn put_aside_unless(ours: Option<&Journal>, pattern: &Pattern) -> io::Result<Option<PathBuf>> {
        let path = pattern.journal();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let is_ours = ours.is_some_and(|ours| serde_json::to_vec(ours).is_ok_and(|text| text == bytes));
        let is_empty = || serde_json::from_slice::<Journal>(&bytes).is_ok_and(|j| j.is_empty());
        if is_ours || is_empty() { Ok(None) } else { put_aside(&path).map(Some) }
    }

    fn wrong(&self, origin: &Origin) -> Option<String> {
        if self.schema != SCHEMA {
            return Some(format!("its schema is \"{}\"", self.schema));
        }
        if (&self.origin.site, &self.origin.camera) != (&origin.site, &origin.camera) {
            return Some(format!("it is of camera \"{}\" at site \"{}\"", self.origin.camera, self.origin.site));
        }
        if !WINDOW_SECONDS.contains(&self.origin.window)
            || self.origin.model.quality.is_some_and(|q| !q.says_something())
            || self.state.open.is_some_and(|held| !held.is_plausible())
        {
            return Some("its numbers cannot be".to_owned());
        }
        for unwritten in &self.unwritten {
            if !sidecar::is_plain_name(&unwritten.file) {
                return Some(format!("it names the file \"{}\"", unwritten.file));
            }
            if let Err(e) = Record::read_back(unwritten.record.clone()) {
                return Some(e.to_string());
            }
        }
        None
    }
}

/// Gives the journal a name under which nobody reads it; tells which.
fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let named = |number: u32| match number {
        1 => path.with_extension("journal.aside"),
        _ => path.with_extension(format!("journal.aside-{number}")),
    };
    // One that was put aside before is not lost for this one.
    let aside = (1..).map(named).find(|aside| aside.symlink_metadata().is_err()).expect("numbers do not end");
    std::fs::rename(path, &aside)?;
    Ok(aside)
}

/// The right to write the files of a pattern; the system takes it back when the process ends, however it ends.
pub(super) struct Lock(File);

impl Lock {
    /// `None`: somebody else holds it.
    pub fn take(path: &Path) -> io::Result<Option<Lock>> {
        let file = File::options().create(true).append(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(e)) => Err(e),
        }
    }

    /// Whether the lock is still on the file of that name, and not on one that was removed with its folder.
    #[cfg(unix)]
    pub fn is_on(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        match (self.0.metadata(), std::fs::metadata(path)) {
            (Ok(held), Ok(there)) => (held.dev(), held.ino()) == (there.dev(), there.ino()),
            _ => false,
        }
    }

    /// An open file cannot be removed on other systems.
    #[cfg(not(unix))]
    pub fn is_on(&self, path: &Path) -> bool {
        path.exists()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process that was forked in between has the file open too, until it runs its program.
        // When this fails, closing is what is left.
        let _ = self.0.unlock();
    }
}
