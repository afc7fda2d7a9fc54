use std::io::Cursor;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Frame, Rgb, RgbImage, Rgba, RgbaImage};
use img_parts::jpeg::{Jpeg, JpegSegment, markers};
use img_parts::png::{Png, PngChunk};
use img_parts::riff::{RiffChunk, RiffContent};
use img_parts::webp::WebP;
use img_parts::{DynImage, ImageEXIF};

use super::*;

fn prepare(format: ImageFormat, bytes: Bytes) -> Prepared {
    super::prepare(format, bytes, DECODE_BYTES_MAX)
}

fn avatar(bytes: &Bytes) -> Result<Picture, ImageError> {
    let format = format_of(sniff(bytes)).ok_or(ImageError::NotAnImage)?;
    super::avatar(format, bytes.clone(), DECODE_BYTES_MAX)
}

/// Wide, red on the left and blue on the right, so that turning shows.
fn picture(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, _| {
        if x < width / 2 { Rgb([220, 20, 20]) } else { Rgb([20, 20, 220]) }
    })
    .into()
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Bytes {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).unwrap();
    out.into_inner().into()
}

fn decoded(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).unwrap()
}

/// A TIFF block with one entry, the orientation, and a position in its tail.
fn exif(orientation: u8) -> Bytes {
    let mut tiff = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    tiff.extend(b"GPS 31.2304N 121.4737E");
    tiff.into()
}

fn with_exif(bytes: Bytes, orientation: u8) -> Bytes {
    let mut image = DynImage::from_bytes(bytes).unwrap().unwrap();
    image.set_exif(Some(exif(orientation)));
    image.encoder().bytes()
}

fn contains(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

const FORMATS: [ImageFormat; 3] = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP];

#[test]
fn the_type_is_what_the_bytes_say() {
    assert_eq!(sniff(&encoded(&picture(8, 8), ImageFormat::Png)), "image/png");
    assert_eq!(sniff(b"%PDF-1.7\n"), "application/pdf");
    assert_eq!(sniff("名字,数量\r\n".as_bytes()), "text/plain");
    assert_eq!(sniff(&"名".as_bytes()[..2]), "application/octet-stream");
    assert_eq!(sniff("ab名".as_bytes().split_last().unwrap().1), "text/plain", "cut character");
    assert_eq!(sniff(b""), "application/octet-stream");
    assert_eq!(sniff(&[0, 1, 2, 255]), "application/octet-stream");
    let page = sniff(b"<!DOCTYPE html><script>alert(1)</script>");
    assert!(format_of(page).is_none(), "{page}");
    let svg = sniff(b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>");
    assert!(format_of(svg).is_none(), "{svg}");
}

#[test]
fn a_picture_keeps_its_bytes_and_gets_a_thumbnail() {
    for format in FORMATS {
        let bytes = encoded(&picture(1200, 600), format);
        let prepared = prepare(format, bytes.clone());
        let preview = prepared.preview.unwrap();
        assert_eq!(decoded(&prepared.bytes), decoded(&bytes), "{format:?}: pixels untouched");
        assert_eq!((preview.width, preview.height), (1200, 600));
        let thumbnail = decoded(&preview.thumbnail.bytes);
        assert_eq!((thumbnail.width(), thumbnail.height()), (960, 480));
        assert_eq!(preview.thumbnail.mime, "image/jpeg");
    }
}

#[test]
fn position_and_comments_are_dropped_without_touching_pixels() {
    for format in FORMATS {
        let bytes = encoded(&picture(64, 32), format);
        let tagged = with_exif(bytes.clone(), 1);
        assert!(contains(&tagged, "31.2304N"));
        let prepared = prepare(format, tagged);
        assert!(!contains(&prepared.bytes, "31.2304N"), "{format:?}");
        assert_eq!(decoded(&prepared.bytes), decoded(&bytes));
    }
}

#[test]
fn what_hides_elsewhere_in_a_jpeg_is_dropped() {
    let plain = encoded(&picture(64, 32), ImageFormat::Jpeg);
    let mut jpeg = Jpeg::from_bytes(plain.clone()).unwrap();
    let xmp = Bytes::from_static(b"http://ns.adobe.com/xap/1.0/\0secret");
    for (marker, contents) in [
        (markers::APP1, xmp),
        (markers::APP13, Bytes::from_static(b"Photoshop 3.0\0secret")),
        (markers::COM, Bytes::from_static(b"secret")),
    ] {
        jpeg.segments_mut().insert(1, JpegSegment::new_with_contents(marker, contents));
    }
    let mut bytes = jpeg.encoder().bytes().to_vec();
    bytes.extend(with_exif(plain.clone(), 1)); // a second image after the end
    let prepared = prepare(ImageFormat::Jpeg, bytes.into());
    assert!(!contains(&prepared.bytes, "secret") && !contains(&prepared.bytes, "31.2304N"));
    assert_eq!(decoded(&prepared.bytes), decoded(&plain));
}

#[test]
fn text_in_a_png_is_dropped() {
    let mut png = Png::from_bytes(encoded(&picture(8, 8), ImageFormat::Png)).unwrap();
    for kind in [*b"tEXt", *b"iTXt", *b"zTXt", *b"tIME", *b"prVt"] {
        png.chunks_mut().insert(1, PngChunk::new(kind, Bytes::from_static(b"Author\0secret")));
    }
    let prepared = prepare(ImageFormat::Png, png.encoder().bytes());
    assert!(!contains(&prepared.bytes, "secret"));
    assert!(prepared.preview.is_some());
}

#[test]
fn a_photo_taken_sideways_is_turned_upright() {
    for format in FORMATS {
        // 6: the top of the scene is on the right, so the left half comes out on top.
        let prepared = prepare(format, with_exif(encoded(&picture(64, 32), format), 6));
        let preview = prepared.preview.unwrap();
        assert_eq!((preview.width, preview.height), (32, 64), "{format:?}");
        for bytes in [&prepared.bytes, &preview.thumbnail.bytes] {
            let upright = decoded(bytes).to_rgb8();
            assert_eq!(upright.dimensions(), (32, 64));
            assert!(upright.get_pixel(16, 8)[0] > 150, "red on top");
            assert!(upright.get_pixel(16, 56)[2] > 150, "blue at the bottom");
        }
        assert!(!contains(&prepared.bytes, "31.2304N"));
        assert_eq!(format_of(sniff(&prepared.bytes)), Some(format), "the type stays");
    }
}

#[test]
fn transparency_survives_in_thumbnails() {
    let glass: DynamicImage = RgbaImage::from_pixel(600, 600, Rgba([0, 255, 0, 80])).into();
    let prepared = prepare(ImageFormat::Png, encoded(&glass, ImageFormat::Png));
    let thumbnail = prepared.preview.unwrap().thumbnail;
    assert_eq!(thumbnail.mime, "image/png");
    assert_eq!(decoded(&thumbnail.bytes).to_rgba8().get_pixel(5, 5)[3], 80);
}

#[test]
fn broken_images_are_plain_files() {
    for format in FORMATS {
        let whole = encoded(&picture(300, 200), format);
        let header = match format {
            ImageFormat::Jpeg => 100,
            ImageFormat::Png => 40,
            _ => whole.len() / 2,
        };
        for len in [4, 20, header] {
            let cut = whole.slice(..len);
            let prepared = prepare(format, cut.clone());
            assert!(prepared.preview.is_none(), "{format:?} cut to {len} of {}", whole.len());
            assert_eq!(prepared.bytes, cut, "kept as it came");
            assert!(matches!(avatar(&cut), Err(ImageError::NotAnImage)));
        }
    }
    for gif in [&b"GIF89a"[..], b"GIF89a\0\0\0\0\0\0\0,\0\0\0\0\0\0\0\0\0\x02\x02L\x01\0;"] {
        assert!(prepare(ImageFormat::Gif, Bytes::from_static(gif)).preview.is_none());
    }
    assert!(matches!(avatar(&Bytes::new()), Err(ImageError::NotAnImage)));
    assert!(matches!(avatar(&Bytes::from_static(b"<svg/>")), Err(ImageError::NotAnImage)));
}

#[test]
fn photos_of_telephones_are_pictures() {
    // 12 megapixels, of one colour for speed.
    let photo: DynamicImage = RgbImage::from_pixel(4000, 3000, Rgb([9, 90, 200])).into();
    let prepared = prepare(ImageFormat::Jpeg, with_exif(encoded(&photo, ImageFormat::Jpeg), 6));
    let preview = prepared.preview.unwrap();
    assert_eq!((preview.width, preview.height), (3000, 4000));
    assert_eq!(decoded(&prepared.bytes).width(), 3000);
}

#[test]
fn long_pictures_are_pictures() {
    let prepared = prepare(ImageFormat::Png, encoded(&picture(17_000, 10), ImageFormat::Png));
    let preview = prepared.preview.unwrap();
    assert_eq!((preview.width, preview.height), (17_000, 10));
    let too_long = prepare(ImageFormat::Png, encoded(&picture(40_000, 1), ImageFormat::Png));
    assert!(too_long.preview.is_none());
}

#[test]
fn pictures_of_every_depth_are_pictures() {
    for image in [
        picture(60, 30),
        picture(60, 30).to_luma8().into(),
        picture(60, 30).to_luma_alpha8().into(),
        picture(60, 30).to_rgba8().into(),
        picture(60, 30).to_rgb16().into(),
        picture(60, 30).to_rgba16().into(),
        picture(60, 30).to_luma16().into(),
    ] {
        let prepared = prepare(ImageFormat::Png, encoded(&image, ImageFormat::Png));
        assert!(prepared.preview.is_some(), "{:?}", image.color());
    }
}

#[test]
fn a_photo_that_cannot_be_turned_within_limits_says_how_it_lies() {
    // 60 megapixels: more than is decoded.
    let mut bytes = encoded(&picture(16, 8), ImageFormat::Jpeg).to_vec();
    let frame = bytes.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 9].copy_from_slice(&[0x17, 0x70, 0x27, 0x10]);
    let prepared = prepare(ImageFormat::Jpeg, with_exif(bytes.into(), 6));
    assert!(prepared.preview.is_none());
    assert!(!contains(&prepared.bytes, "31.2304N"));
    let mut stripped = Vec::new();
    let read = || Ok(&prepared.bytes[..]);
    let traits = metadata::strip(ImageFormat::Jpeg, Exif::Dropped, read, &mut stripped).unwrap();
    assert_eq!(traits.orientation, Some(Orientation::Rotate90));
}

#[test]
fn an_animation_lies_as_its_pixels_do_in_all_that_is_told_of_it() {
    let mut png = Png::from_bytes(encoded(&picture(64, 32), ImageFormat::Png)).unwrap();
    png.chunks_mut()
        .insert(1, PngChunk::new(*b"acTL", Bytes::from_static(&[0, 0, 0, 1, 0, 0, 0, 0])));
    let prepared = prepare(ImageFormat::Png, with_exif(png.encoder().bytes(), 6));
    let preview = prepared.preview.unwrap();
    assert_eq!((preview.width, preview.height), (64, 32));
    assert_eq!(decoded(&preview.thumbnail.bytes).width(), 64);
    assert!(!contains(&prepared.bytes, "eXIf"));
}

/// A PNG of a few hundred bytes that claims to be `side` pixels square.
fn bomb(side: u32) -> Bytes {
    let mut png = Png::from_bytes(encoded(&picture(8, 8), ImageFormat::Png)).unwrap();
    let mut header = png.chunks()[0].contents().to_vec();
    header[0..4].copy_from_slice(&side.to_be_bytes());
    header[4..8].copy_from_slice(&side.to_be_bytes());
    png.chunks_mut()[0] = PngChunk::new(*b"IHDR", header.into());
    png.encoder().bytes()
}

#[test]
fn decompression_bombs_are_refused_before_they_unpack() {
    for side in [8_000, 16_000, 60_000, i32::MAX as u32] {
        assert!(prepare(ImageFormat::Png, bomb(side)).preview.is_none());
        assert!(matches!(avatar(&bomb(side)), Err(ImageError::TooManyPixels)), "{side}");
    }
    let mut gif = b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    gif.extend(b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02L\x01\0;");
    assert!(matches!(avatar(&gif.into()), Err(ImageError::TooManyPixels)));
}

#[test]
fn an_animated_gif_stays_animated() {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.set_repeat(Repeat::Infinite).unwrap();
    for shade in [0, 120, 240] {
        let frame = RgbaImage::from_pixel(40, 20, Rgba([shade, 0, 0, 255]));
        encoder.encode_frame(Frame::new(frame)).unwrap();
    }
    drop(encoder);
    let prepared = prepare(ImageFormat::Gif, bytes.clone().into());
    assert_eq!(prepared.bytes, bytes);
    let preview = prepared.preview.unwrap();
    assert_eq!((preview.width, preview.height), (40, 20));
}

#[test]
fn an_animated_webp_loses_its_position_but_not_its_frames() {
    let still = WebP::from_bytes(encoded(&picture(16, 8), ImageFormat::WebP)).unwrap();
    let pixels = still.chunks()[0].clone().encoder().bytes();
    let mut frame = vec![0, 0, 0, 0, 0, 0, 15, 0, 0, 7, 0, 0, 100, 0, 0, 0];
    frame.extend(&pixels);
    let data = |bytes: Vec<u8>| RiffContent::Data(bytes.into());
    let chunks = vec![
        RiffChunk::new(*b"VP8X", data(vec![0b0000_1010, 0, 0, 0, 15, 0, 0, 7, 0, 0])),
        RiffChunk::new(*b"ANIM", data(vec![0; 6])),
        RiffChunk::new(*b"ANMF", data(frame.clone())),
        RiffChunk::new(*b"ANMF", data(frame)),
        RiffChunk::new(*b"EXIF", RiffContent::Data(exif(6))),
    ];
    let riff = RiffContent::List { kind: Some(*b"WEBP"), subchunks: chunks };
    let bytes = RiffChunk::new(*b"RIFF", riff).encoder().bytes();

    let prepared = prepare(ImageFormat::WebP, bytes);
    assert!(!contains(&prepared.bytes, "31.2304N"));
    let stored = WebP::from_bytes(prepared.bytes).unwrap();
    assert_eq!(stored.chunks_by_id(*b"ANMF").count(), 2);
    assert_eq!(stored.chunks()[0].content().data().unwrap()[0], 0b0000_0010, "no EXIF announced");
    let preview = prepared.preview.unwrap();
    assert_eq!((preview.width, preview.height), (16, 8), "as its frames lie");
}

#[test]
fn an_avatar_is_the_middle_square() {
    let avatar = |image: &DynamicImage| {
        let made = avatar(&encoded(image, ImageFormat::Png)).unwrap();
        decoded(&made.bytes).to_rgb8()
    };
    assert_eq!(avatar(&picture(2000, 900)).dimensions(), (512, 512));
    assert_eq!(avatar(&picture(300, 400)).dimensions(), (300, 300), "never blown up");
    assert_eq!(avatar(&picture(1, 7)).dimensions(), (1, 1));
    let middle = avatar(&picture(2000, 900));
    assert!(middle.get_pixel(100, 256)[0] > 150 && middle.get_pixel(400, 256)[2] > 150);
}

#[test]
fn an_avatar_is_turned_and_carries_no_position() {
    let sideways = with_exif(encoded(&picture(600, 600), ImageFormat::Jpeg), 6);
    let made = avatar(&sideways).unwrap();
    assert!(!contains(&made.bytes, "31.2304N"));
    assert!(decoded(&made.bytes).to_rgb8().get_pixel(256, 20)[0] > 150, "red on top");
}

#[path = "browsers_tests.rs"]
mod browsers;
