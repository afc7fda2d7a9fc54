//! PNG and APNG (W3C Portable Network Graphics, third edition): chunks from the signature to IEND. An ancillary chunk
//! that is damaged is dropped, as browsers ignore it. Of the pixels, what follows the end of their stream is dropped too;
//! if they are cut short, damaged or too many, those that can be read are packed again, so that all who read the file
//! see the same.

use std::io::ErrorKind::UnexpectedEof;
use std::io::{self, BufRead, Read as _, Write};

use flate2::Compression;
use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;
use image::metadata::Orientation;

use super::zlib::{Repacked, Stream};
use super::{Traits, array, broken, icc, skip, vector};

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// A length beyond this is no length (section 5.3).
const LENGTH_MAX: u32 = i32::MAX as u32;

/// EXIF of cameras is less than the 64 KiB that JPEG has room for.
const EXIF_BYTES_MAX: u64 = 64 * 1024;

/// A palette has 256 colours (section 11.2.2).
const WHOLE_BYTES_MAX: u32 = 3 * 256;

/// Longest chunk of pixels that we write.
const PIECE_BYTES: u64 = 64 * 1024;

/// A piece of a frame of an animation is held in memory.
const FRAME_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// More pixels than these are not decoded, so nobody is shown what is wrong with them.
const REPACKED_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// First column, step, first row and step of the passes of Adam7.
const PASSES: [(u64, u64, u64, u64); 7] = [
    (0, 8, 0, 8),
    (4, 8, 0, 8),
    (0, 4, 4, 8),
    (2, 4, 0, 4),
    (0, 2, 2, 4),
    (1, 2, 0, 2),
    (0, 1, 1, 2),
];

/// What a chunk is to us.
enum Use {
    /// Passed on as far as it belongs to the stream of pixels.
    Pixels,
    /// Passed on as it is: how the pixels lie.
    Whole,
    /// Says how to show them; at most so many bytes.
    Colour(u64),
    Profile,
    Exif,
    End,
    Nothing,
}

fn use_of(kind: &[u8; 4]) -> Use {
    match kind {
        b"IDAT" | b"fdAT" => Use::Pixels,
        b"IHDR" | b"PLTE" | b"acTL" | b"fcTL" => Use::Whole,
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

pub(super) fn strip<R: BufRead>(
    mut open: impl FnMut() -> io::Result<R>,
    out: &mut impl Write,
) -> io::Result<Traits> {
    let mut seen = Image::default();
    seen.copy(&mut open()?, &mut io::sink())?;
    let mut image = Image { repacked: seen.to_be_repacked(), ..Image::default() };
    image.copy(&mut open()?, out)?;
    Ok(image.traits)
}

struct Image {
    traits: Traits,
    has_pixels: bool,
    /// Bytes of the pixels of the first picture before they are packed.
    unpacked_bytes: u64,
    stream: Stream,
    frame: Stream,
    /// What the first picture becomes if its stream is no good as it is.
    repacked: Option<Repacked>,
}

impl Default for Image {
    fn default() -> Self {
        Image {
            traits: Traits::default(),
            has_pixels: false,
            unpacked_bytes: 0,
            stream: Stream::new(),
            frame: Stream::new(),
            repacked: None,
        }
    }
}

impl Image {
    fn copy(&mut self, input: &mut impl BufRead, out: &mut impl Write) -> io::Result<()> {
        if array(input)? != SIGNATURE {
            return Err(broken());
        }
        out.write_all(&SIGNATURE)?;
        match self.chunks(input, out) {
            // Browsers show what is there, and do not ask for the end.
            Err(cut) if self.has_pixels && cut.kind() == UnexpectedEof => {}
            outcome => outcome?,
        }
        self.finish_pixels(out)?;
        write_chunk(out, *b"IEND", &[])
    }

    /// Passes chunks on, or drops them, up to the end.
    fn chunks(&mut self, input: &mut impl BufRead, out: &mut impl Write) -> io::Result<()> {
        loop {
            let (kind, len) = header(input)?;
            self.has_pixels |= kind == *b"IDAT";
            self.traits.animated |= kind == *b"acTL";
            match use_of(&kind) {
                Use::End => return Ok(()),
                Use::Pixels => self.pixels(input, kind, len, out)?,
                Use::Whole => self.whole(input, kind, len, out)?,
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

    /// Passes a small chunk on as it is.
    fn whole(
        &mut self,
        input: &mut impl BufRead,
        kind: [u8; 4],
        len: u32,
        out: &mut impl Write,
    ) -> io::Result<()> {
        if len > WHOLE_BYTES_MAX {
            return Err(broken());
        }
        let contents = vector(input, u64::from(len) + 4)?;
        match &kind {
            b"IHDR" => self.unpacked_bytes = unpacked_bytes(&contents).ok_or(broken())?,
            b"fcTL" => {
                self.finish_pixels(out)?;
                self.frame = Stream::new();
            }
            _ => {}
        }
        out.write_all(&len.to_be_bytes())?;
        out.write_all(&kind)?;
        out.write_all(&contents)
    }

    /// Passes on what belongs to the pixels, piece by piece, also when the sum says that something in it is damaged.
    fn pixels(
        &mut self,
        input: &mut impl BufRead,
        kind: [u8; 4],
        len: u32,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let mut left = u64::from(len);
        let mut number = Vec::new();
        if kind == *b"fdAT" {
            self.finish_pixels(out)?;
            number = vector(input, 4)?;
            left = left.checked_sub(4).ok_or(broken())?;
        }
        while left > 0 {
            let mut piece = Vec::new();
            // Frames are numbered by chunk, so each of theirs stays one.
            let most = if number.is_empty() { PIECE_BYTES } else { FRAME_BYTES_MAX };
            let read = input.take(left.min(most)).read_to_end(&mut piece)? as u64;
            if read == 0 || !number.is_empty() && read < left {
                return Err(UnexpectedEof.into());
            }
            left -= read;
            self.piece(&piece, &number, out)?;
        }
        skip(input, 4)
    }

    fn piece(&mut self, piece: &[u8], number: &[u8], out: &mut impl Write) -> io::Result<()> {
        if !number.is_empty() {
            let kept = self.frame.take(piece, |_| Ok(()))?;
            return write_chunk(out, *b"fdAT", &[number, &piece[..kept]].concat());
        }
        let Some(repacked) = &mut self.repacked else {
            let kept = self.stream.take(piece, |_| Ok(()))?;
            return match kept {
                0 => Ok(()),
                kept => write_chunk(out, *b"IDAT", &piece[..kept]),
            };
        };
        self.stream.take(piece, |unpacked| repacked.unpacked(unpacked))?;
        while let Some(packed) = repacked.packed(PIECE_BYTES as usize) {
            write_chunk(out, *b"IDAT", &packed)?;
        }
        Ok(())
    }

    /// What has to be packed again: a first picture of which there is something, and not just what should be.
    fn to_be_repacked(&self) -> Option<Repacked> {
        let is_some = self.stream.unpacked() > 0 && self.unpacked_bytes <= REPACKED_BYTES_MAX;
        (is_some && !self.stream.holds(self.unpacked_bytes))
            .then(|| Repacked::new(self.unpacked_bytes))
    }

    fn finish_pixels(&mut self, out: &mut impl Write) -> io::Result<()> {
        match self.repacked.take() {
            Some(repacked) if self.has_pixels => {
                self.stream.close();
                let packed = repacked.finish()?;
                let mut chunks = packed.chunks(PIECE_BYTES as usize);
                chunks.try_for_each(|chunk| write_chunk(out, *b"IDAT", chunk))
            }
            repacked => {
                self.repacked = repacked; // a frame before the first picture
                Ok(())
            }
        }
    }
}

/// Bytes of the filtered rows that a header announces (sections 7.2, 8.1 and 9.2).
fn unpacked_bytes(header: &[u8]) -> Option<u64> {
    let side = |at| Some(u64::from(u32::from_be_bytes(*header.get(at..)?.first_chunk()?)));
    let (width, height) = (side(0)?, side(4)?);
    let [depth, colour, _, _, interlaced] = *header.get(8..)?.first_chunk()?;
    let samples = match colour {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    let rows = |width: u64, height: u64| {
        let row = (width * samples * u64::from(depth)).div_ceil(8) + 1;
        if width == 0 { Some(0) } else { row.checked_mul(height) }
    };
    if interlaced == 0 {
        return rows(width, height);
    }
    let pass = |(x, across, y, down): (u64, u64, u64, u64)| {
        rows(width.saturating_sub(x).div_ceil(across), height.saturating_sub(y).div_ceil(down))
    };
    PASSES.into_iter().try_fold(0_u64, |sum, each| sum.checked_add(pass(each)?))
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
