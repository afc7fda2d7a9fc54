//! What the allocator does with memory that is no longer needed.

/// Blocks from this size on are mapped one by one: pictures while they are decoded, beyond the buffers of messages and
/// media.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED_BYTES_MIN: libc::c_int = 1024 * 1024;

/// Lets large blocks go back to the system as soon as they are freed. Left to itself, glibc raises the limit from which
/// it maps blocks up to 32 MiB once it has freed some (mallopt(3), `M_MMAP_THRESHOLD`), and then keeps the memory of
/// former pictures for each thread that ever decoded one.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
pub(crate) fn give_back_large_blocks() {
    // SAFETY: takes two integers; called before there is another thread.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES_MIN) };
}

/// Other allocators have no such memory.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back_large_blocks() {}
