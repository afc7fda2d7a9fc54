//! What is kept of an image that is not by the book, and that it looks as in browsers.

use super::*;

#[test]
fn what_browsers_show_although_it_is_cut_short_is_a_picture() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif] {
        let whole = encoded(&picture(300, 200), format);
        let part = if format == ImageFormat::Jpeg { whole.len() - 300 } else { whole.len() / 2 };
        for len in [whole.len() - 2, whole.len() - 12, whole.len() - 20, part] {
            let cut = whole.slice(..len);
            let shown = shown_as((300, 200), format, cut.clone());
            assert_eq!(shown.to_rgb8().get_pixel(0, 0), decoded(&whole).to_rgb8().get_pixel(0, 0));
            assert!(avatar(&cut).is_ok(), "{format:?} of {len} bytes");
        }
    }
}

/// Checks that all that is told of a picture agrees, and gives it back.
fn shown_as((width, height): (u32, u32), format: ImageFormat, bytes: Bytes) -> DynamicImage {
    let prepared = prepare(format, bytes);
    let preview = prepared.preview.unwrap_or_else(|| panic!("no picture: {format:?}"));
    let (file, thumbnail) = (decoded(&prepared.bytes), decoded(&preview.thumbnail.bytes));
    assert_eq!((preview.width, preview.height), (width, height), "{format:?}");
    assert_eq!((file.width(), file.height()), (width, height), "{format:?}");
    assert_eq!((thumbnail.width(), thumbnail.height()), (width, height), "{format:?}");
    file
}

#[test]
fn a_gif_is_as_large_as_browsers_show_it() {
    let whole = encoded(&picture(120, 80), ImageFormat::Gif);
    for screen in [[10, 0, 10, 0], [0; 4], [120, 0, 10, 0], [10, 0, 80, 0]] {
        let mut bytes = whole.to_vec();
        bytes[6..10].copy_from_slice(&screen);
        let file = shown_as((120, 80), ImageFormat::Gif, bytes.into());
        assert_eq!(file, decoded(&whole), "{screen:?}");
    }
    let mut larger = whole.to_vec();
    larger[6..10].copy_from_slice(&[200, 0, 100, 0]);
    shown_as((200, 100), ImageFormat::Gif, larger.into());
}

#[test]
fn a_gif_that_ends_early_is_filled() {
    // Two by two pixels, of which two come before the end: codes 4, 1, 1, 5 of three bits.
    let mut gif = b"GIF89a\x02\0\x02\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    gif.extend(b",\0\0\0\0\x02\0\x02\0\0\x02\x02\x4c\x0a\0;");
    let shown = shown_as((2, 2), ImageFormat::Gif, gif.into()).to_rgb8();
    assert_eq!((shown.get_pixel(1, 0)[0], shown.get_pixel(1, 1)[0]), (255, 0));
}

#[test]
fn a_png_whose_pixels_have_a_wrong_sum_is_a_picture() {
    let whole = encoded(&picture(120, 80), ImageFormat::Png);
    let mut damaged = whole.to_vec();
    let sum = damaged.len() - 13;
    damaged[sum] ^= 1;
    assert_eq!(shown_as((120, 80), ImageFormat::Png, damaged.into()), decoded(&whole));
}

/// 24 by 16 pixels, red on the left and blue on the right: the decoder crate cannot make a lossy one.
const LOSSY_WEBP: &[u8] = b"\
    \x52\x49\x46\x46\x52\x00\x00\x00\x57\x45\x42\x50\x56\x50\x38\x20\x46\x00\x00\x00\x70\x03\x00\x9d\
    \x01\x2a\x18\x00\x10\x00\x3f\x39\x84\xb9\x53\xaf\x28\xa5\xa2\xb0\x08\x01\xe0\x27\x09\x40\x13\xa6\
    \x50\x8e\xe2\xbf\xfc\x0a\x17\x00\x00\xfe\xe6\x4b\x70\x65\x2b\x10\x59\x81\xfb\x83\x0c\xa5\x2b\xe7\
    \x06\xff\xf5\x1e\x5b\x52\xfa\xb1\x7c\x09\x18\x1f\xb0\x18\x63\xec\x00\x00";

#[test]
fn what_hides_behind_the_pixels_of_a_webp_is_dropped() {
    let lossless = encoded(&picture(64, 32), ImageFormat::WebP);
    for whole in [lossless, Bytes::from_static(LOSSY_WEBP)] {
        let mut bytes = [&whole[..], b"31.2304N 121.4737E 31.2304N 121.4737E"].concat();
        for (at, len) in [(4, bytes.len() - 8), (16, bytes.len() - 20)] {
            bytes[at..at + 4].copy_from_slice(&(len as u32).to_le_bytes());
        }
        let prepared = prepare(ImageFormat::WebP, bytes.into());
        assert!(prepared.preview.is_some());
        assert!(!contains(&prepared.bytes, "04N"));
        assert_eq!(decoded(&prepared.bytes), decoded(&whole));
        assert_eq!(prepare(ImageFormat::WebP, prepared.bytes.clone()).bytes, prepared.bytes);
        assert_eq!(prepare(ImageFormat::WebP, whole.clone()).bytes, whole, "stays as it is");
    }
}
