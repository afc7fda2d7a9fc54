//! Pixels seen turned, so that an image can be encoded upright without a second copy of all its pixels.

use image::metadata::Orientation;
use image::{GenericImageView, Rgb, RgbImage};

/// An image, seen as [`image::DynamicImage::apply_orientation`] would make it.
pub(super) struct Turned<'a> {
    pixels: &'a RgbImage,
    orientation: Orientation,
}

impl<'a> Turned<'a> {
    pub(super) fn new(pixels: &'a RgbImage, orientation: Orientation) -> Self {
        Turned { pixels, orientation }
    }
}

impl GenericImageView for Turned<'_> {
    type Pixel = Rgb<u8>;

    fn dimensions(&self) -> (u32, u32) {
        let (width, height) = self.pixels.dimensions();
        match self.orientation {
            Orientation::NoTransforms
            | Orientation::Rotate180
            | Orientation::FlipHorizontal
            | Orientation::FlipVertical => (width, height),
            _ => (height, width),
        }
    }

    fn get_pixel(&self, x: u32, y: u32) -> Rgb<u8> {
        let (width, height) = self.pixels.dimensions();
        let (right, bottom) = (width - 1, height - 1);
        let (x, y) = match self.orientation {
            Orientation::NoTransforms => (x, y),
            Orientation::FlipHorizontal => (right - x, y),
            Orientation::Rotate180 => (right - x, bottom - y),
            Orientation::FlipVertical => (x, bottom - y),
            Orientation::Rotate90FlipH => (y, x),
            Orientation::Rotate90 => (y, bottom - x),
            Orientation::Rotate270FlipH => (right - y, bottom - x),
            Orientation::Rotate270 => (right - y, x),
        };
        *self.pixels.get_pixel(x, y)
    }
}

#[cfg(test)]
mod tests {
    use image::DynamicImage;

    use super::*;

    #[test]
    fn it_is_seen_as_it_would_be_turned() {
        let pixels = RgbImage::from_fn(3, 2, |x, y| Rgb([x as u8, y as u8, 7]));
        for orientation in (1..=8).map(|exif| Orientation::from_exif(exif).unwrap()) {
            let mut copied = DynamicImage::from(pixels.clone());
            copied.apply_orientation(orientation);
            let copied = copied.to_rgb8();
            let seen = Turned::new(&pixels, orientation);
            assert_eq!(seen.dimensions(), copied.dimensions(), "{orientation:?}");
            for (x, y, pixel) in copied.enumerate_pixels() {
                assert_eq!(seen.get_pixel(x, y), *pixel, "{orientation:?} at {x}, {y}");
            }
        }
    }
}
