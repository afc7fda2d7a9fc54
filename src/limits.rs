//! The process's file descriptors: every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors kept back for the database, uploads, certificates and logs.
const RESERVED: u64 = 256;

/// Raises the soft limit of open files to the hard one and tells how many connections and relayed addresses fit in it.
///
/// The soft limit is often 1,024, kept low for programs that use `select`; this one does not.
pub(crate) fn raise_open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(RESERVED).max(1)).unwrap_or(usize::MAX)
}
