//! Files: resumable uploads, what becomes of them, and who may read them.

pub mod images;
pub mod metadata;
pub mod names;
