//! Small files that must be whole after a crash: keys and certificates.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

/// Replaces a file: after a crash at any moment it holds the former bytes or the new ones, and only those whom `mode`
/// allows could ever read them.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    aside(path, bytes, mode)?.persist(path)?;
    sync_folder(path)
}

/// Makes a file unless there is one, and returns whether it did. Of several processes one succeeds.
pub fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<bool> {
    match aside(path, bytes, mode)?.persist_noclobber(path) {
        Ok(_) => sync_folder(path).map(|()| true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

fn aside(path: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    let permissions = Permissions::from_mode(mode);
    let mut file = tempfile::Builder::new().permissions(permissions).tempfile_in(folder(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// A name that was not synced is lost with the power.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(create(&path, b"first", 0o600).unwrap());
        assert!(!create(&path, b"second", 0o600).unwrap(), "there is one");
        assert_eq!(fs::read(&path).unwrap(), b"first");
        write(&path, b"third", 0o640).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left aside");
    }
}
