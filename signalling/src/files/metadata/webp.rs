//! WebP (RFC 9649): the chunks of a RIFF file. The file says its length first, so it is gone through twice.

use std::io::{self, BufRead, Write};

use image::metadata::Orientation;
use img_parts::webp::{
    CHUNK_ALPH, CHUNK_ANIM, CHUNK_ANMF, CHUNK_EXIF, CHUNK_ICCP, CHUNK_VP8, CHUNK_VP8L, CHUNK_VP8X,
};

use super::{Traits, array, broken, copy, icc, skip, vector};

/// Bytes of a VP8X chunk, the first of which are flags.
const HEADER_BYTES: u32 = 10;
const HAS_PROFILE: u8 = 0b0010_0000;
const HAS_METADATA: u8 = 0b0000_1100;

/// Place, size and duration of a frame before its chunks.
const FRAME_HEADER_BYTES: usize = 16;

/// A frame of an animation is held in memory while its chunks are looked at.
const FRAME_BYTES_MAX: u32 = 32 * 1024 * 1024;

const EXIF_BYTES_MAX: u32 = 1024 * 1024;

pub(super) fn strip<R: BufRead>(
    mut open: impl FnMut() -> io::Result<R>,
    out: &mut impl Write,
) -> io::Result<Traits> {
    let mut measured = Counted(0);
    let first = chunks(&mut open()?, &mut measured, None)?;
    let size = u32::try_from(measured.0 + 4).map_err(|_| broken())?;
    out.write_all(b"RIFF")?;
    out.write_all(&size.to_le_bytes())?;
    out.write_all(b"WEBP")?;
    chunks(&mut open()?, out, Some(&first))
}

/// Copies the chunks of a file. Only what was `seen` the first time round tells whether the profile is kept.
fn chunks(
    input: &mut impl BufRead,
    out: &mut impl Write,
    seen: Option<&Traits>,
) -> io::Result<Traits> {
    let header: [u8; 12] = array(input)?;
    if &header[..4] != b"RIFF" || &header[8..] != b"WEBP" {
        return Err(broken());
    }
    let size = u32::from_le_bytes(header[4..8].try_into().expect("four bytes"));
    let mut left = u64::from(size).checked_sub(4).ok_or(broken())?;
    let mut traits = Traits::default();
    let mut has_pixels = false;
    while left >= 8 {
        let (kind, len) = (array(input)?, u32::from_le_bytes(array(input)?));
        let padded = u64::from(len) + u64::from(len % 2);
        // The last chunk may lack its padding.
        left = left.saturating_sub(8 + padded);
        has_pixels |= matches!(kind, CHUNK_VP8 | CHUNK_VP8L | CHUNK_ANMF);
        traits.held_per_pixel += held_per_pixel(kind);
        chunk(input, kind, len, out, &mut traits, seen)?;
        if len % 2 == 1 && !input.fill_buf()?.is_empty() {
            input.consume(1);
        }
    }
    if has_pixels { Ok(traits) } else { Err(broken()) }
}

fn chunk(
    input: &mut impl BufRead,
    kind: [u8; 4],
    len: u32,
    out: &mut impl Write,
    traits: &mut Traits,
    seen: Option<&Traits>,
) -> io::Result<()> {
    match kind {
        CHUNK_VP8X if len >= HEADER_BYTES => {
            let mut contents = vector(input, len.into())?;
            contents.truncate(HEADER_BYTES as usize);
            let has_profile = seen.is_some_and(|seen| seen.profile.is_some());
            contents[0] &= if has_profile { !HAS_METADATA } else { !(HAS_METADATA | HAS_PROFILE) };
            write_chunk(out, kind, &contents)
        }
        CHUNK_VP8 | CHUNK_VP8L | CHUNK_ALPH => {
            out.write_all(&kind)?;
            out.write_all(&len.to_le_bytes())?;
            copy(input, len.into(), out)?;
            out.write_all(&[0][..len as usize % 2])
        }
        CHUNK_ANIM if len >= 6 => write_chunk(out, kind, &vector(input, len.into())?[..6]),
        CHUNK_ANMF if len <= FRAME_BYTES_MAX => {
            traits.animated = true;
            write_chunk(out, kind, &frame(&vector(input, len.into())?)?)
        }
        CHUNK_ICCP if u64::from(len) <= icc::BYTES_MAX && traits.profile.is_none() => {
            traits.profile = icc::cleaned(&vector(input, len.into())?);
            traits.profile.iter().try_for_each(|profile| write_chunk(out, kind, profile))
        }
        CHUNK_EXIF if len <= EXIF_BYTES_MAX => {
            let contents = vector(input, len.into())?;
            let tiff = contents.strip_prefix(b"Exif\0\0").unwrap_or(&contents);
            traits.orientation = Orientation::from_exif_chunk(tiff);
            Ok(())
        }
        _ => skip(input, len.into()),
    }
}

/// What image-webp holds of a picture while it makes its pixels: planes of luma and chroma, a frame with an alpha
/// channel, or a canvas and all of these.
fn held_per_pixel(kind: [u8; 4]) -> u64 {
    match kind {
        CHUNK_VP8 => 2,
        CHUNK_VP8L => 4,
        CHUNK_ALPH => 5,
        CHUNK_ANIM => 10,
        _ => 0,
    }
}

/// A frame of an animation, without the chunks in it that are no pixels.
fn frame(contents: &[u8]) -> io::Result<Vec<u8>> {
    let (header, mut rest) = contents.split_at_checked(FRAME_HEADER_BYTES).ok_or(broken())?;
    let mut kept = header.to_vec();
    while rest.len() >= 8 {
        let (kind, len) = (array(&mut rest)?, u32::from_le_bytes(array(&mut rest)?));
        let contents = rest.get(..len as usize).ok_or(broken())?;
        if matches!(kind, CHUNK_VP8 | CHUNK_VP8L | CHUNK_ALPH) {
            write_chunk(&mut kept, kind, contents)?;
        }
        rest = &rest[(len as usize + len as usize % 2).min(rest.len())..];
    }
    Ok(kept)
}

fn write_chunk(out: &mut impl Write, kind: [u8; 4], contents: &[u8]) -> io::Result<()> {
    out.write_all(&kind)?;
    out.write_all(&(contents.len() as u32).to_le_bytes())?;
    out.write_all(contents)?;
    out.write_all(&[0][..contents.len() % 2])
}

/// Counts what is written.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
