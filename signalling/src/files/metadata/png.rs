//! PNG and APNG (W3C Portable Network Graphics, third edition): chunks from the signature to IEND. An ancillary chunk
//! that is damaged is dropped, as browsers ignore it.

use std::io::ErrorKind::UnexpectedEof;
use std::io::{self, BufRead, Read as _, Write};

use flate2::Compression;
use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;
use image::metadata::Orientation;

use super::{Traits, array, broken, copy, icc, skip, vector};

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// A length beyond this is no length (section 5.3).
const LENGTH_MAX: u32 = i32::MAX as u32;

/// EXIF of cameras is less than the 64 KiB that JPEG has room for.
const EXIF_BYTES_MAX: u64 = 64 * 1024;

/// What a chunk is to us.
enum Use {
    /// Passed on as it is: pixels, and how they lie.
    Pixels,
    /// Says how to show them; at most so many bytes.
    Colour(u64),
    Profile,
    Exif,
    End,
    Nothing,
}

fn use_of(kind: &[u8; 4]) -> Use {
    match kind {
        b"IHDR" | b"PLTE" | b"IDAT" | b"acTL" | b"fcTL" | b"fdAT" => Use::Pixels,
        b"tRNS" => Use::Colour(256),
        b"cHRM" => Use::Colour(32),
        b"pHYs" => Use::Colour(9),
        b"bKGD" => Use::Colour(6),
        b"gAMA" | b"sBIT" | b"cICP" => Use::Colour(4),
        b"sRGB" => Use::Colour(1),
        b"iCCP" => Use::Profile,
        b"eXIf" => Use::Exif,
        b"IEND" => Use::End,
        _ => Use::Nothing,
    }
}

pub(super) fn strip(input: &mut impl BufRead, out: &mut impl Write) -> io::Result<Traits> {
    if array(input)? != SIGNATURE {
        return Err(broken());
    }
    out.write_all(&SIGNATURE)?;
    let mut image = Image::default();
    match image.chunks(input, out) {
        // Browsers show what is there, and do not ask for the end.
        Err(cut) if image.has_pixels && cut.kind() == UnexpectedEof => {}
        outcome => outcome?,
    }
    if !image.in_pixels {
        write_chunk(out, *b"IEND", &[])?;
    }
    Ok(image.traits)
}

#[derive(Default)]
struct Image {
    traits: Traits,
    has_pixels: bool,
    /// A chunk of pixels has begun and not ended.
    in_pixels: bool,
}

impl Image {
    /// Passes chunks on, or drops them, up to the end.
    fn chunks(&mut self, input: &mut impl BufRead, out: &mut impl Write) -> io::Result<()> {
        loop {
            let (kind, len) = header(input)?;
            self.has_pixels |= kind == *b"IDAT";
            self.traits.animated |= kind == *b"acTL";
            match use_of(&kind) {
                Use::End => return Ok(()),
                Use::Pixels => {
                    self.in_pixels = true;
                    out.write_all(&len.to_be_bytes())?;
                    out.write_all(&kind)?;
                    copy(input, u64::from(len) + 4, out)?;
                    self.in_pixels = false;
                }
                Use::Colour(max) => {
                    if let Some(contents) = chunk(input, kind, len, max)? {
                        write_chunk(out, kind, &contents)?;
                    }
                }
                Use::Profile if self.traits.profile.is_none() => {
                    let contents = chunk(input, kind, len, icc::BYTES_MAX)?;
                    if let Some(profile) = contents.and_then(|contents| profile(&contents)) {
                        write_chunk(out, kind, &packed(&profile)?)?;
                        self.traits.profile = Some(profile);
                    }
                }
                Use::Exif => {
                    let contents = chunk(input, kind, len, EXIF_BYTES_MAX)?;
                    self.traits.orientation =
                        contents.and_then(|it| Orientation::from_exif_chunk(&it));
                }
                Use::Profile | Use::Nothing => skip(input, u64::from(len) + 4)?,
            }
        }
    }
}

/// Kind and length of the next chunk.
fn header(input: &mut impl BufRead) -> io::Result<([u8; 4], u32)> {
    let len = u32::from_be_bytes(array(input)?);
    let kind = array(input)?;
    let is_chunk = len <= LENGTH_MAX && kind.iter().all(u8::is_ascii_alphabetic);
    if is_chunk { Ok((kind, len)) } else { Err(broken()) }
}

/// The contents of an ancillary chunk, unless it is damaged or longer than it may be.
fn chunk(
    input: &mut impl BufRead,
    kind: [u8; 4],
    len: u32,
    max: u64,
) -> io::Result<Option<Vec<u8>>> {
    if u64::from(len) > max {
        skip(input, u64::from(len) + 4)?;
        return Ok(None);
    }
    let contents = vector(input, u64::from(len))?;
    let sum = u32::from_be_bytes(array(input)?);
    Ok((sum == checksum(kind, &contents)).then_some(contents))
}

fn write_chunk(out: &mut impl Write, kind: [u8; 4], contents: &[u8]) -> io::Result<()> {
    out.write_all(&(contents.len() as u32).to_be_bytes())?;
    out.write_all(&kind)?;
    out.write_all(contents)?;
    out.write_all(&checksum(kind, contents).to_be_bytes())
}

fn checksum(kind: [u8; 4], contents: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(&kind);
    crc.update(contents);
    crc.sum()
}

/// The profile in an iCCP chunk: a name, 0, the method 0, and the profile, deflated.
fn profile(contents: &[u8]) -> Option<Vec<u8>> {
    let name = contents.iter().position(|byte| *byte == 0)?;
    let deflated = contents.get(name + 1..)?.strip_prefix(&[0])?;
    let mut profile = Vec::new();
    ZlibDecoder::new(deflated).take(icc::BYTES_MAX).read_to_end(&mut profile).ok()?;
    icc::cleaned(&profile)
}

fn packed(profile: &[u8]) -> io::Result<Vec<u8>> {
    let mut deflate = ZlibEncoder::new(b"icc\0\0".to_vec(), Compression::default());
    deflate.write_all(profile)?;
    deflate.finish()
}
