//! Takes EXIF (with its GPS position), XMP, comments and anything else unknown out of an image
//! without touching its pixels. Each format keeps a list of what is needed to show it.

use bytes::Bytes;
use image::ImageFormat;
use img_parts::jpeg::markers;
use img_parts::png::Png;
use img_parts::riff::{RiffChunk, RiffContent};
use img_parts::webp::{
    CHUNK_ALPH, CHUNK_ANIM, CHUNK_ANMF, CHUNK_ICCP, CHUNK_VP8, CHUNK_VP8L, CHUNK_VP8X, WebP,
};

/// Chunks of a PNG that say how to show it, animation included.
const PNG_KEPT: [&[u8; 4]; 16] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB",
    b"cICP", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

const WEBP_KEPT: [[u8; 4]; 7] =
    [CHUNK_VP8X, CHUNK_VP8, CHUNK_VP8L, CHUNK_ALPH, CHUNK_ANIM, CHUNK_ANMF, CHUNK_ICCP];

/// In the first byte of a VP8X chunk: "there is EXIF" and "there is XMP".
const WEBP_METADATA_FLAGS: u8 = 0b0000_1100;

/// The image without metadata; `None` when its container is broken or cut short.
pub(super) fn strip(format: ImageFormat, bytes: &Bytes) -> Option<Bytes> {
    match format {
        ImageFormat::Jpeg => strip_jpeg(bytes).map(Bytes::from),
        ImageFormat::Png => strip_png(bytes.clone()),
        ImageFormat::WebP => strip_webp(bytes.clone()),
        // GIF has no EXIF.
        _ => Some(bytes.clone()),
    }
}

/// Whether there are more frames than the one we decode.
pub(super) fn is_animated(format: ImageFormat, bytes: &Bytes) -> bool {
    match format {
        ImageFormat::Png => {
            Png::from_bytes(bytes.clone()).is_ok_and(|png| png.chunk_by_type(*b"acTL").is_some())
        }
        ImageFormat::WebP => {
            WebP::from_bytes(bytes.clone()).is_ok_and(|webp| webp.has_chunk(CHUNK_ANIM))
        }
        ImageFormat::Gif => true,
        _ => false,
    }
}

/// Walks the markers up to the end of the image, also those between the scans of a progressive
/// one; what follows the end (cameras put second images there, with EXIF of their own) is cut.
fn strip_jpeg(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut rest = bytes.strip_prefix(&[markers::P, markers::SOI])?;
    let mut out = Vec::with_capacity(bytes.len());
    out.extend([markers::P, markers::SOI]);
    let mut in_scan = false;
    loop {
        let at = next_marker(rest)?;
        if in_scan {
            out.extend(&rest[..at]);
        }
        let marker = rest[at + 1];
        if marker == markers::EOI {
            out.extend([markers::P, markers::EOI]);
            return in_scan.then_some(out);
        }
        let len = u16::from_be_bytes(rest.get(at + 2..at + 4)?.try_into().ok()?);
        let end = at + 2 + usize::from(len);
        let segment = rest.get(at..end)?;
        if keeps_jpeg_segment(marker, segment.get(4..)?) {
            out.extend(segment);
        }
        in_scan |= marker == markers::SOS;
        rest = &rest[end..];
    }
}

/// Where the next marker with a meaning stands: not a stuffed byte, a fill byte or a restart.
fn next_marker(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| {
        pair[0] == markers::P
            && !matches!(pair[1], markers::Z | 0x01 | markers::P | markers::RST0..=markers::RST7)
    })
}

fn keeps_jpeg_segment(marker: u8, contents: &[u8]) -> bool {
    match marker {
        markers::APP0 => contents.starts_with(b"JFIF\0"),
        markers::APP2 => contents.starts_with(b"ICC_PROFILE\0"),
        // Adobe's says whether the components are RGB or YCbCr.
        markers::APP14 => contents.starts_with(b"Adobe"),
        markers::APP1..=markers::APP15 | markers::COM => false,
        _ => true,
    }
}

fn strip_png(bytes: Bytes) -> Option<Bytes> {
    let mut png = Png::from_bytes(bytes).ok()?;
    png.chunks_mut().retain(|chunk| PNG_KEPT.contains(&&chunk.kind()));
    let whole = png.chunks().last().is_some_and(|chunk| &chunk.kind() == b"IEND");
    whole.then(|| png.encoder().bytes())
}

fn strip_webp(bytes: Bytes) -> Option<Bytes> {
    let mut webp = WebP::from_bytes(bytes).ok()?;
    webp.chunks_mut().retain(|chunk| WEBP_KEPT.contains(&chunk.id()));
    if let Some(header) = webp.chunks_mut().iter_mut().find(|chunk| chunk.id() == CHUNK_VP8X) {
        let mut flags = header.content().data()?.to_vec();
        *flags.first_mut()? &= !WEBP_METADATA_FLAGS;
        *header = RiffChunk::new(CHUNK_VP8X, RiffContent::Data(flags.into()));
    }
    Some(webp.encoder().bytes())
}
