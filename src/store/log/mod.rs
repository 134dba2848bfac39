//! The commit log: what makes a commit durable with one wait for the disk.
//!
//! It is a row of segment files ([`segment`]) of [`record`]s, one record for each group of commits that became durable
//! together. A segment is filled with zeroes before it is used, so that `fdatasync` of an append has no metadata to
//! write; when all of it is in sled it is kept as a spare and used again. Spares are also the room in which deletes
//! are logged when the disk is full.
//!
//! A record that was cut off by a crash was never acknowledged and is ignored, but only as the last one: behind each
//! record that is not whole the rest of the log is searched, and a whole record found there means that something
//! acknowledged was damaged.

mod record;
mod segment;

use std::{
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
};

pub use record::Group;
use segment::{HEADER_BYTES, Header, Segment};
use tracing::warn;

use super::{Sequence, Write, folder::sync_folder, io_error};
use crate::error::{Error, Result};

/// Spare segments to keep: one to go on with while the next is being prepared.
const SPARES: usize = 2;

/// The log, open for appending.
pub struct Log {
    folder: PathBuf,
    segment_bytes: u64,
    /// Segments that still hold something that is not in the base, oldest first; the last one is written to.
    segments: Vec<Segment>,
    /// An append failed, so that what the current segment ends with is unknown: go on in a new one.
    rotate: bool,
}

impl Log {
    /// Starts a log in an empty folder.
    pub fn create(folder: &Path, segment_bytes: u64, first: Sequence) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|error| io_error("create", folder, &error))?;
        let mut log = Log { folder: folder.into(), segment_bytes, segments: Vec::new(), rotate: false };
        log.start_segment(1, first, 0)?;
        Ok(log)
    }

    /// Reads the log back, handing the writes of each commit after `checkpoint` to `apply` in order, and opens it for
    /// appending. `checkpoint` is the last commit that the base has; every later one must be here. With `force`, what is damaged is skipped.
    pub fn recover(
        folder: &Path,
        segment_bytes: u64,
        checkpoint: Sequence,
        force: bool,
        mut apply: impl FnMut(Sequence, Vec<Write>),
    ) -> Result<(Self, Sequence)> {
        let mut complaints = Complaints { force };
        if !folder.exists() {
            complaints.add(format!("the log in '{}' is missing", folder.display()))?;
            fs::create_dir_all(folder).map_err(|error| io_error("create", folder, &error))?;
        }
        segment::remove_unfinished(folder)?;
        let mut segments = segment::list(folder)?;
        match segments.first() {
            None => complaints.add(format!("'{}' has no log files", folder.display()))?,
            Some(first) if first.first > checkpoint + 1 => complaints.add(format!(
                "the log begins with commit {} but sled ends with commit {checkpoint}",
                first.first
            ))?,
            Some(_) => {}
        }
        let mut last = checkpoint;
        for index in 0..segments.len() {
            let end = segments.get(index + 1).map(|next| next.first);
            let segment = &mut segments[index];
            let bytes = segment.read()?;
            let mut expected = segment.first;
            let mut at = HEADER_BYTES;
            loop {
                match record::read(&bytes, at, segment.salt) {
                    Some(found) if end.is_none_or(|first| found.first < first) => {
                        expected = found.first + found.commits.len() as u64;
                        at = found.end;
                        for (sequence, writes) in (found.first..).zip(found.commits) {
                            if sequence > checkpoint {
                                apply(sequence, writes);
                            }
                        }
                    }
                    Some(_) => break,
                    None => match record::search(&bytes, at, segment.salt, expected) {
                        Some(after) => {
                            complaints.add(format!(
                                "'{}' is damaged between bytes {at} and {after}",
                                segment.path.display()
                            ))?;
                            at = after;
                        }
                        None => break,
                    },
                }
            }
            if let Some(first) = end
                && first > expected
            {
                complaints.add(format!(
                    "'{}' ends before commit {first}, with which the next log file begins",
                    segment.path.display()
                ))?;
            }
            segment.last = expected - 1;
            last = last.max(expected - 1);
        }
        let mut log = Log { folder: folder.into(), segment_bytes, segments, rotate: false };
        let number = log.segments.last().map_or(1, |segment| segment.number + 1);
        log.start_segment(number, last + 1, 0)?;
        log.recycle(checkpoint)?;
        Ok((log, last))
    }

    /// Appends a group of commits and waits until it is on disk. After an error none of the group counts, whatever
    /// reached the disk: the next segment will say where it begins.
    pub fn append(&mut self, group: &mut Group, first: Sequence) -> Result<()> {
        let needed = group.len() as u64;
        let current = self.segments.last().ok_or_else(|| Error::Internal("the log has no segment".into()))?;
        if self.rotate || current.room() < needed {
            let number = current.number + 1;
            self.start_segment(number, first, needed)?;
            self.rotate = false;
        }
        let last = first + group.commits() as u64 - 1;
        let Some(current) = self.segments.last_mut() else { return Ok(()) };
        let appended = current.append(group.seal(first, current.salt), last);
        self.rotate = appended.is_err();
        appended
    }

    /// Removes the segments whose commits are all in the base up to `checkpoint`, keeping some as spares.
    pub fn recycle(&mut self, checkpoint: Sequence) -> Result<()> {
        let in_use = self.segments.len() - 1;
        let done = self.segments[..in_use].iter().take_while(|segment| segment.last <= checkpoint).count();
        for segment in self.segments.drain(..done) {
            let spares = segment::spares(&self.folder)?;
            if spares.len() < SPARES && segment.bytes == self.segment_bytes {
                segment.retire(&self.folder)?;
            } else {
                fs::remove_file(&segment.path).map_err(|error| io_error("remove", &segment.path, &error))?;
            }
        }
        if done > 0 { sync_folder(&self.folder) } else { Ok(()) }
    }

    /// Bytes of the log files that are in use.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    fn start_segment(&mut self, number: u64, first: Sequence, needed: u64) -> Result<()> {
        let bytes = self.segment_bytes.max(needed + HEADER_BYTES as u64);
        let spare = segment::spares(&self.folder)?.into_iter().next();
        let source = match spare {
            Some(spare) if bytes == self.segment_bytes => spare,
            _ => segment::prepare(&self.folder, bytes)?,
        };
        let segment = Segment::start(&self.folder, &source, Header { number, first, salt: rand::random() })?;
        self.segments.push(segment);
        Ok(())
    }
}

/// Prepares spare segments until there are enough, unless the disk is full. Called beside the commits.
pub fn prepare_spares(folder: &Path, segment_bytes: u64) -> Result<()> {
    while segment::spares(folder)?.len() < SPARES {
        segment::prepare(folder, segment_bytes)?;
    }
    Ok(())
}

/// Where the whole records of a log file are.
#[cfg(test)]
pub fn records(path: &Path) -> Vec<std::ops::Range<usize>> {
    let bytes = fs::read(path).unwrap();
    let salt = u64::from_le_bytes(bytes[24..32].try_into().unwrap());
    let mut start = HEADER_BYTES;
    let next = || {
        let record = start..record::read(&bytes, start, salt)?.end;
        start = record.end;
        Some(record)
    };
    std::iter::from_fn(next).collect()
}

/// Damage found while reading: the first one ends it, unless the operator wants to go on regardless.
struct Complaints {
    force: bool,
}

impl Complaints {
    fn add(&mut self, what: String) -> Result<()> {
        if self.force {
            warn!(%what, "recovering with possible loss of acknowledged writes");
            Ok(())
        } else {
            Err(Error::Damaged(what))
        }
    }
}

fn open(path: &Path) -> Result<File> {
    File::options().read(true).write(true).open(path).map_err(|error| io_error("open", path, &error))
}

fn is_missing(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}
