//! The data folder. Messages, files and keys live there: only the server's own user may look in.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::Context as _;
use rustix::fs::Mode;

/// What we keep there. Nothing else is touched: the folder may have been given by mistake.
const OURS: [&str; 6] =
    ["beckon.db", "beckon.db-wal", "beckon.db-shm", "objects", "certs", "room-key"];

/// Permissions of others, and of the group.
const FOREIGN: u32 = 0o077;

/// Whatever this process makes from now on, the database's own files included, is its user's alone.
pub(crate) fn make_files_private() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Makes the folder, or closes what lies open in one that exists: a former release, or a copy, may have left it so.
pub(crate) fn make(dir: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot create the data folder {}", dir.display()))?;
    for path in OURS.map(|name| dir.join(name)) {
        if let Err(error) = close(&path) {
            tracing::warn!(%error, path = %path.display(), "others may read this, and it cannot be changed");
        }
    }
    Ok(())
}

/// Takes the permissions of others away. A folder is closed after all that is in it, so one that is closed already
/// needs no second look.
fn close(path: &Path) -> io::Result<()> {
    let about = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        about => about?,
    };
    let mode = about.permissions().mode();
    if mode & FOREIGN == 0 || about.is_symlink() {
        return Ok(());
    }
    if about.is_dir() {
        for entry in path.read_dir()? {
            close(&entry?.path())?;
        }
    }
    std::fs::set_permissions(path, Permissions::from_mode(mode & !FOREIGN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_lies_open_is_closed_and_what_is_not_ours_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("objects/files")).unwrap();
        std::fs::create_dir(at("certs")).unwrap();
        let ours = ["beckon.db", "beckon.db-wal", "objects/files/1", "certs/key.pem", "room-key"];
        for name in ours.iter().chain(&["foreign"]) {
            std::fs::write(at(name), "x").unwrap();
            std::fs::set_permissions(at(name), Permissions::from_mode(0o644)).unwrap();
        }
        for name in ["objects", "objects/files", "certs"] {
            std::fs::set_permissions(at(name), Permissions::from_mode(0o755)).unwrap();
        }
        make(folder.path()).unwrap();
        for name in ours {
            assert_eq!(mode(&at(name)), 0o600, "{name}");
        }
        for name in ["objects", "objects/files", "certs"] {
            assert_eq!(mode(&at(name)), 0o700, "{name}");
        }
        assert_eq!(mode(&at("foreign")), 0o644);
    }
}
