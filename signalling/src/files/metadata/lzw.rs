//! The compressed pixels of a frame of a GIF: variable-length codes (GIF89a, appendix F). What follows the code for
//! their end is no picture.

use weezl::decode::Decoder;
use weezl::encode::Encoder;
use weezl::{BitOrder, LzwStatus};

/// Code sizes that there are.
const CODE_SIZES: std::ops::RangeInclusive<u8> = 1..=11;

/// Code sizes that can be written (GIF89a, appendix F: even two colours take two bits).
const WRITTEN_SIZES: std::ops::RangeInclusive<u8> = 2..=11;

const SCRATCH_BYTES: usize = 4096;

pub(super) struct Codes {
    /// Nothing when the code size is none, or nobody wants to know.
    decoder: Option<Decoder>,
    scratch: Box<[u8; SCRATCH_BYTES]>,
    ended: bool,
    expected: u64,
    /// Pixels that came out.
    pub(super) pixels: u64,
}

impl Codes {
    /// Of a frame of so many pixels.
    pub(super) fn new(code_size: u8, expected: u64, looked_at: bool) -> Codes {
        let known = looked_at && CODE_SIZES.contains(&code_size);
        Codes {
            decoder: known.then(|| Decoder::new(BitOrder::Lsb, code_size)),
            scratch: Box::new([0; SCRATCH_BYTES]),
            ended: false,
            expected,
            pixels: 0,
        }
    }

    /// How many of the next bytes belong to the pixels. `unpacked` takes what they say.
    pub(super) fn take(&mut self, bytes: &[u8], mut unpacked: impl FnMut(&[u8])) -> usize {
        let Some(decoder) = &mut self.decoder else { return bytes.len() };
        for (at, byte) in bytes.iter().enumerate() {
            if self.ended {
                return at;
            }
            // One by one, for the decoder reads ahead.
            let mut input = std::slice::from_ref(byte);
            loop {
                let step = decoder.decode_bytes(input, &mut self.scratch[..]);
                input = &input[step.consumed_in..];
                self.pixels += step.consumed_out as u64;
                unpacked(&self.scratch[..step.consumed_out]);
                self.ended = self.pixels > self.expected
                    || !matches!(step.status, Ok(LzwStatus::Ok | LzwStatus::NoProgress));
                if self.ended || step.consumed_in + step.consumed_out == 0 {
                    break;
                }
            }
        }
        bytes.len()
    }

    /// Whether there are fewer pixels than there should be.
    pub(super) fn lacks_pixels(&self) -> bool {
        self.decoder.is_some() && self.pixels < self.expected
    }
}

/// Codes for `count` pixels: those of `codes`, and then `filler`. None where pixels have fewer than two bits, which the
/// format does not know although some decoders do.
pub(super) fn filled(code_size: u8, codes: &[u8], count: usize, filler: u8) -> Option<Vec<u8>> {
    if !WRITTEN_SIZES.contains(&code_size) {
        return None;
    }
    let mut pixels = Vec::with_capacity(count);
    Codes::new(code_size, count as u64, true).take(codes, |unpacked| pixels.extend(unpacked));
    pixels.resize(count, filler);
    Encoder::new(BitOrder::Lsb, code_size).encode(&pixels).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_cannot_be_written_are_not_filled() {
        for code_size in [0, 1, 12, 255] {
            assert_eq!(filled(code_size, &[0x44, 0x01], 9, 0), None, "{code_size}");
        }
        assert!(filled(2, &[0x44, 0x01], 9, 0).is_some());
    }
}
