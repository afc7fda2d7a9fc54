//! Where the picture of a WebP ends in its chunk. The data of VP8 (RFC 6386) and VP8L (RFC 9649) do not say how long
//! they are; a decoder only knows when they are too short.

use bytes::Bytes;
use img_parts::webp::{CHUNK_VP8, CHUNK_VP8L};

/// Encoders leave a few bytes behind the last one that counts, and decoders read so much ahead.
const SLACK_BYTES: usize = 8;

const HEADER_BYTES: usize = 12;

/// The file without what follows the pixels in their chunk. `decodes` tells whether a file is whole.
pub(super) fn cut(file: Bytes, decodes: impl Fn(Bytes) -> bool) -> Bytes {
    let Some((at, len)) = pixels(&file) else { return file };
    if len <= 2 * SLACK_BYTES || !decodes(shortened(&file, at, len, len - 2 * SLACK_BYTES)) {
        return file;
    }
    let (mut too_short, mut enough) = (0, len - 2 * SLACK_BYTES);
    while enough - too_short > 1 {
        let middle = too_short.midpoint(enough);
        match decodes(shortened(&file, at, len, middle)) {
            true => enough = middle,
            false => too_short = middle,
        }
    }
    // What decoders read ahead shall be there, and say nothing.
    let mut cut = shortened(&file, at, len, enough + SLACK_BYTES).to_vec();
    cut[at + enough + 2..at + enough + SLACK_BYTES].fill(0);
    cut.into()
}

/// Place and length of the contents of the chunk of pixels of a picture that does not move.
fn pixels(file: &[u8]) -> Option<(usize, usize)> {
    let mut at = HEADER_BYTES;
    loop {
        let kind: [u8; 4] = *file.get(at..)?.first_chunk()?;
        let len = u32::from_le_bytes(*file.get(at + 4..)?.first_chunk()?) as usize;
        if matches!(kind, CHUNK_VP8 | CHUNK_VP8L) {
            return file.get(at + 8..at + 8 + len).map(|_| (at + 8, len));
        }
        at = at.checked_add(8 + len + len % 2)?;
    }
}

/// The file with only the first `kept` of `len` bytes at `at`.
fn shortened(file: &[u8], at: usize, len: usize, kept: usize) -> Bytes {
    let rest = file.get(at + len + len % 2..).unwrap_or_default();
    let mut out = [&file[..at], &file[at..at + kept], &[0][..kept % 2], rest].concat();
    let size = (out.len() - 8) as u32;
    out[at - 4..at].copy_from_slice(&(kept as u32).to_le_bytes());
    out[4..8].copy_from_slice(&size.to_le_bytes());
    out.into()
}
