//! JPEG (ITU T.81): markers up to the end of the image, also those between the scans of a progressive one. What
//! follows the end (cameras put second images there, with EXIF of their own) is cut. One that is cut short is ended,
//! as browsers do.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use image::metadata::Orientation;
use img_parts::jpeg::markers;

use super::{Exif, Traits, array, broken, icc, vector};

const EXIF: &[u8] = b"Exif\0\0";
const ICC: &[u8] = b"ICC_PROFILE\0";

/// JFIF up to the size of its thumbnail, which would show what was cropped away (JFIF 1.02).
const JFIF_BYTES: usize = 14;

/// Adobe's segment: version, two sets of flags, and whether the components are RGB or YCbCr.
const ADOBE_BYTES: usize = 12;

/// Bytes of a colour profile that one segment holds beside its name, number and count.
const ICC_PIECE_BYTES: usize = 65_533 - ICC.len() - 2;

pub(super) fn strip(
    input: &mut impl BufRead,
    exif: Exif,
    out: &mut impl Write,
) -> io::Result<Traits> {
    if array(input)? != [markers::P, markers::SOI] {
        return Err(broken());
    }
    out.write_all(&[markers::P, markers::SOI])?;
    let mut image = Image { exif, ..Image::default() };
    while image.segment(input, out)? {}
    out.write_all(&[markers::P, markers::EOI])?;
    Ok(image.traits())
}

#[derive(Default)]
struct Image {
    exif: Exif,
    orientation: Option<Orientation>,
    profile: Option<Vec<u8>>,
    profile_pieces: BTreeMap<u8, Vec<u8>>,
    /// Bytes of the coefficients of all components.
    coefficients: u64,
    progressive: bool,
    scans: usize,
}

impl Image {
    /// Passes the next segment on, or drops it; `false` at the end of the image.
    fn segment(&mut self, input: &mut impl BufRead, out: &mut impl Write) -> io::Result<bool> {
        let in_scan = self.scans > 0;
        let cut_short = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof if in_scan => Ok(false),
            _ => Err(error),
        };
        let marker = match in_scan {
            true => scan(input, out)?,
            false => next_marker(input).map(Some)?,
        };
        let Some(marker) = marker else { return Ok(false) };
        match marker {
            markers::EOI if in_scan => return Ok(false),
            markers::EOI => return Err(broken()),
            0x01 | markers::SOI | markers::RST0..=markers::RST7 => return Ok(true),
            _ => {}
        }
        let length = match array(input) {
            Ok(length) => u16::from_be_bytes(length),
            Err(error) => return cut_short(error),
        };
        let contents = match vector(input, u64::from(length.checked_sub(2).ok_or(broken())?)) {
            Ok(contents) => contents,
            Err(error) => return cut_short(error),
        };
        self.note(marker, &contents);
        if marker == markers::SOS {
            self.write_profile(out)?;
            self.scans += 1;
        }
        match kept(marker, &contents) {
            Some(contents) => write_segment(out, marker, &[&contents])?,
            None if marker == markers::APP1 => self.write_orientation(&contents, out)?,
            None => {}
        }
        Ok(true)
    }

    fn note(&mut self, marker: u8, contents: &[u8]) {
        match marker {
            markers::APP1 if self.orientation.is_none() => {
                self.orientation =
                    contents.strip_prefix(EXIF).and_then(Orientation::from_exif_chunk);
            }
            markers::APP2 => {
                if let Some([number, _, piece @ ..]) = contents.strip_prefix(ICC) {
                    self.profile_pieces.entry(*number).or_insert_with(|| piece.to_vec());
                }
            }
            markers::SOF0..=markers::SOF2 => {
                self.progressive = marker == markers::SOF2;
                self.coefficients = coefficients(contents).unwrap_or(u64::MAX);
            }
            _ => {}
        }
    }

    /// The colour profile has to stand before the first scan.
    fn write_profile(&mut self, out: &mut impl Write) -> io::Result<()> {
        let whole = std::mem::take(&mut self.profile_pieces).into_values().flatten();
        let Some(profile) = icc::cleaned(&whole.collect::<Vec<_>>()) else { return Ok(()) };
        let pieces = profile.chunks(ICC_PIECE_BYTES);
        let Ok(count) = u8::try_from(pieces.len()) else { return Ok(()) };
        for (number, piece) in (1..=count).zip(pieces) {
            write_segment(out, markers::APP2, &[ICC, &[number, count], piece])?;
        }
        self.profile = Some(profile);
        Ok(())
    }

    fn write_orientation(&self, contents: &[u8], out: &mut impl Write) -> io::Result<()> {
        match self.orientation {
            Some(orientation)
                if self.exif == Exif::Upright
                    && contents.starts_with(EXIF)
                    && orientation != Orientation::NoTransforms =>
            {
                write_segment(out, markers::APP1, &[EXIF, &exif_of(orientation)])
            }
            _ => Ok(()),
        }
    }

    fn traits(self) -> Traits {
        // Components that come one after the other are put together at the end.
        let held = self.progressive || self.scans > 1;
        Traits {
            orientation: self.orientation,
            profile: self.profile,
            held_bytes: if held { self.coefficients } else { 0 },
            scans: self.scans,
            ..Traits::default()
        }
    }
}

/// Copies the data of a scan up to the next marker that has a meaning there; `None` if the data ends without one.
fn scan(input: &mut impl BufRead, out: &mut impl Write) -> io::Result<Option<u8>> {
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let data = bytes.iter().position(|byte| *byte == markers::P).unwrap_or(bytes.len());
        out.write_all(&bytes[..data])?;
        let at_marker = data < bytes.len();
        input.consume(data + usize::from(at_marker));
        if !at_marker {
            continue;
        }
        match after_fill(input) {
            Ok(byte @ (markers::Z | markers::RST0..=markers::RST7)) => {
                out.write_all(&[markers::P, byte])?
            }
            Ok(marker) => return Ok(Some(marker)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

/// The next marker; what stands before it means nothing.
fn next_marker(input: &mut impl BufRead) -> io::Result<u8> {
    loop {
        let [byte] = array(input)?;
        if byte != markers::P {
            continue;
        }
        match after_fill(input)? {
            markers::Z => continue,
            marker => return Ok(marker),
        }
    }
}

/// The byte after any number of fill bytes.
fn after_fill(input: &mut impl BufRead) -> io::Result<u8> {
    loop {
        let [byte] = array(input)?;
        if byte != markers::P {
            return Ok(byte);
        }
    }
}

/// What stays of a segment: what the decoding of pixels needs (T.81, table B.1), and two application segments that say
/// what the components mean, cut to that.
fn kept(marker: u8, contents: &[u8]) -> Option<Vec<u8>> {
    match marker {
        markers::APP0 => {
            let mut jfif = contents.get(..JFIF_BYTES)?.to_vec();
            jfif[JFIF_BYTES - 2..].fill(0);
            jfif.starts_with(b"JFIF\0").then_some(jfif)
        }
        markers::APP14 => {
            contents.get(..ADOBE_BYTES).filter(|it| it.starts_with(b"Adobe")).map(<[u8]>::to_vec)
        }
        markers::JPG => None,
        markers::SOF0..=markers::SOF15
        | markers::SOS
        | markers::DQT
        | markers::DNL
        | markers::DRI => Some(contents.to_vec()),
        _ => None,
    }
}

fn write_segment(out: &mut impl Write, marker: u8, contents: &[&[u8]]) -> io::Result<()> {
    let len = contents.iter().map(|part| part.len()).sum::<usize>() + 2;
    let len = u16::try_from(len).map_err(|_| broken())?;
    out.write_all(&[markers::P, marker])?;
    out.write_all(&len.to_be_bytes())?;
    contents.iter().try_for_each(|part| out.write_all(part))
}

/// A TIFF block with one entry (TIFF 6.0, section 2): tag 274, a short.
fn exif_of(orientation: Orientation) -> [u8; 26] {
    let mut tiff = *b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0";
    tiff[18] = orientation.to_exif();
    tiff
}

/// Bytes of the coefficients, two each, that the frame header announces (T.81, B.2.2).
fn coefficients(frame: &[u8]) -> Option<u64> {
    let [_, h1, h2, w1, w2, count, components @ ..] = frame else { return None };
    let pixels =
        u64::from(u16::from_be_bytes([*h1, *h2])) * u64::from(u16::from_be_bytes([*w1, *w2]));
    let factors = components
        .chunks_exact(3)
        .take(usize::from(*count))
        .map(|component| (u64::from(component[1] >> 4), u64::from(component[1] & 15)));
    let factors: Vec<_> = factors.collect();
    let (across, down) =
        factors.iter().fold((1, 1), |(across, down), (h, v)| (across.max(*h), down.max(*v)));
    let samples: u64 = factors.iter().map(|(h, v)| h * v).sum();
    Some(2 * pixels * samples / (across * down))
}
