//! Whatever goes in, only what shows pixels comes out.

use std::io::Cursor;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::codecs::gif::{GifEncoder, Repeat};
use image::{DynamicImage, Frame, RgbImage, RgbaImage};
use proptest::prelude::*;

use super::*;

const SECRET: &[u8] = b"31.2304N 121.4737E";

fn stripped(format: ImageFormat, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    strip(format, Exif::Dropped, || Ok(bytes), &mut out)?;
    Ok(out)
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    DynamicImage::from(RgbImage::new(40, 20)).write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn has(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn segment(marker: u8, contents: &[u8]) -> Vec<u8> {
    let len = (contents.len() as u16 + 2).to_be_bytes();
    [&[0xff, marker][..], &len, contents].concat()
}

fn png_chunk(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let mut sum = flate2::Crc::new();
    sum.update(kind);
    sum.update(contents);
    let len = (contents.len() as u32).to_be_bytes();
    [&len[..], kind, contents, &sum.sum().to_be_bytes()].concat()
}

fn riff_chunk(kind: &[u8; 4], contents: &[u8]) -> Vec<u8> {
    let len = (contents.len() as u32).to_le_bytes();
    [kind, &len[..], contents, &[0][..contents.len() % 2]].concat()
}

fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    let chunks = chunks.concat();
    let size = (chunks.len() as u32 + 4).to_le_bytes();
    [b"RIFF", &size[..], b"WEBP", &chunks].concat()
}

fn gif(extension: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.set_repeat(Repeat::Infinite).unwrap();
    for shade in [0, 240] {
        let frame = RgbaImage::from_pixel(4, 2, image::Rgba([shade, 0, 0, 255]));
        encoder.encode_frame(Frame::new(frame)).unwrap();
    }
    drop(encoder);
    let end = bytes.len() - 1;
    bytes.splice(end..end, extension.iter().copied());
    bytes
}

/// An sRGB-like profile with words in it, and a private tag.
fn profile() -> Vec<u8> {
    let tags: [(&[u8; 4], Vec<u8>); 6] = [
        (b"desc", [b"desc\0\0\0\0", SECRET].concat()),
        (b"prvt", [b"text\0\0\0\0", SECRET].concat()),
        (b"wtpt", [&b"XYZ \0\0\0\0"[..], &[1; 12], SECRET].concat()),
        (b"rXYZ", [&b"XYZ \0\0\0\0"[..], &[2; 12]].concat()),
        (b"rTRC", [&b"curv\0\0\0\0\0\0\0\x01"[..], &[2, 51], SECRET].concat()),
        (b"gTRC", [&b"curv\0\0\0\0\0\0\0\x01"[..], &[2, 51]].concat()),
    ];
    let mut out = vec![0; 128];
    out[12..24].copy_from_slice(b"mntrRGB XYZ ");
    out[36..40].copy_from_slice(b"acsp");
    out[48..52].copy_from_slice(&SECRET[..4]);
    out[100..118].copy_from_slice(SECRET);
    out.extend((tags.len() as u32).to_be_bytes());
    let mut at = out.len() + tags.len() * 12;
    for (name, data) in &tags {
        out.extend(*name);
        out.extend((at as u32).to_be_bytes());
        out.extend((data.len() as u32).to_be_bytes());
        at += data.len();
    }
    tags.iter().for_each(|(_, data)| out.extend(data));
    let size = out.len() as u32;
    out[..4].copy_from_slice(&size.to_be_bytes());
    out
}

#[test]
fn of_a_profile_only_numbers_stay() {
    let cleaned = icc::cleaned(&profile()).unwrap();
    assert!(!has(&cleaned, SECRET) && !has(&cleaned, b"prvt") && !has(&cleaned, b"desc"));
    assert_eq!(cleaned[48..52], [0; 4], "no device");
    assert!(has(&cleaned, b"rTRC") && has(&cleaned, &[2; 12]), "colours are still known");
    assert_eq!(icc::cleaned(&cleaned), Some(cleaned.clone()), "clean already");
    assert_eq!(icc::cleaned(b"no profile"), None);
}

#[test]
fn nothing_hides_in_a_jpeg() {
    let whole = encoded(ImageFormat::Jpeg);
    let icc = [b"ICC_PROFILE\0\x01\x01", &profile()[..]].concat();
    let jfif = [&b"JFIF\0\x01\x02\0\0\x01\0\x01\x06\x01"[..], SECRET].concat();
    let adobe = [&b"Adobe\0\x64\0\0\0\0\x01"[..], SECRET].concat();
    let mut segments: Vec<_> =
        (0xe1..=0xef).chain(0xf0..=0xfe).map(|marker| segment(marker, SECRET)).collect();
    segments.push(segment(0xe1, &[b"Exif\0\0", SECRET].concat()));
    segments.extend([segment(0xe0, &jfif), segment(0xe2, &icc), segment(0xee, &adobe)]);
    segments.push(segment(0x02, SECRET));
    let bytes = [&whole[..2], &segments.concat(), &whole[2..], SECRET].concat();
    let out = stripped(ImageFormat::Jpeg, &bytes).unwrap();
    assert!(!has(&out, SECRET));
    assert!(has(&out, b"ICC_PROFILE\0") && has(&out, b"Adobe"));
    assert!(image::load_from_memory(&out).is_ok());
}

#[test]
fn a_jpeg_that_stays_as_it_lies_says_so_and_nothing_else() {
    let whole = encoded(ImageFormat::Jpeg);
    let mut tiff = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    tiff.extend(SECRET);
    let exif = segment(0xe1, &[b"Exif\0\0", &tiff[..]].concat());
    let bytes = [&whole[..2], &exif, &whole[2..]].concat();
    let mut out = Vec::new();
    let traits = strip(ImageFormat::Jpeg, Exif::Upright, || Ok(&bytes[..]), &mut out).unwrap();
    assert_eq!(traits.orientation, Some(Orientation::Rotate90));
    assert!(!has(&out, SECRET));
    let mut again = Vec::new();
    let traits = strip(ImageFormat::Jpeg, Exif::Dropped, || Ok(&out[..]), &mut again).unwrap();
    assert_eq!(traits.orientation, Some(Orientation::Rotate90));
    assert!(!has(&again, b"Exif"));
}

#[test]
fn nothing_hides_in_a_png() {
    let whole = encoded(ImageFormat::Png);
    let mut deflated =
        ZlibEncoder::new([b"secret name", SECRET, b"\0\0"].concat(), Compression::fast());
    deflated.write_all(&profile()).unwrap();
    let chunks = [
        png_chunk(b"iCCP", &deflated.finish().unwrap()),
        png_chunk(b"tEXt", SECRET),
        png_chunk(b"eXIf", SECRET),
        png_chunk(b"PRVT", SECRET),
        png_chunk(b"gAMA", SECRET),
        png_chunk(b"pHYs", SECRET),
    ];
    let after_header = 8 + 25;
    let bytes = [&whole[..after_header], &chunks.concat(), &whole[after_header..], SECRET].concat();
    let out = stripped(ImageFormat::Png, &bytes).unwrap();
    assert!(!has(&out, SECRET) && !has(&out, b"gAMA") && has(&out, b"iCCP"));
    assert!(image::load_from_memory(&out).is_ok());
}

#[test]
fn a_png_with_a_damaged_ancillary_chunk_or_without_its_end_is_whole_again() {
    let whole = encoded(ImageFormat::Png);
    let mut damaged = png_chunk(b"gAMA", &[0, 0, 0xb1, 0x8f]);
    *damaged.last_mut().unwrap() ^= 1;
    let bytes = [&whole[..33], &damaged, &whole[33..]].concat();
    assert_eq!(stripped(ImageFormat::Png, &bytes).unwrap(), whole);
    assert_eq!(stripped(ImageFormat::Png, &whole[..whole.len() - 12]).unwrap(), whole);
    let text = png_chunk(b"tEXt", SECRET);
    let cut = [&whole[..33], &text, &whole[33..whole.len() - 20]].concat();
    let kept = stripped(ImageFormat::Png, &cut).unwrap();
    assert!(!has(&kept, SECRET));
    assert_eq!(image::load_from_memory(&kept).unwrap(), image::load_from_memory(&whole).unwrap());
}

/// The data of the first chunk of this kind, and the place of the whole chunk.
fn png_data(png: &[u8], kind: &[u8; 4]) -> (Vec<u8>, std::ops::Range<usize>) {
    let at = png.windows(4).position(|it| it == kind).unwrap();
    let len = u32::from_be_bytes(png[at - 4..at].try_into().unwrap()) as usize;
    (png[at + 4..at + 4 + len].to_vec(), at - 4..at + 8 + len)
}

#[test]
fn nothing_hides_behind_the_pixels_of_a_png() {
    let whole = encoded(ImageFormat::Png);
    let (pixels, place) = png_data(&whole, b"IDAT");
    let (half, rest) = pixels.split_at(pixels.len() / 2);
    let frame = [&[0, 0, 0, 2], &pixels[..]].concat();
    let control = [&[0, 0, 0, 1, 0, 0, 0, 40, 0, 0, 0, 20][..], &[0; 14]].concat();
    let hidden = |data: &[u8]| [data, SECRET].concat();
    for chunks in [
        vec![png_chunk(b"IDAT", &hidden(&pixels))],
        vec![png_chunk(b"IDAT", &pixels), png_chunk(b"IDAT", SECRET)],
        vec![
            png_chunk(b"IDAT", half),
            png_chunk(b"tEXt", SECRET),
            png_chunk(b"IDAT", &hidden(rest)),
        ],
        vec![
            png_chunk(b"IDAT", &pixels),
            png_chunk(b"fcTL", &control),
            png_chunk(b"fdAT", &hidden(&frame)),
        ],
    ] {
        let bytes = [&whole[..place.start], &chunks.concat(), &whole[place.end..]].concat();
        let out = stripped(ImageFormat::Png, &bytes).unwrap();
        assert!(!has(&out, SECRET));
        assert!(has(&out, rest), "the pixels stay as they are");
        assert_eq!(
            image::load_from_memory(&out).unwrap(),
            image::load_from_memory(&whole).unwrap()
        );
    }
    // rows below the last one
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::none());
    deflated.write_all(&[0; 20 * 121]).unwrap();
    deflated.write_all(SECRET).unwrap();
    let chunk = png_chunk(b"IDAT", &deflated.finish().unwrap());
    let bytes = [&whole[..place.start], &chunk, &whole[place.end..]].concat();
    let out = stripped(ImageFormat::Png, &bytes).unwrap();
    assert!(has(&bytes, SECRET) && !has(&out, SECRET));
    assert_eq!(image::load_from_memory(&out).unwrap(), image::load_from_memory(&whole).unwrap());
}

#[test]
fn nothing_hides_behind_the_pixels_of_a_gif() {
    let whole = gif(&[]);
    let end = whole.len() - 2; // the last block of pixels, and the trailer
    let hidden = [&[SECRET.len() as u8], SECRET].concat();
    let bytes = [&whole[..end], &hidden, &whole[end..]].concat();
    assert_eq!(stripped(ImageFormat::Gif, &bytes).unwrap(), whole);
    // in the block in which the pixels end, too
    let mut still =
        b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02".to_vec();
    let pixels = still.len();
    still.extend(b"\x02\x44\x01\0;");
    let mut bytes = still.clone();
    bytes[pixels] += SECRET.len() as u8;
    bytes.splice(pixels + 3..pixels + 3, SECRET.iter().copied());
    assert_eq!(stripped(ImageFormat::Gif, &bytes).unwrap(), still);
}

#[test]
fn nothing_hides_in_a_gif() {
    let sub = |bytes: &[u8]| [&[bytes.len() as u8][..], bytes].concat();
    let extension =
        |label, blocks: &[Vec<u8>]| [&[0x21, label][..], &blocks.concat(), &[0]].concat();
    let hidden = [
        extension(0xfe, &[sub(SECRET)]),
        extension(0xff, &[sub(b"XMP DataXMP"), sub(SECRET)]),
        extension(0xff, &[sub(b"NETSCAPE2.0"), sub(SECRET), sub(&[1, 5, 0])]),
        extension(0x01, &[sub(&[0; 12]), sub(SECRET)]),
        extension(0xf9, &[sub(&[0; 4]), sub(SECRET)]),
        extension(0x77, &[sub(SECRET)]),
    ];
    let whole = gif(&[]);
    let bytes = [&gif(&hidden.concat())[..], SECRET].concat();
    let out = stripped(ImageFormat::Gif, &bytes).unwrap();
    assert!(!has(&out, SECRET));
    assert!(has(&out, b"NETSCAPE2.0\x03\x01\x05\0\0"), "the loop stays");
    assert!(image::load_from_memory(&out).is_ok());
    assert_eq!(stripped(ImageFormat::Gif, &whole).unwrap(), whole);
    let cut = stripped(ImageFormat::Gif, &whole[..whole.len() - 4]).unwrap();
    assert!(cut.len() < whole.len() && cut.ends_with(&[0x3b]), "ends after a whole frame");
}

#[test]
fn nothing_hides_in_a_webp() {
    let still = encoded(ImageFormat::WebP);
    let pixels = &still[12..];
    let header = |flags: u8| riff_chunk(b"VP8X", &[flags, 0, 0, 0, 39, 0, 0, 19, 0, 0]);
    let hidden =
        [riff_chunk(b"EXIF", SECRET), riff_chunk(b"XMP ", SECRET), riff_chunk(b"PRVT", SECRET)];
    let bytes = [
        &webp(&[
            header(0b0010_1100),
            riff_chunk(b"ICCP", &profile()),
            pixels.to_vec(),
            hidden.concat(),
        ])[..],
        SECRET,
    ]
    .concat();
    let out = stripped(ImageFormat::WebP, &bytes).unwrap();
    assert!(!has(&out, SECRET) && has(&out, b"ICCP"));
    assert_eq!(out[20], 0b0010_0000, "only the profile is announced");
    assert!(image::load_from_memory(&out).is_ok());

    let mut frame = vec![0, 0, 0, 0, 0, 0, 39, 0, 0, 19, 0, 0, 100, 0, 0, 0];
    frame.extend(pixels);
    frame.extend(hidden.concat());
    let moving = [riff_chunk(b"ANIM", &[0; 6]), riff_chunk(b"ANMF", &frame)].concat();
    let bytes = webp(&[header(0b0000_1010), moving]);
    let out = stripped(ImageFormat::WebP, &bytes).unwrap();
    assert!(!has(&out, SECRET) && has(&out, b"ANMF"));
    assert_eq!(u32::from_le_bytes(out[4..8].try_into().unwrap()) as usize, out.len() - 8);
}

/// Goes through an image that we made by the book, and says what else is in it than what shows pixels.
fn strangers(format: ImageFormat, bytes: &[u8]) -> Vec<String> {
    let mut strangers = Vec::new();
    match format {
        ImageFormat::Png => {
            let mut at = 8;
            while at < bytes.len() {
                let len = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
                let kind = bytes[at + 4..at + 8].try_into().unwrap();
                let known = [
                    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"acTL", b"fcTL", b"fdAT", b"tRNS",
                    b"cHRM", b"pHYs", b"bKGD", b"gAMA", b"sBIT", b"cICP", b"sRGB", b"iCCP",
                ];
                if !known.contains(&&kind) {
                    strangers.push(format!("{kind:?}"));
                }
                at += len + 12;
            }
            // One that was cut short is passed on so.
        }
        ImageFormat::WebP => {
            let mut at = 12;
            while at < bytes.len() {
                let kind = &bytes[at..at + 4];
                let len = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
                if matches!(kind, b"EXIF" | b"XMP ") || !kind[0].is_ascii_uppercase() {
                    strangers.push(format!("{kind:?}"));
                }
                at += 8 + len + len % 2;
            }
            assert_eq!(at, bytes.len());
            assert_eq!(bytes[4..8], (bytes.len() as u32 - 8).to_le_bytes());
        }
        ImageFormat::Jpeg => assert!(bytes.ends_with(&[0xff, 0xd9])),
        _ => assert!(bytes.ends_with(&[0x3b])),
    }
    strangers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Damaged images, images in images, and rubbish: no panic, and what comes out comes out as it is from a second
    /// pass, which finds nothing left to drop.
    #[test]
    fn whatever_comes_out_is_clean(
        which in 0usize..4,
        cut in any::<prop::sample::Index>(),
        rubbish in proptest::collection::vec(any::<u8>(), 0..40),
        inserts in any::<bool>(),
    ) {
        let format = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP][which];
        let mut bytes = if format == ImageFormat::Gif { gif(&[]) } else { encoded(format) };
        let at = cut.index(bytes.len());
        let end = if inserts { at } else { (at + rubbish.len()).min(bytes.len()) };
        bytes.splice(at..end, rubbish);
        if let Ok(once) = stripped(format, &bytes) {
            prop_assert_eq!(strangers(format, &once), Vec::<String>::new());
            prop_assert_eq!(stripped(format, &once).unwrap(), once);
        }
    }
}
