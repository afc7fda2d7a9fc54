//! GIF89a: blocks from the header to the trailer. Of the extensions those stay that an animation needs. One that is
//! cut short ends after its last whole frame; the first is always made whole.

use std::io::{self, BufRead, Read as _, Write};

use super::lzw::{self, Codes};
use super::{Traits, array, broken, copy, skip};

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;

const GRAPHIC_CONTROL: u8 = 0xf9;
const APPLICATION: u8 = 0xff;

/// The applications whose extension says how often an animation runs.
const LOOPS: [&[u8; 11]; 2] = [b"NETSCAPE2.0", b"ANIMEXTS1.0"];

/// Longest image data of one frame: a block is read whole before it is passed on, so that none is cut in its middle.
const FRAME_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What may stand before the first frame: a colour table, and some extensions.
const BEFORE_BYTES_MAX: usize = 64 * 1024;

/// Pixels that are unpacked to find where those of a frame end; what comes after these is passed on as it is.
const UNPACKED_MAX: u64 = 512 * 1024 * 1024;

/// Pixels of a frame of which we fill in what is missing: as many as we decode, with eight bytes each.
const FILLED_MAX: u64 = 12 * 1024 * 1024;

pub(super) fn strip(input: &mut impl BufRead, out: &mut impl Write) -> io::Result<Traits> {
    let version: [u8; 6] = array(input)?;
    if !matches!(&version, b"GIF87a" | b"GIF89a") {
        return Err(broken());
    }
    out.write_all(&version)?;
    let mut image = Image { screen: array(input)?, ..Image::default() };
    let mut before = Vec::new();
    copy(input, table_bytes(image.screen[4]), &mut before)?;
    let mut block = Vec::new();
    loop {
        block.clear();
        match image.next_block(input, &mut block) {
            Ok(Block::End) => break,
            Ok(Block::Extension) if image.frames == 0 => {
                before.append(&mut block);
                if before.len() > BEFORE_BYTES_MAX {
                    return Err(broken());
                }
            }
            Ok(Block::Extension) => {}
            Ok(Block::Frame) if image.frames == 1 => {
                out.write_all(&image.screen)?;
                out.write_all(&before)?;
            }
            Ok(Block::Frame) => {}
            Err(error) if image.frames > 0 && super::is_broken(&error) => break,
            Err(error) => return Err(error),
        }
        out.write_all(&block)?;
    }
    if image.frames == 0 {
        return Err(broken());
    }
    out.write_all(&[TRAILER])?;
    Ok(Traits { animated: image.frames > 1, ..Traits::default() })
}

/// Width and height as they are shown, if `head` tells.
pub(in crate::files) fn size(mut head: &[u8]) -> Option<(u16, u16)> {
    let input = &mut head;
    let _version: [u8; 6] = array(input).ok()?;
    let mut image = Image { screen: array(input).ok()?, ..Image::default() };
    skip(input, table_bytes(image.screen[4])).ok()?;
    loop {
        match array(input).ok()? {
            [EXTENSION] => image.extension(input, &mut Vec::new()).ok()?,
            [0] => {}
            [IMAGE] => break,
            _ => return None,
        }
    }
    image.fit_screen(&array(input).ok()?);
    let [w1, w2, h1, h2, ..] = image.screen;
    Some((u16::from_le_bytes([w1, w2]), u16::from_le_bytes([h1, h2])))
}

enum Block {
    Frame,
    /// With nothing in `block` if it is dropped.
    Extension,
    End,
}

#[derive(Default)]
struct Image {
    /// Width, height, flags, background and aspect.
    screen: [u8; 7],
    frames: usize,
    /// The colour of the next frame through which one sees what is behind it.
    transparent: Option<u8>,
    unpacked: u64,
}

impl Image {
    fn next_block(&mut self, input: &mut impl BufRead, block: &mut Vec<u8>) -> io::Result<Block> {
        match array(input)? {
            [TRAILER] => Ok(Block::End),
            [IMAGE] => self.frame(input, block).map(|()| Block::Frame),
            [EXTENSION] => self.extension(input, block).map(|()| Block::Extension),
            // Some writers leave a zero between blocks.
            [0] => Ok(Block::Extension),
            _ => Err(broken()),
        }
    }

    /// Browsers make the screen as large as the first frame needs it; other readers cut that off.
    fn fit_screen(&mut self, descriptor: &[u8; 9]) {
        for at in [0, 2] {
            let read = |bytes: &[u8], at| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
            let end = read(descriptor, at).saturating_add(read(descriptor, at + 4));
            let side = read(&self.screen, at).max(end);
            self.screen[at..at + 2].copy_from_slice(&side.to_le_bytes());
        }
    }

    /// A first frame that is cut short is filled, so that all who read the file see the same.
    fn frame(&mut self, input: &mut impl BufRead, block: &mut Vec<u8>) -> io::Result<()> {
        let descriptor: [u8; 9] = array(input)?;
        let [.., w1, w2, h1, h2, flags] = descriptor;
        block.push(IMAGE);
        block.extend(descriptor);
        copy(input, table_bytes(flags), block)?;
        let [code_size] = array(input)?;
        block.push(code_size);
        let start = block.len();
        let (width, height) = (u16::from_le_bytes([w1, w2]), u16::from_le_bytes([h1, h2]));
        let pixels = u64::from(width) * u64::from(height);
        let mut codes = Codes::new(code_size, pixels, self.unpacked < UNPACKED_MAX);
        let ended = blocks_of_pixels(input, &mut codes, block);
        self.unpacked += codes.pixels;
        let is_first = self.frames == 0;
        match ended {
            Err(error) if !is_first || codes.pixels == 0 || !super::is_broken(&error) => {
                return Err(error);
            }
            Err(_) => block.push(0),
            Ok(()) => {}
        }
        if is_first {
            self.fit_screen(&descriptor);
            if codes.lacks_pixels() && codes.pixels > 0 && pixels <= FILLED_MAX {
                self.fill(code_size, pixels as usize, block, start);
            }
        }
        self.frames += 1;
        self.transparent = None;
        Ok(())
    }

    fn fill(&self, code_size: u8, pixels: usize, block: &mut Vec<u8>, start: usize) {
        let mut codes = Vec::new();
        let mut rest = &block[start..];
        while let Some((&len, more)) = rest.split_first().filter(|(len, _)| **len > 0) {
            let (data, more) = more.split_at(usize::from(len));
            codes.extend(data);
            rest = more;
        }
        let wanted = self.transparent.unwrap_or(self.screen[5]);
        let filler = if u16::from(wanted) < 1 << code_size { wanted } else { 0 };
        if let Some(filled) = lzw::filled(code_size, &codes, pixels, filler) {
            block.truncate(start);
            for data in filled.chunks(usize::from(u8::MAX)) {
                block.push(data.len() as u8);
                block.extend(data);
            }
            block.push(0);
        }
    }

    fn extension(&mut self, input: &mut impl BufRead, block: &mut Vec<u8>) -> io::Result<()> {
        let ([label], [len]) = (array(input)?, array(input)?);
        let mut first = vec![0; usize::from(len)];
        input.read_exact(&mut first)?;
        match label {
            GRAPHIC_CONTROL if len == 4 => {
                self.transparent = (first[0] & 1 == 1).then_some(first[3]);
                block.extend([EXTENSION, label, len]);
                block.extend(first);
                block.push(0);
            }
            APPLICATION if LOOPS.iter().any(|name| first == **name) => {
                return repeat(input, &first, block);
            }
            _ if len == 0 => return Ok(()),
            _ => {}
        }
        skip_blocks(input)
    }
}

/// Passes on what belongs to the pixels of a frame; an error if that ends before it should.
fn blocks_of_pixels(
    input: &mut impl BufRead,
    codes: &mut Codes,
    block: &mut Vec<u8>,
) -> io::Result<()> {
    loop {
        let [len] = array(input)?;
        if len == 0 {
            block.push(0);
            return Ok(());
        }
        let mut data = Vec::new();
        let read = input.take(len.into()).read_to_end(&mut data)?;
        let kept = codes.take(&data, |_| {});
        if kept > 0 {
            block.push(kept as u8);
            block.extend(&data[..kept]);
        }
        if read < usize::from(len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if block.len() > FRAME_BYTES_MAX {
            return Err(broken());
        }
    }
}

/// The loop is a block of three bytes: 1 and a count. Others of the same application may say anything.
fn repeat(input: &mut impl BufRead, name: &[u8], block: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let [len] = array(input)?;
        if len == 0 {
            return Ok(());
        }
        let mut contents = vec![0; usize::from(len)];
        input.read_exact(&mut contents)?;
        if let ([1, low, high], true) = (&contents[..], block.is_empty()) {
            block.extend([EXTENSION, APPLICATION, name.len() as u8]);
            block.extend(name);
            block.extend([3, 1, *low, *high, 0]);
        }
    }
}

fn skip_blocks(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        match array(input)? {
            [0] => return Ok(()),
            [len] => skip(input, len.into())?,
        }
    }
}

/// Bytes of the colour table that a packed field announces.
fn table_bytes(packed: u8) -> u64 {
    if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) }
}
