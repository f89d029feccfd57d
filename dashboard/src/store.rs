//! The store: every record that was ever read, which files were read, and what the broker has yet to get.
//!
//! One SQLite file, or memory when none is named. What one call changes is there as a whole or not at all, also after
//! `kill -9` and on a full disk; a power cut may take the last seconds, and the files of those are then read again.
//!
//! A record is known by what it says, so a folder that was copied or mounted twice counts once. Records stay when their
//! sidecar files go.

use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};

use crate::record::{Counts, Quality, Record, Window};
use crate::sidecar::Mark;

/// Of the tables below; a store of a newer one is not touched.
const VERSION: i64 = 1;

const TABLES: &str = "
    CREATE TABLE record (
        id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE, site TEXT NOT NULL, camera TEXT NOT NULL,
        start INTEGER NOT NULL, end INTEGER NOT NULL, masked INTEGER NOT NULL, unmasked INTEGER NOT NULL,
        incorrect INTEGER NOT NULL, unknown INTEGER NOT NULL, withdrawn INTEGER NOT NULL, coverage REAL NOT NULL,
        complete INTEGER NOT NULL, min_persons INTEGER NOT NULL, epsilon REAL NOT NULL, sensitivity REAL, specificity REAL);
    CREATE TABLE text (id INTEGER PRIMARY KEY, json TEXT NOT NULL);
    CREATE TABLE file (path TEXT PRIMARY KEY, bytes INTEGER NOT NULL, changed INTEGER NOT NULL, digest BLOB NOT NULL)
        WITHOUT ROWID;
    CREATE INDEX file_digest ON file (digest);
    CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, payload TEXT NOT NULL, retain INTEGER NOT NULL);
    CREATE TABLE place (name TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;";

const COLUMNS: &str = "site, camera, start, end, masked, unmasked, incorrect, unknown, withdrawn, coverage, complete, \
     min_persons, epsilon, sensitivity, specificity";

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store is of version {0}, this program knows {VERSION}: install a newer maskcount-dashboard")]
    Version(i64),
    #[error("the store: {0}")]
    Sql(#[from] rusqlite::Error),
}

/// A record of a site and camera, as far as it is kept in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub site: String,
    pub camera: String,
    pub window: Window,
}

impl From<&Record> for Kept {
    fn from(record: &Record) -> Kept {
        Kept { site: record.site.clone(), camera: record.camera.clone(), window: Window::from(&**record) }
    }
}

/// What the store did with a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Added(Kept),
    /// The file had another record of the same window before.
    Removed(Kept),
}

/// What the store did with some files.
#[derive(Debug)]
pub struct Taken {
    pub changes: Vec<Change>,
    /// Place of the newest record.
    pub newest: i64,
}

/// A file that was read.
#[derive(Debug)]
pub struct ReadFile {
    pub path: String,
    pub mark: Mark,
    pub record: Record,
}

/// A message for the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub topic: String,
    pub payload: String,
    pub retain: bool,
}

#[derive(Debug)]
pub struct Store {
    sql: Mutex<Connection>,
    /// Only the announcements of records need their texts, and they need a file.
    keeps_texts: bool,
}

impl Store {
    /// Opens the store in that file, which is made if it is not there; `None`: in memory.
    pub fn open(path: Option<&Path>) -> Result<Store, StoreError> {
        let mut sql = match path {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        sql.busy_timeout(Duration::from_secs(5))?;
        sql.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
        // Two programs must not both hand the same messages to the broker.
        sql.execute_batch("PRAGMA locking_mode = EXCLUSIVE;")?;
        let all = sql.transaction()?;
        match all.query_row("PRAGMA user_version", [], |row| row.get(0))? {
            0 => {
                all.execute_batch(TABLES)?;
                all.execute_batch(&format!("PRAGMA user_version = {VERSION};"))?;
            }
            VERSION => {}
            other => return Err(StoreError::Version(other)),
        }
        all.commit()?;
        Ok(Store { sql: Mutex::new(sql), keeps_texts: path.is_some() })
    }

    fn sql(&self) -> MutexGuard<'_, Connection> {
        self.sql.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Every record, in the order in which they came.
    pub fn each(&self, mut take: impl FnMut(Kept)) -> Result<(), StoreError> {
        let sql = self.sql();
        let mut all = sql.prepare(&format!("SELECT {COLUMNS} FROM record"))?;
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            take(kept(row)?);
        }
        Ok(())
    }

    /// Whether the file was read as it is now.
    pub fn is_known(&self, path: &str, mark: Mark) -> Result<bool, StoreError> {
        let sql = self.sql();
        let mut known = sql.prepare_cached("SELECT 1 FROM file WHERE path = ?1 AND bytes = ?2 AND changed = ?3")?;
        Ok(known.exists(params![path, mark.bytes as i64, mark.changed])?)
    }

    /// Takes the records of files in, all or none of them.
    pub fn take(&self, files: &[ReadFile]) -> Result<Taken, StoreError> {
        let mut sql = self.sql();
        let all = sql.transaction()?;
        let mut changes = Vec::new();
        for file in files {
            take_file(&all, file, self.keeps_texts, &mut changes)?;
        }
        let newest = newest(&all)?;
        all.commit()?;
        Ok(Taken { changes, newest })
    }

    /// Where a reader of the records has got to: `None` if it never was here.
    pub fn place(&self, name: &str) -> Result<Option<i64>, StoreError> {
        let sql = self.sql();
        Ok(sql.query_row("SELECT id FROM place WHERE name = ?1", [name], |row| row.get(0)).optional()?)
    }

    /// Place of the newest record.
    pub fn newest(&self) -> Result<i64, StoreError> {
        newest(&self.sql())
    }

    /// Up to `limit` records after a place and not after `newest`, in the order in which they came, each with its own
    /// place.
    pub fn after(&self, place: i64, newest: i64, limit: usize) -> Result<Vec<(i64, String)>, StoreError> {
        let sql = self.sql();
        let mut next =
            sql.prepare_cached("SELECT id, json FROM text WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3")?;
        let rows = next.query_map(params![place, newest, limit as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The record of the newest window of each camera, of those not after the place `newest`.
    pub fn last_of_each(&self, newest: i64) -> Result<Vec<String>, StoreError> {
        let sql = self.sql();
        let mut last = sql.prepare(
            "SELECT json FROM text JOIN (SELECT id, max(start) FROM record WHERE id <= ?1 GROUP BY site, camera) USING (id) \
             ORDER BY id",
        )?;
        let rows = last.query_map([newest], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Puts messages into the outbox and moves the reader on, both or neither.
    pub fn post(&self, messages: &[Message], reader: &str, place: i64) -> Result<(), StoreError> {
        let mut sql = self.sql();
        let all = sql.transaction()?;
        for m in messages {
            let mut post = all.prepare_cached("INSERT INTO outbox (topic, payload, retain) VALUES (?1, ?2, ?3)")?;
            post.execute(params![m.topic, m.payload, m.retain])?;
        }
        all.execute("INSERT OR REPLACE INTO place (name, id) VALUES (?1, ?2)", params![reader, place])?;
        all.commit()?;
        Ok(())
    }

    /// The first message after that one.
    pub fn message_after(&self, id: i64) -> Result<Option<(i64, Message)>, StoreError> {
        let sql = self.sql();
        let mut next =
            sql.prepare_cached("SELECT id, topic, payload, retain FROM outbox WHERE id > ?1 ORDER BY id LIMIT 1")?;
        let read =
            |row: &Row| Ok((row.get(0)?, Message { topic: row.get(1)?, payload: row.get(2)?, retain: row.get(3)? }));
        Ok(next.query_row([id], read).optional()?)
    }

    /// The broker has this message and all before it.
    pub fn sent(&self, id: i64) -> Result<(), StoreError> {
        self.sql().execute("DELETE FROM outbox WHERE id <= ?1", [id])?;
        Ok(())
    }
}

fn newest(sql: &Connection) -> Result<i64, StoreError> {
    Ok(sql.query_row("SELECT coalesce(max(id), 0) FROM record", [], |row| row.get(0))?)
}

fn take_file(
    all: &Transaction,
    file: &ReadFile,
    keeps_texts: bool,
    changes: &mut Vec<Change>,
) -> Result<(), StoreError> {
    let json = file.record.to_json();
    let digest = Sha256::digest(json.as_bytes())[..16].to_vec();
    let new = Kept::from(&file.record);
    let mut before = all.prepare_cached("SELECT digest FROM file WHERE path = ?1")?;
    let before: Option<Vec<u8>> = before.query_row([&file.path], |row| row.get(0)).optional()?;
    let mut put =
        all.prepare_cached("INSERT OR REPLACE INTO file (path, bytes, changed, digest) VALUES (?1, ?2, ?3, ?4)")?;
    put.execute(params![file.path, file.mark.bytes as i64, file.mark.changed, digest])?;
    if let Some(before) = before.filter(|before| *before != digest) {
        take_out(all, &before, &new, changes)?;
    }
    let w = &new.window;
    let mut add = all.prepare_cached(&format!(
        "INSERT OR IGNORE INTO record (digest, {COLUMNS}) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)"
    ))?;
    let added = add.execute(params![
        digest,
        new.site,
        new.camera,
        w.start,
        w.end,
        w.counts.masked as i64,
        w.counts.unmasked as i64,
        w.counts.incorrect as i64,
        w.counts.unknown as i64,
        w.counts.withdrawn as i64,
        w.coverage,
        w.complete,
        w.min_persons,
        w.epsilon,
        w.quality.map(|q| q.sensitivity),
        w.quality.map(|q| q.specificity),
    ])?;
    if added == 1 {
        if keeps_texts {
            let mut text = all.prepare_cached("INSERT INTO text (id, json) VALUES (?1, ?2)")?;
            text.execute(params![all.last_insert_rowid(), json])?;
        }
        changes.push(Change::Added(new));
    }
    Ok(())
}

/// Takes out the record that the file had before, if the new one is of the same window: then it was mended. One of another
/// window is an older record whose file name is used again; it stays. So does one that a copy still says; files that are
/// gone, as those of a folder that was moved, say nothing.
fn take_out(all: &Transaction, digest: &[u8], new: &Kept, changes: &mut Vec<Change>) -> Result<(), StoreError> {
    let mut copies = all.prepare_cached("SELECT path FROM file WHERE digest = ?1")?;
    for path in copies.query_map([digest], |row| row.get::<_, String>(0))? {
        // What cannot be looked at may be there.
        if Path::new(&path?).try_exists().unwrap_or(true) {
            return Ok(());
        }
    }
    let mut find = all.prepare_cached(&format!("SELECT {COLUMNS}, id FROM record WHERE digest = ?1"))?;
    let old = find.query_row([digest], |row| Ok((kept(row)?, row.get::<_, i64>(15)?))).optional()?;
    let Some((old, id)) = old else { return Ok(()) };
    if (&old.site, &old.camera, old.window.start) == (&new.site, &new.camera, new.window.start) {
        all.execute("DELETE FROM record WHERE id = ?1", [id])?;
        all.execute("DELETE FROM text WHERE id = ?1", [id])?;
        changes.push(Change::Removed(old));
    }
    Ok(())
}

fn kept(row: &Row) -> rusqlite::Result<Kept> {
    let count = |column| Ok::<_, rusqlite::Error>(row.get::<_, i64>(column)? as u64);
    let (sensitivity, specificity): (Option<f64>, Option<f64>) = (row.get(13)?, row.get(14)?);
    let window = Window {
        start: row.get(2)?,
        end: row.get(3)?,
        counts: Counts {
            masked: count(4)?,
            unmasked: count(5)?,
            incorrect: count(6)?,
            unknown: count(7)?,
            withdrawn: count(8)?,
        },
        coverage: row.get(9)?,
        complete: row.get(10)?,
        min_persons: row.get(11)?,
        epsilon: row.get(12)?,
        quality: sensitivity.zip(specificity).map(|(sensitivity, specificity)| Quality { sensitivity, specificity }),
    };
    Ok(Kept { site: row.get(0)?, camera: row.get(1)?, window })
}
