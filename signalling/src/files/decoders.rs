//! Who may decode an image now, and with how much memory: one large image at a time, and beside it one small image,
//! so that a small picture does not wait for large ones of others. All decoding together takes what these two take.

use std::io::Cursor;

use image::{ImageDecoder as _, ImageFormat, ImageReader};

use super::images::DECODE_BYTES_MAX;
use super::metadata::gif;
use crate::domain::refusal::Result;
use crate::shares::{Bounds, Holder, Share, Shares};

/// Memory of a small image: a drawing of 1.8 megapixels, or a photo of 0.8. With that of a large one it stays below the
/// 100 MB by which pictures may make the process grow.
const SMALL_BYTES_MAX: u64 = 7 * 1024 * 1024;

/// How many bytes from the start of a file tell how large its image is: behind the largest EXIF block and some more.
pub(super) const HEAD_BYTES: usize = 128 * 1024;

const ONE: Bounds = Bounds { all: 1, person: 1, network: 1 };

/// The two places; clones share them.
#[derive(Clone)]
pub(super) struct Decoders {
    large: Shares,
    small: Shares,
}

/// The right to work on one image. It goes into the closure that does the work.
pub(super) struct Decoder {
    _share: Share,
    /// Bytes that the work may take.
    pub(super) memory: u64,
}

impl Decoders {
    pub(super) fn new() -> Decoders {
        Decoders { large: Shares::new(ONE), small: Shares::new(ONE) }
    }

    /// In fair turn: for an image of `length` bytes that begins with `head`.
    pub(super) async fn take(
        &self,
        by: Holder,
        format: ImageFormat,
        head: &[u8],
        length: u64,
    ) -> Result<Decoder> {
        let needed = unpacked_at_most(format, head).map(|unpacked| unpacked + 3 * length);
        if needed.is_some_and(|bytes| bytes <= SMALL_BYTES_MAX) {
            return Ok(Decoder { _share: self.small.take(by).await?, memory: SMALL_BYTES_MAX });
        }
        self.large(by).await
    }

    pub(super) async fn large(&self, by: Holder) -> Result<Decoder> {
        Ok(Decoder { _share: self.large.take(by).await?, memory: DECODE_BYTES_MAX })
    }

    #[cfg(test)]
    pub(super) fn are_idle(&self) -> bool {
        self.large.is_idle() && self.small.is_idle()
    }

    #[cfg(test)]
    pub(super) async fn idle(&self) {
        self.large.idle().await;
        self.small.idle().await;
    }
}

/// Bytes that the pixels take at most while they are made, beside the file; `None` when `head` does not tell.
fn unpacked_at_most(format: ImageFormat, head: &[u8]) -> Option<u64> {
    let head = &head[..head.len().min(HEAD_BYTES)];
    if format == ImageFormat::Gif {
        let (width, height) = gif::size(head)?;
        return Some(u64::from(width) * u64::from(height) * 8); // the screen, and a frame
    }
    let decoder = ImageReader::with_format(Cursor::new(head), format).into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    Some(match format {
        // Three for the pixels, and six for the coefficients of one with several scans.
        ImageFormat::Jpeg => pixels.checked_mul(9)?,
        // Four for the pixels, and ten for one that moves.
        ImageFormat::WebP => pixels.checked_mul(14)?,
        _ => decoder.total_bytes(),
    })
}
