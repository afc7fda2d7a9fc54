//! Room on the disk: files stop before it is full, so that messages and sign-ins, which need little, go on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::refusal::{Code, Result};

/// Of a small disk no more than this part is kept free.
const RESERVE_PART_MAX: u64 = 10;

#[derive(Clone)]
pub struct Disk(Arc<Inner>);

struct Inner {
    folder: Option<PathBuf>,
    reserve_bytes: u64,
    /// What was promised and is being written.
    promised: AtomicU64,
}

/// Bytes that may be written, until dropped.
pub struct Room {
    disk: Disk,
    bytes: u64,
}

impl Disk {
    /// The disk that a folder is on.
    pub(super) fn of(folder: &Path, reserve_bytes: u64) -> Disk {
        Disk(Arc::new(Inner {
            folder: Some(folder.to_owned()),
            reserve_bytes,
            promised: AtomicU64::new(0),
        }))
    }

    #[cfg(test)]
    pub(super) fn boundless() -> Disk {
        Disk(Arc::new(Inner { folder: None, reserve_bytes: 0, promised: AtomicU64::new(0) }))
    }

    #[cfg(test)]
    pub(super) fn full() -> Disk {
        let inner = Inner {
            folder: Some(std::env::temp_dir()),
            reserve_bytes: 0,
            promised: AtomicU64::new(u64::MAX / 2),
        };
        Disk(Arc::new(inner))
    }

    /// Shows how much of the disk is free.
    pub(super) fn observe(&self) {
        let free = self.0.folder.as_deref().and_then(|folder| free(folder).ok());
        if let Some((free, _)) = free {
            metrics::gauge!("beckon_disk_free_bytes").set(free as f64);
        }
    }

    /// Where objects are, if they are on a disk.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        self.0.folder.clone()
    }

    /// Promises room for so many bytes, or refuses with `storage_full`. Keep it until they are written.
    pub(super) fn room(&self, bytes: u64) -> Result<Room> {
        let promised = self.0.promised.fetch_add(bytes, Ordering::Relaxed);
        let room = Room { disk: self.clone(), bytes };
        let Some(folder) = &self.0.folder else { return Ok(room) };
        match free(folder) {
            Ok((free, total)) => {
                let reserve = self.0.reserve_bytes.min(total / RESERVE_PART_MAX);
                let wanted = promised.saturating_add(bytes).saturating_add(reserve);
                if wanted > free { Err(Code::StorageFull.into()) } else { Ok(room) }
            }
            Err(error) => {
                tracing::warn!(%error, "the free space of the disk is not known");
                Ok(room)
            }
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.disk.0.promised.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Bytes that we may still write, and all of the disk.
fn free(folder: &Path) -> io::Result<(u64, u64)> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok((disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(outcome: Result<Room>) -> bool {
        outcome.err().is_some_and(|refusal| refusal.code == Code::StorageFull)
    }

    #[test]
    fn there_is_room_for_what_fits_beside_the_reserve() {
        let folder = tempfile::tempdir().unwrap();
        let (all, total) = free(folder.path()).unwrap();
        let disk = Disk::of(folder.path(), 0);
        assert!(disk.room(1).is_ok());
        assert!(full(disk.room(total + 1)));
        // Others write to the same disk meanwhile, hence the wide margins.
        let half = disk.room(all / 2).unwrap();
        assert!(full(disk.room(all / 4 * 3)), "what was promised is not promised again");
        drop(half);
        assert!(disk.room(all / 4 * 3).is_ok());
    }

    #[test]
    fn a_small_disk_is_not_all_reserve() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::of(folder.path(), u64::MAX);
        let (all, total) = free(folder.path()).unwrap();
        assert_eq!(disk.room(1).is_ok(), all > total / RESERVE_PART_MAX);
    }
}
