//! What uploaded bytes really are, and what an image becomes before anybody else sees it: without
//! metadata, the right way up, with a thumbnail. Pure functions; they burn CPU, so callers run
//! them off the async threads.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits};

use super::metadata::{self, Exif, Traits};
use super::turned::Turned;
use super::webp_tail;

/// A larger image is a plain file: preparing one holds all of it in memory.
pub const IMAGE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Longest side of an image we decode. Firefox shows none that is longer.
pub const SIDE_MAX: u32 = 32_767;

/// Memory that decoding one image may take, the image itself included. A photo of 24 megapixels fits, the most that
/// telephones make unless they are asked for more; what unpacks to more is a plain file, and is refused as an avatar.
pub const DECODE_BYTES_MAX: u64 = 88 * 1024 * 1024;

/// A progressive JPEG has about ten scans. Each costs a pass over the whole picture, however few bytes it takes.
const SCANS_MAX: usize = 100;

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

/// Drops the metadata of an image, turns it upright and makes its thumbnail, in `memory` bytes. Pixels are encoded
/// again only when they have to be turned.
pub fn prepare(format: ImageFormat, bytes: Bytes, memory: u64) -> Prepared {
    let Some(image) = Stripped::new(format, Exif::Dropped, &bytes, memory) else {
        return Prepared { bytes, preview: None };
    };
    let orientation = image.orientation();
    let turns = orientation != Orientation::NoTransforms;
    let upright = match image.cost() {
        // What is not decoded is not turned either, and says how it lies.
        Err(_) if turns => Stripped::new(format, Exif::Upright, &bytes, memory),
        Err(_) => None,
        Ok(cost) if turns && cost.decoded + cost.turned <= memory => {
            drop(bytes);
            return image.turned(orientation);
        }
        Ok(_) if turns && format == ImageFormat::Jpeg => {
            let upright = Stripped::new(format, Exif::Upright, &bytes, memory);
            drop(bytes);
            return upright.unwrap_or(image).shown(orientation);
        }
        Ok(_) => {
            drop(bytes);
            return image.shown(Orientation::NoTransforms);
        }
    };
    Prepared { bytes: upright.unwrap_or(image).bytes, preview: None }
}

/// The middle square of an image, [`AVATAR_SIDE`] at most, made in `memory` bytes.
pub fn avatar(format: ImageFormat, bytes: Bytes, memory: u64) -> Result<Picture, ImageError> {
    let image = Stripped::new(format, Exif::Dropped, &bytes, memory);
    let image = image.ok_or(ImageError::NotAnImage)?;
    drop(bytes);
    image.cost()?;
    let pixels = image.decode()?;
    let mut square = middle(&pixels);
    drop(pixels);
    square.apply_orientation(image.orientation());
    encode_for_web(&square, image.profile(), 88)
}

/// The middle square of some pixels. They shrink first, so that little is copied.
fn middle(pixels: &DynamicImage) -> DynamicImage {
    const ENOUGH: u32 = 2 * AVATAR_SIDE;
    let shorter = pixels.width().min(pixels.height());
    let small = (shorter > ENOUGH).then(|| {
        let scaled = |side| (u64::from(side) * u64::from(ENOUGH) / u64::from(shorter)) as u32;
        pixels.thumbnail_exact(scaled(pixels.width()), scaled(pixels.height()))
    });
    let pixels = small.as_ref().unwrap_or(pixels);
    let (width, height) = (pixels.width(), pixels.height());
    let side = width.min(height);
    let square = pixels.crop_imm((width - side) / 2, (height - side) / 2, side, side);
    match side {
        ..=AVATAR_SIDE => square,
        _ => square.resize_exact(AVATAR_SIDE, AVATAR_SIDE, FilterType::Triangle),
    }
}

/// An image without metadata, and what the metadata said.
struct Stripped {
    format: ImageFormat,
    bytes: Bytes,
    traits: Traits,
    /// Bytes that decoding may take.
    memory: u64,
}

/// Bytes of memory.
struct Cost {
    decoded: u64,
    /// What is needed beside that to turn it.
    turned: u64,
}

impl Stripped {
    fn new(format: ImageFormat, exif: Exif, original: &Bytes, memory: u64) -> Option<Stripped> {
        let mut bytes = Vec::with_capacity(original.len() + 64);
        let traits = metadata::strip(format, exif, || Ok(&original[..]), &mut bytes).ok()?;
        Some(Stripped { format, bytes: bytes.into(), traits, memory }.without_tail())
    }

    /// Drops what follows the pixels of a WebP. That of other formats went with the metadata.
    fn without_tail(mut self) -> Stripped {
        if self.format == ImageFormat::WebP && !self.traits.animated && self.cost().is_ok() {
            let bytes = std::mem::take(&mut self.bytes);
            self.bytes = webp_tail::cut(bytes, |bytes| {
                let traits = Traits::default();
                Stripped { format: self.format, bytes, traits, memory: self.memory }
                    .decode()
                    .is_ok()
            });
        }
        self
    }

    /// How the image is to be turned. An animation is not: it would lose all frames but one, and browsers disagree.
    fn orientation(&self) -> Orientation {
        match self.traits.orientation {
            Some(orientation) if !self.traits.animated => orientation,
            _ => Orientation::NoTransforms,
        }
    }

    /// The profile, if the decoded pixels are still what it speaks of: those of CMYK are RGB by then.
    fn profile(&self) -> Option<&[u8]> {
        self.traits.profile.as_deref().filter(|profile| is_small_rgb(profile))
    }

    fn decoder(&self) -> Result<impl ImageDecoder + use<>, ImageError> {
        let mut limits = Limits::default();
        limits.max_image_width = Some(SIDE_MAX);
        limits.max_image_height = Some(SIDE_MAX);
        limits.max_alloc = Some(self.memory);
        let mut reader = ImageReader::with_format(Cursor::new(self.bytes.clone()), self.format);
        reader.limits(limits);
        Ok(reader.into_decoder()?)
    }

    /// What decoding it takes; refused when that is too much.
    fn cost(&self) -> Result<Cost, ImageError> {
        let decoder = self.decoder()?;
        let (width, height) = decoder.dimensions();
        let (pixels, unpacked) = (u64::from(width) * u64::from(height), decoder.total_bytes());
        let packed = self.bytes.len() as u64;
        let beside = match self.format {
            // The decoder has a copy of its input.
            ImageFormat::Jpeg => packed.saturating_add(self.traits.held_bytes),
            // A frame that is not as large as the screen is decoded apart from it.
            ImageFormat::Gif => unpacked,
            _ => self.traits.held_per_pixel.saturating_mul(pixels),
        };
        let decoded = packed.saturating_add(unpacked).saturating_add(beside);
        if pixels == 0 {
            return Err(ImageError::NotAnImage);
        }
        if decoded > self.memory || self.traits.scans > SCANS_MAX {
            return Err(ImageError::TooManyPixels);
        }
        let turned = match self.format {
            ImageFormat::Jpeg => 2 * packed,
            // The turned copy, and what the encoder makes of it.
            _ => unpacked + 4 * pixels,
        };
        Ok(Cost { decoded, turned })
    }

    /// The first frame. A decoder that panics over its input has found a broken image.
    fn decode(&self) -> Result<DynamicImage, ImageError> {
        let decode = || -> Result<DynamicImage, ImageError> {
            let mut decoder = self.decoder()?;
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(self.memory.saturating_sub(decoder.total_bytes()));
            if self.format == ImageFormat::Gif {
                decoder.set_limits(limits)?;
            }
            Ok(DynamicImage::from_decoder(decoder)?)
        };
        catch_unwind(AssertUnwindSafe(decode)).unwrap_or(Err(ImageError::NotAnImage))
    }

    /// The image as it lies in the file, with a preview of how it is shown.
    fn shown(self, orientation: Orientation) -> Prepared {
        let preview = self.decode().and_then(|pixels| self.preview(&pixels, orientation));
        Prepared { bytes: self.bytes, preview: preview.ok() }
    }

    /// The image with its pixels turned.
    fn turned(self, orientation: Orientation) -> Prepared {
        let made = self.decode().and_then(|pixels| {
            let preview = self.preview(&pixels, orientation)?;
            Ok((self.encode_turned(pixels, orientation)?, preview))
        });
        match made {
            Ok((bytes, preview)) => Prepared { bytes, preview: Some(preview) },
            Err(_) => Prepared { bytes: self.bytes, preview: None },
        }
    }

    fn preview(
        &self,
        pixels: &DynamicImage,
        orientation: Orientation,
    ) -> Result<Preview, ImageError> {
        let (width, height) = match swaps_sides(orientation) {
            true => (pixels.height(), pixels.width()),
            false => (pixels.width(), pixels.height()),
        };
        let fits = width.max(height) <= THUMBNAIL_SIDE;
        let mut small = match fits {
            true => pixels.clone(),
            false => pixels.thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE),
        };
        small.apply_orientation(orientation);
        let thumbnail = encode_for_web(&small, self.profile(), 82)?;
        Ok(Preview { width, height, thumbnail })
    }

    fn encode_turned(
        &self,
        mut pixels: DynamicImage,
        orientation: Orientation,
    ) -> Result<Bytes, ImageError> {
        let mut out = Vec::new();
        match (self.format, pixels) {
            (ImageFormat::Jpeg, DynamicImage::ImageRgb8(pixels)) => {
                let mut encoder = JpegEncoder::new_with_quality(&mut out, 90);
                if let Some(profile) = self.profile() {
                    let _ = encoder.set_icc_profile(profile.to_vec());
                }
                encoder.encode_image(&Turned::new(&pixels, orientation))?;
            }
            (format, other) => {
                pixels = other;
                pixels.apply_orientation(orientation);
                let profile = self.profile();
                match format {
                    ImageFormat::Jpeg => {
                        write(&pixels, JpegEncoder::new_with_quality(&mut out, 90), profile)
                    }
                    ImageFormat::WebP => {
                        write(&pixels, WebPEncoder::new_lossless(&mut out), profile)
                    }
                    _ => write(&pixels, PngEncoder::new(&mut out), profile),
                }?;
            }
        }
        Ok(out.into())
    }
}

fn swaps_sides(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
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
