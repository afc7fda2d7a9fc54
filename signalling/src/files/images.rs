//! What uploaded bytes really are, and what an image becomes before anybody else sees it: without
//! metadata, the right way up, with a thumbnail. Pure functions; they burn CPU, so callers run
//! them off the async threads.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits};

use super::metadata;

/// Longest side of an image we decode; larger ones stay plain files.
const MAX_SIDE: u32 = 16_384;

/// Memory one decoded image may take: a 50 megapixel photo fits. A small file that unpacks to more
/// (a decompression bomb) stays a plain file, and is refused as an avatar.
const MAX_DECODED_BYTES: u64 = 160 * 1024 * 1024;

/// Longest side of a thumbnail: the 320 CSS pixels that a client shows are 960 on a phone with three for one.
pub const THUMBNAIL_SIDE: u32 = 960;

/// Side of an avatar, which is square.
pub const AVATAR_SIDE: u32 = 512;

/// A colour profile larger than this is dropped rather than copied into every thumbnail.
const MAX_PROFILE_BYTES: usize = 16 * 1024;

/// How many bytes from the start of a file [`sniff`] wants to see.
pub const SNIFF_BYTES: usize = 8 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("not an image we can decode")]
    NotAnImage,
    #[error("the image has too many pixels")]
    TooManyPixels,
}

impl From<image::ImageError> for ImageError {
    fn from(error: image::ImageError) -> Self {
        match error {
            image::ImageError::Limits(_) => ImageError::TooManyPixels,
            _ => ImageError::NotAnImage,
        }
    }
}

/// An encoded image.
#[derive(Clone, Debug)]
pub struct Picture {
    pub bytes: Bytes,
    pub mime: &'static str,
}

/// An uploaded image as it is kept.
#[derive(Debug)]
pub struct Prepared {
    /// The image without metadata; as it came if its container is broken.
    pub bytes: Bytes,
    /// What a conversation needs to show it; `None` when it could not be decoded.
    pub preview: Option<Preview>,
}

#[derive(Debug)]
pub struct Preview {
    pub width: u32,
    pub height: u32,
    pub thumbnail: Picture,
}

/// The media type of a file by its first [`SNIFF_BYTES`], whatever its name or sender says.
pub fn sniff(head: &[u8]) -> &'static str {
    match infer::get(head) {
        Some(kind) => kind.mime_type(),
        None if is_text(head) => "text/plain",
        None => "application/octet-stream",
    }
}

/// UTF-8 (perhaps cut in its last character) without control characters.
fn is_text(head: &[u8]) -> bool {
    let text = match str::from_utf8(head) {
        Ok(text) => text,
        Err(cut) if cut.error_len().is_none() => {
            str::from_utf8(&head[..cut.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
}

/// The image formats we decode, and the only ones a browser is given inline.
pub fn format_of(mime: &str) -> Option<ImageFormat> {
    match mime {
        "image/jpeg" => Some(ImageFormat::Jpeg),
        "image/png" => Some(ImageFormat::Png),
        "image/gif" => Some(ImageFormat::Gif),
        "image/webp" => Some(ImageFormat::WebP),
        _ => None,
    }
}

/// Drops the metadata of an image, turns it upright and makes its thumbnail. Pixels are encoded
/// again only when they have to be turned.
pub fn prepare(format: ImageFormat, bytes: Bytes) -> Prepared {
    let Some(stripped) = metadata::strip(format, &bytes) else {
        return Prepared { bytes, preview: None };
    };
    let Ok(image) = Decoded::new(format, &bytes) else {
        return Prepared { bytes: stripped, preview: None };
    };
    // A frame that was turned would lose the others of an animation.
    let turned = image.turned && !metadata::is_animated(format, &stripped);
    let bytes = if turned { image.encode(format).unwrap_or(stripped) } else { stripped };
    let preview = image.thumbnail().ok().map(|thumbnail| Preview {
        width: image.pixels.width(),
        height: image.pixels.height(),
        thumbnail,
    });
    Prepared { bytes, preview }
}

/// The middle square of an image, [`AVATAR_SIDE`] at most.
pub fn avatar(bytes: &Bytes) -> Result<Picture, ImageError> {
    let format = format_of(sniff(bytes)).ok_or(ImageError::NotAnImage)?;
    // The JPEG decoder fills what is missing with grey; a picture cut short shall be sent again.
    metadata::strip(format, bytes).ok_or(ImageError::NotAnImage)?;
    let image = Decoded::new(format, bytes)?;
    let (width, height) = (image.pixels.width(), image.pixels.height());
    let side = width.min(height);
    let square = image.pixels.crop_imm((width - side) / 2, (height - side) / 2, side, side);
    let square = match side {
        ..=AVATAR_SIDE => square,
        _ => square.resize_exact(AVATAR_SIDE, AVATAR_SIDE, FilterType::Triangle),
    };
    encode_for_web(&square, image.profile.as_deref(), 88)
}

/// Pixels the right way up, and the colour profile that says what they mean.
struct Decoded {
    pixels: DynamicImage,
    profile: Option<Vec<u8>>,
    turned: bool,
}

impl Decoded {
    /// Decodes the first frame within the limits above.
    fn new(format: ImageFormat, bytes: &[u8]) -> Result<Self, ImageError> {
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_SIDE);
        limits.max_image_height = Some(MAX_SIDE);
        limits.max_alloc = Some(MAX_DECODED_BYTES);
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        reader.limits(limits);
        let mut decoder = reader.into_decoder()?;
        if decoder.total_bytes() > MAX_DECODED_BYTES {
            return Err(ImageError::TooManyPixels);
        }
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let profile = decoder.icc_profile().ok().flatten().filter(|profile| is_small_rgb(profile));
        let mut pixels = DynamicImage::from_decoder(decoder)?;
        pixels.apply_orientation(orientation);
        Ok(Decoded { pixels, profile, turned: orientation != Orientation::NoTransforms })
    }

    fn thumbnail(&self) -> Result<Picture, ImageError> {
        let fits = self.pixels.width().max(self.pixels.height()) <= THUMBNAIL_SIDE;
        if fits {
            return encode_for_web(&self.pixels, self.profile.as_deref(), 82);
        }
        let small = self.pixels.thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE);
        encode_for_web(&small, self.profile.as_deref(), 82)
    }

    fn encode(&self, format: ImageFormat) -> Option<Bytes> {
        let mut out = Vec::new();
        let profile = self.profile.as_deref();
        match format {
            ImageFormat::Jpeg => {
                write(&self.pixels, JpegEncoder::new_with_quality(&mut out, 90), profile)
            }
            ImageFormat::WebP => write(&self.pixels, WebPEncoder::new_lossless(&mut out), profile),
            _ => write(&self.pixels, PngEncoder::new(&mut out), profile),
        }
        .ok()?;
        Some(out.into())
    }
}

/// Profiles of CMYK or grey pixels no longer fit once these are decoded to RGB.
fn is_small_rgb(profile: &[u8]) -> bool {
    profile.len() <= MAX_PROFILE_BYTES && profile.get(16..20) == Some(b"RGB ")
}

/// PNG where something shines through, else JPEG.
fn encode_for_web(
    image: &DynamicImage,
    profile: Option<&[u8]>,
    quality: u8,
) -> Result<Picture, ImageError> {
    let mut out = Vec::new();
    let rgba = image.color().has_alpha().then(|| image.to_rgba8());
    let mime = match rgba.filter(|rgba| rgba.pixels().any(|pixel| pixel.0[3] < u8::MAX)) {
        Some(rgba) => {
            write(&rgba.into(), PngEncoder::new(&mut out), profile)?;
            "image/png"
        }
        None => {
            let rgb = image.to_rgb8().into();
            write(&rgb, JpegEncoder::new_with_quality(&mut out, quality), profile)?;
            "image/jpeg"
        }
    };
    Ok(Picture { bytes: out.into(), mime })
}

fn write(
    image: &DynamicImage,
    mut encoder: impl ImageEncoder,
    profile: Option<&[u8]>,
) -> Result<(), ImageError> {
    if let Some(profile) = profile {
        // An encoder that cannot carry a profile writes the pixels without.
        let _ = encoder.set_icc_profile(profile.to_vec());
    }
    Ok(image.write_with_encoder(encoder)?)
}

#[cfg(test)]
#[path = "images_tests.rs"]
mod tests;
