//! Takes EXIF (with its GPS position), XMP, comments and anything else unknown out of an image without touching its
//! pixels. Each format keeps a list of what is needed to show it; everything else goes, and what follows the end of
//! the image goes too. Images pass through piece by piece, so their size costs no memory.

pub(super) mod gif;
mod icc;
mod jpeg;
mod lzw;
mod png;
mod webp;
mod zlib;

use std::io::{self, BufRead, Read, Write};

use image::ImageFormat;
use image::metadata::Orientation;

/// What becomes of the EXIF of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Exif {
    /// All of it goes.
    #[default]
    Dropped,
    /// The orientation stays, for an image that stays as it lies in the file. Only JPEG: what is shown of others is
    /// what their pixels say.
    Upright,
}

/// What was seen on the way.
#[derive(Debug, Default)]
pub(super) struct Traits {
    /// How the image has to be turned, if it said so.
    pub(super) orientation: Option<Orientation>,
    /// The colour profile that was kept.
    pub(super) profile: Option<Vec<u8>>,
    /// Whether there are more frames than the one we decode.
    pub(super) animated: bool,
    /// Bytes that a decoder holds beside the pixels, as it can place those only at the end; and such for each pixel.
    pub(super) held_bytes: u64,
    pub(super) held_per_pixel: u64,
    /// How often a decoder passes over the whole picture.
    pub(super) scans: usize,
}

/// Copies an image without its metadata. `open` starts it from its beginning; `Err` with [`is_broken`] when its
/// container is broken.
pub(super) fn strip<R: BufRead>(
    format: ImageFormat,
    exif: Exif,
    mut open: impl FnMut() -> io::Result<R>,
    out: &mut impl Write,
) -> io::Result<Traits> {
    match format {
        ImageFormat::Jpeg => jpeg::strip(&mut open()?, exif, out),
        ImageFormat::Png => png::strip(open, out),
        ImageFormat::Gif => gif::strip(&mut open()?, out),
        ImageFormat::WebP => webp::strip(open, out),
        _ => Err(broken()),
    }
}

/// Whether an error says that the image is no such image, or is cut short, and not that it could not be read.
pub(super) fn is_broken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

fn broken() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn vector(input: &mut impl Read, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match input.take(len).read_to_end(&mut bytes)? as u64 == len {
        true => Ok(bytes),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn copy(input: &mut impl Read, len: u64, out: &mut impl Write) -> io::Result<()> {
    match io::copy(&mut input.take(len), out)? == len {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn skip(input: &mut impl Read, len: u64) -> io::Result<()> {
    copy(input, len, &mut io::sink())
}

#[cfg(test)]
mod tests;
