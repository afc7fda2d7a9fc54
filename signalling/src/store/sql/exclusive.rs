//! One server on one SQLite file: two would both number messages from what they have in memory.

use std::fs::{File, TryLockError};
use std::path::PathBuf;

use sqlx::sqlite::SqliteConnectOptions;

use super::{Error, Result};

/// The right to serve from a database, until dropped; the kernel gives it back when a process dies.
#[derive(Debug)]
pub struct Exclusive {
    _lock: Option<File>,
}

/// Claims a SQLite file for this process. Servers on MySQL share theirs, so there is nothing to claim.
pub fn claim(url: &str) -> Result<Exclusive> {
    if url.starts_with("mysql:") {
        return Ok(Exclusive { _lock: None });
    }
    let options = url.parse::<SqliteConnectOptions>()?;
    let mut path = PathBuf::from(options.get_filename()).into_os_string();
    path.push(".lock");
    let path = PathBuf::from(path);
    let open = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = open.map_err(sqlx::Error::Io)?;
    match lock.try_lock() {
        Ok(()) => Ok(Exclusive { _lock: Some(lock) }),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(format!("{} is held", path.display()))),
        Err(TryLockError::Error(error)) => Err(sqlx::Error::Io(error).into()),
    }
}
