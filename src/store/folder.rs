//! The data folder: one process at a time, nothing else's folder, and how much room is left.
//!
//! ```text
//! cometql.store   says what the folder is: format version, and `ready` once it was fully set up
//! lock            locked by the process that has the folder open, with its number inside
//! log/            the commit log
//! base/           sled
//! base.state      what sled's file must at least be (see `base`)
//! reserve         room kept for working on a full disk
//! ```

use std::{
    fs::{self, File, TryLockError},
    io::{ErrorKind, Read, Seek, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::io_error;
use crate::error::{Error, Result};

const FORMAT: &str = "cometql store, format 2";
/// Its blocks in sled were not packed; they are as good.
const OLD_FORMAT: &str = "cometql store, format 1";
const CREATING: &str = "creating";
const READY: &str = "ready";
const MARKER: &str = "cometql.store";
const LOCK: &str = "lock";
/// How long to try for the lock: a process that is ending, or a child that it has begun to start, keeps it for a moment.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);
const LOCK_RETRY: Duration = Duration::from_millis(10);

/// A data folder locked by this process.
pub struct Folder {
    path: PathBuf,
    /// Holds the lock until it is dropped.
    _lock: File,
}

/// What was in the folder.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// Nothing, or what an interrupted first start left.
    Nothing,
    /// A store.
    Store,
}

impl Folder {
    /// Locks the folder, creating it if it is missing.
    pub fn open(path: &Path) -> Result<(Self, Contents)> {
        fs::create_dir_all(path).map_err(|error| io_error("create", path, &error))?;
        let marker = match fs::read_to_string(path.join(MARKER)) {
            Ok(marker) => Some(marker),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(io_error("read", &path.join(MARKER), &error)),
        };
        let lines: Option<Vec<&str>> = marker.as_deref().map(|marker| marker.lines().collect());
        let contents = match lines.as_deref() {
            None => {
                refuse_strangers(path)?;
                Contents::Nothing
            }
            Some([FORMAT | OLD_FORMAT, CREATING]) => Contents::Nothing,
            Some([FORMAT | OLD_FORMAT, READY]) => Contents::Store,
            Some(lines) => {
                return Err(Error::DataFolder(format!(
                    "'{}' says '{}', but this program knows only '{FORMAT}'",
                    path.join(MARKER).display(),
                    lines.first().unwrap_or(&"")
                )));
            }
        };
        let folder = Folder { path: path.into(), _lock: lock(path)? };
        if contents == Contents::Nothing {
            folder.mark(CREATING)?;
            for part in [folder.log(), folder.base()] {
                match fs::remove_dir_all(&part) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(io_error("remove", &part, &error));
                    }
                    _ => {}
                }
            }
        }
        Ok((folder, contents))
    }

    /// Declares the store set up.
    pub fn mark_ready(&self) -> Result<()> {
        self.mark(READY)
    }

    /// Where the log is.
    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Where sled is.
    pub fn base(&self) -> PathBuf {
        self.path.join("base")
    }

    /// The file that keeps room on the disk.
    pub fn reserve(&self) -> PathBuf {
        self.path.join("reserve")
    }

    /// Gives that room free. Returns whether there was any.
    pub fn release_reserve(&self) -> bool {
        fs::remove_file(self.reserve()).is_ok()
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn mark(&self, state: &str) -> Result<()> {
        replace_file(&self.path.join(MARKER), format!("{FORMAT}\n{state}\n").as_bytes())
    }
}

/// Bytes free for this process on the disk of a folder.
pub fn free_bytes(path: &Path) -> Result<u64> {
    let disk = rustix::fs::statvfs(path).map_err(|error| io_error("examine", path, &error.into()))?;
    Ok(disk.f_bavail * disk.f_frsize)
}

/// Puts a small file on disk, all of it or none.
pub fn replace_file(path: &Path, content: &[u8]) -> Result<()> {
    let unfinished = path.with_extension("unfinished");
    let written = File::create(&unfinished).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    });
    written.map_err(|error| io_error("write", path, &error))?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Makes created, renamed and removed names in a folder durable.
pub fn sync_folder(path: &Path) -> Result<()> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| io_error("sync", path, &error))
}

fn refuse_strangers(path: &Path) -> Result<()> {
    for entry in fs::read_dir(path).map_err(|error| io_error("read", path, &error))? {
        let name = entry.map_err(|error| io_error("read", path, &error))?.file_name();
        if name != LOCK && name != "lost+found" {
            return Err(Error::DataFolder(format!(
                "'{}' is not a cometql data folder: it has no file '{MARKER}' but contains '{}'",
                path.display(),
                name.display()
            )));
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File> {
    let path = path.join(LOCK);
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = opened.map_err(|error| io_error("write", &path, &error))?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    let locked = loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(LOCK_RETRY),
            locked => break locked,
        }
    };
    match locked {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // Naming the owner is a courtesy; without it the message still says what is wrong.
            let _ = file.read_to_string(&mut owner);
            return Err(Error::DataFolder(format!(
                "'{}' is in use by process {}",
                path.parent().unwrap_or(&path).display(),
                owner.trim()
            )));
        }
        Err(TryLockError::Error(error)) => return Err(io_error("lock", &path, &error)),
    }
    let named =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    // On a full disk the number has no room, and the lock holds without it.
    if let Err(error) = named {
        tracing::debug!(%error, "the lock file does not name this process");
    }
    Ok(file)
}
