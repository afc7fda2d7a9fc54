//! Storage as blocking threads read and write it.

use std::io::{self, BufRead, Read, Write};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::buffered::BufWriter;
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

/// Bytes of a stream.
pub(super) struct Source {
    runtime: Handle,
    bytes: BoxStream<'static, object_store::Result<Bytes>>,
    piece: Bytes,
}

impl Source {
    pub(super) fn new(
        runtime: Handle,
        bytes: BoxStream<'static, object_store::Result<Bytes>>,
    ) -> Source {
        Source { runtime, bytes, piece: Bytes::new() }
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.piece.is_empty() {
            match self.runtime.block_on(self.bytes.next()) {
                Some(piece) => self.piece = piece.map_err(io::Error::other)?,
                None => break,
            }
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, len: usize) {
        let _ = self.piece.split_to(len);
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

/// An object that grows, with its hash and length.
pub(super) struct Sink {
    runtime: Handle,
    object: BufWriter,
    hash: Sha256,
    len: i64,
}

impl Sink {
    pub(super) fn new(runtime: Handle, object: BufWriter) -> Sink {
        Sink { runtime, object, hash: Sha256::new(), len: 0 }
    }

    /// The object exists from now on; tells its length and hash.
    pub(super) fn finish(mut self) -> io::Result<(i64, Vec<u8>)> {
        self.runtime.block_on(tokio::io::AsyncWriteExt::shutdown(&mut self.object))?;
        Ok((self.len, self.hash.finalize().to_vec()))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.len += bytes.len() as i64;
        let put = self.object.put(Bytes::copy_from_slice(bytes));
        self.runtime.block_on(put).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
