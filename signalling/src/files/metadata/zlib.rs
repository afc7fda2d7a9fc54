//! The compressed pixels of a PNG: a zlib stream (RFC 1950) that comes in pieces. What follows its end is no picture.

use std::io::{self, Write};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};

/// What is unpacked to find the end of a stream: about six times what we decode. Longer streams are passed on as they are.
const UNPACKED_MAX: u64 = 512 * 1024 * 1024;

const SCRATCH_BYTES: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Ended,
    Damaged,
    TooLong,
}

pub(super) struct Stream {
    inflate: Decompress,
    scratch: Vec<u8>,
    state: State,
}

impl Stream {
    pub(super) fn new() -> Stream {
        let (inflate, scratch) = (Decompress::new(true), vec![0; SCRATCH_BYTES]);
        Stream { inflate, scratch, state: State::Running }
    }

    /// How many of the next bytes belong to the stream. `unpacked` takes what they say.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        mut unpacked: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<usize> {
        let mut taken = 0;
        while self.state == State::Running {
            let (read, made) = (self.inflate.total_in(), self.inflate.total_out());
            let rest = &bytes[taken..];
            let status = self.inflate.decompress(rest, &mut self.scratch, FlushDecompress::None);
            let read = (self.inflate.total_in() - read) as usize;
            let made = (self.inflate.total_out() - made) as usize;
            taken += read;
            unpacked(&self.scratch[..made])?;
            self.state = match status {
                Ok(Status::StreamEnd) => State::Ended,
                Err(_) => State::Damaged,
                Ok(_) if self.inflate.total_out() > UNPACKED_MAX => State::TooLong,
                Ok(_) if (read, made) == (0, 0) => break,
                Ok(_) => State::Running,
            };
        }
        Ok(if self.state == State::TooLong { bytes.len() } else { taken })
    }

    /// Nothing more belongs to it.
    pub(super) fn close(&mut self) {
        self.state = State::Ended;
    }

    /// Bytes that came out of it.
    pub(super) fn unpacked(&self) -> u64 {
        self.inflate.total_out()
    }

    /// Whether it ended after just so many bytes, or is too long to tell.
    pub(super) fn holds(&self, expected: u64) -> bool {
        match self.state {
            State::Ended => self.unpacked() == expected,
            State::TooLong => true,
            State::Running | State::Damaged => false,
        }
    }
}

/// A stream that is packed again, because it was cut short, damaged or too long.
pub(super) struct Repacked {
    deflate: ZlibEncoder<Vec<u8>>,
    missing: u64,
}

impl Repacked {
    pub(super) fn new(expected: u64) -> Repacked {
        Repacked { deflate: ZlibEncoder::new(Vec::new(), Compression::fast()), missing: expected }
    }

    pub(super) fn unpacked(&mut self, bytes: &[u8]) -> io::Result<()> {
        let wanted = bytes.len().min(usize::try_from(self.missing).unwrap_or(usize::MAX));
        self.missing -= wanted as u64;
        self.deflate.write_all(&bytes[..wanted])
    }

    /// The next `enough` bytes, once they are packed.
    pub(super) fn packed(&mut self, enough: usize) -> Option<Vec<u8>> {
        let packed = self.deflate.get_mut();
        (packed.len() >= enough).then(|| packed.drain(..enough).collect())
    }

    /// The rest; black, or see-through, where nothing came.
    pub(super) fn finish(mut self) -> io::Result<Vec<u8>> {
        io::copy(&mut io::Read::take(io::repeat(0), self.missing), &mut self.deflate)?;
        self.deflate.finish()
    }
}
