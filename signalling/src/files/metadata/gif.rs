//! GIF89a: blocks from the header to the trailer. Of the extensions those stay that an animation needs. One that is
//! cut short ends after its last whole frame.

use std::io::{self, BufRead, Write};

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

pub(super) fn strip(input: &mut impl BufRead, out: &mut impl Write) -> io::Result<Traits> {
    let version: [u8; 6] = array(input)?;
    if !matches!(&version, b"GIF87a" | b"GIF89a") {
        return Err(broken());
    }
    let screen: [u8; 7] = array(input)?;
    out.write_all(&version)?;
    out.write_all(&screen)?;
    copy(input, table_bytes(screen[4]), out)?;
    let mut frames = 0;
    let mut block = Vec::new();
    loop {
        block.clear();
        match next_block(input, &mut block) {
            Ok(Block::End) => break,
            Ok(Block::Frame) => frames += 1,
            Ok(Block::Extension) => {}
            Err(error) if frames > 0 && super::is_broken(&error) => break,
            Err(error) => return Err(error),
        }
        out.write_all(&block)?;
    }
    out.write_all(&[TRAILER])?;
    Ok(Traits { animated: frames > 1, ..Traits::default() })
}

enum Block {
    Frame,
    /// With nothing in `block` if it is dropped.
    Extension,
    End,
}

fn next_block(input: &mut impl BufRead, block: &mut Vec<u8>) -> io::Result<Block> {
    match array(input)? {
        [TRAILER] => Ok(Block::End),
        [IMAGE] => frame(input, block).map(|()| Block::Frame),
        [EXTENSION] => extension(input, block).map(|()| Block::Extension),
        // Some writers leave a zero between blocks.
        [0] => Ok(Block::Extension),
        _ => Err(broken()),
    }
}

fn frame(input: &mut impl BufRead, block: &mut Vec<u8>) -> io::Result<()> {
    let descriptor: [u8; 9] = array(input)?;
    block.push(IMAGE);
    block.extend(descriptor);
    copy(input, table_bytes(descriptor[8]), block)?;
    let [code_size] = array(input)?;
    block.push(code_size);
    loop {
        let [len] = array(input)?;
        block.push(len);
        if len == 0 {
            return Ok(());
        }
        copy(input, len.into(), block)?;
        if block.len() > FRAME_BYTES_MAX {
            return Err(broken());
        }
    }
}

fn extension(input: &mut impl BufRead, block: &mut Vec<u8>) -> io::Result<()> {
    let ([label], [len]) = (array(input)?, array(input)?);
    let mut first = vec![0; usize::from(len)];
    input.read_exact(&mut first)?;
    match label {
        GRAPHIC_CONTROL if len == 4 => {
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
