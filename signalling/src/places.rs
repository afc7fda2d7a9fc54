//! Whether files and folders could be made or read where they are meant to be. Looks only; makes and opens nothing.

use std::io::{self, ErrorKind};
use std::path::Path;

use rustix::fs::{Access, PROC_SUPER_MAGIC, access, statfs};

/// The kernel's file system of devices (`SYSFS_MAGIC` of linux/magic.h).
const SYSFS_MAGIC: u32 = 0x6265_6572;

/// Returns why there could be no folder here: it is made when it is missing, with those above it.
pub fn folder(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    for above in path.ancestors() {
        match above.metadata() {
            Ok(found) if !found.is_dir() => {
                return Err(says(ErrorKind::NotADirectory, above, "no folder"));
            }
            Ok(_) if above == path => return Ok(access(above, Access::EXEC_OK)?),
            Ok(_) => return takes_more(above),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Err(_) if above.is_symlink() => {
                return Err(says(ErrorKind::NotFound, above, "a link that leads nowhere"));
            }
            Err(_) => {}
        }
    }
    Ok(())
}

/// Returns why there could be no file here: it is made when it is missing, its folder is not.
pub fn file(path: &Path) -> io::Result<()> {
    match path.metadata() {
        Ok(found) if found.is_dir() => Err(says(ErrorKind::IsADirectory, path, "a folder")),
        Ok(_) => readable(path),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let path = std::path::absolute(path)?;
            let folder = path.parent().unwrap_or(&path);
            if !folder.metadata()?.is_dir() {
                return Err(says(ErrorKind::NotADirectory, folder, "no folder"));
            }
            takes_more(folder)
        }
        Err(error) => Err(error),
    }
}

/// Returns why a file that must be there could not be read.
pub fn readable(path: &Path) -> io::Result<()> {
    match path.metadata()?.is_dir() {
        true => Err(says(ErrorKind::IsADirectory, path, "a folder")),
        false => Ok(access(path, Access::READ_OK)?),
    }
}

/// Whether something new can be put into a folder. Root may write into what the kernel only shows, and nothing comes of it.
fn takes_more(folder: &Path) -> io::Result<()> {
    let says =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", folder.display()));
    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| says(error.into()))?;
    let kind = statfs(folder)?.f_type as u32;
    match [PROC_SUPER_MAGIC as u32, SYSFS_MAGIC].contains(&kind) {
        true => Err(says(ErrorKind::ReadOnlyFilesystem.into())),
        false => Ok(()),
    }
}

fn says(kind: ErrorKind, path: &Path, what: &str) -> io::Error {
    io::Error::new(kind, format!("{} is {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_made_is_known_without_making_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "").unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
        for fine in [".", "new", "new/below"] {
            assert!(folder(&at(fine)).is_ok(), "{fine}");
        }
        for odd in ["file", "file/below", "link", "link/below", "\0"] {
            assert!(folder(&at(odd)).is_err(), "{odd:?}");
        }
        for fine in ["file", "new"] {
            assert!(file(&at(fine)).is_ok(), "{fine}");
        }
        for odd in [".", "new/below", "file/below", "\0"] {
            assert!(file(&at(odd)).is_err(), "{odd:?}");
        }
        assert!(readable(&at("file")).is_ok());
        assert!(readable(&at("new")).is_err() && readable(dir.path()).is_err());
        assert!(folder("/proc/new".as_ref()).is_err() && file("/proc/new".as_ref()).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing was made");
    }
}
