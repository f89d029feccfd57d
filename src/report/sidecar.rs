//! Sidecar files: their names, how one is written so that it is whole or not there, and which ones are old.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use jiff::{Timestamp, fmt::strtime};
use sha2::{Digest, Sha256};

use super::ReportError;
use super::record::Record;

/// Longest file name, in bytes: what file systems allow less what a number and a temporary name add.
const LONGEST_NAME: usize = 200;

/// No record is as long as this; what is longer is not read when old sidecars are looked for.
const LONGEST_RECORD: u64 = 64 * 1024;

/// The names of the files of one report, from the property `location`.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    folder: PathBuf,
    /// strftime pattern of the file name, without folder.
    name: String,
    /// Begin of the name of each file that is not a sidecar; other patterns in the same folder have another.
    key: String,
}

impl Pattern {
    pub fn new(location: &str) -> Result<Pattern, ReportError> {
        let bad = |why: &str| ReportError::Location { location: location.to_owned(), why: why.to_owned() };
        let path = std::path::absolute(location).map_err(|e| bad(&e.to_string()))?;
        let (Some(Component::Normal(name)), Some(folder)) = (path.components().next_back(), path.parent()) else {
            return Err(bad("it names no file"));
        };
        if matches!(location.rsplit(std::path::is_separator).next(), Some("" | ".")) {
            return Err(bad("it names a folder, not a file"));
        }
        let name = name.to_str().ok_or_else(|| bad("it is not UTF-8"))?.to_owned();
        if folder.to_string_lossy().contains('%') {
            return Err(bad("only the file name may have a pattern, not its folder"));
        }
        let example = strtime::format(&name, Timestamp::UNIX_EPOCH).map_err(|e| bad(&e.to_string()))?;
        if !is_plain_name(&example) {
            return Err(bad("the pattern gives a name that is not that of a file within the folder"));
        }
        if example.len() > LONGEST_NAME {
            return Err(bad("the file name is too long"));
        }
        let readable: String = name
            .split('%')
            .next()
            .unwrap_or_default()
            .trim_end_matches(['-', '_', '.'])
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .take(32)
            .collect();
        let digest = Sha256::digest(name.as_bytes());
        let key = format!(".maskcount-{readable}-{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]);
        Ok(Pattern { folder: folder.to_owned(), name, key })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn journal(&self) -> PathBuf {
        self.folder.join(format!("{}.journal", self.key))
    }

    pub fn lock(&self) -> PathBuf {
        self.folder.join(format!("{}.lock", self.key))
    }

    /// Name of the `number`-th sidecar of a window that starts at `start`: `a.json`, `a-2.json`, `a-3.json` …
    fn file_name(&self, start: Timestamp, number: u32) -> String {
        // `new` has tried the pattern; which fields it may use does not depend on the time.
        let name = strtime::format(&self.name, start).unwrap_or_else(|_| format!("{}-{start}", &self.key[1..]));
        if number == 1 {
            return name;
        }
        match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => format!("{stem}-{number}.{extension}"),
            _ => format!("{name}-{number}"),
        }
    }

    /// The first name for a window that starts at `start` that is neither there nor `taken`.
    pub fn free_name(&self, start: Timestamp, taken: impl Fn(&str) -> bool) -> String {
        (1..)
            .map(|number| self.file_name(start, number))
            .find(|name| !taken(name) && self.folder.join(name).symlink_metadata().is_err())
            .expect("a folder holds fewer files than there are numbers")
    }

    /// The record in the file of that name, if it is one that this pattern gave to `camera` at `site`.
    fn record_of(&self, name: &str, site: &str, camera: &str) -> Option<Record> {
        let path = self.folder.join(name);
        let there = path.symlink_metadata().ok()?;
        if !there.is_file() || there.len() > LONGEST_RECORD {
            return None;
        }
        let record = Record::from_json(&std::fs::read_to_string(path).ok()?).ok()?;
        let plain = self.file_name(record.start, 1);
        let stem = plain.rsplit_once('.').map_or(plain.as_str(), |(stem, _)| stem);
        let number = name.strip_prefix(stem)?.strip_prefix('-').and_then(|rest| rest.split('.').next()?.parse().ok());
        let ours = name == plain || number.is_some_and(|n| n > 1 && name == self.file_name(record.start, n));
        (ours && (record.site.as_str(), record.camera.as_str()) == (site, camera)).then_some(record)
    }

    /// All sidecars in the folder that this pattern gave to `camera` at `site`, in the order in which they were written:
    /// a recording that is older than the ones before it is counted last.
    pub fn sidecars(&self, site: &str, camera: &str) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if let Some(record) = self.record_of(&name, site, camera) {
                let written = entry.metadata().and_then(|there| there.modified()).ok();
                // `a-2` and `a-10` begin alike: the shorter is the older.
                found.push((written, record.start, name.len(), name));
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(.., name)| name).collect())
    }

    /// Removes what a run that was killed left half written. Only for the holder of the lock.
    pub fn remove_unfinished(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.strip_prefix(&self.key).is_some_and(|rest| rest.ends_with(".tmp")) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Whether it names a file right in the folder.
pub(super) fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name)
        && !name.contains(['/', '\\', '\0', '\n'])
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Its owner alone.
    Owner,
    /// Everyone whom the umask allows.
    Everyone,
}

#[cfg(unix)]
fn permissions(access: Access) -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(match access {
        Access::Owner => 0o600,
        Access::Everyone => 0o666,
    }))
}

#[cfg(not(unix))]
fn permissions(_: Access) -> Option<Permissions> {
    None
}

/// A file in the folder with those bytes, on the disk, but under a name that nobody looks for.
fn unnamed(pattern: &Pattern, bytes: &[u8], access: Access) -> io::Result<tempfile::NamedTempFile> {
    let prefix = format!("{}.", pattern.key);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    if let Some(permissions) = permissions(access) {
        builder.permissions(permissions);
    }
    let mut file = builder.tempfile_in(&pattern.folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Writes the file, in the place of one that is there: a reader sees the old or the new one, never a part.
pub(super) fn write(pattern: &Pattern, path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    unnamed(pattern, bytes, access)?.persist(path)?;
    sync_folder(&pattern.folder)
}

/// Writes a file that is not there yet; an error of kind `AlreadyExists` if it is.
pub(super) fn write_new(pattern: &Pattern, path: &Path, bytes: &[u8]) -> io::Result<()> {
    unnamed(pattern, bytes, Access::Everyone)?.persist_noclobber(path)?;
    sync_folder(&pattern.folder)
}

/// Brings the names of the folder to the disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    match File::open(folder)?.sync_all() {
        // Some file systems, of networks above all, know this for files only.
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        result => result,
    }
}
