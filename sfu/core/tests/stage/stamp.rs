//! What the payload of every packet says of itself, so that what arrives can be compared with what was sent.

/// Bytes before the stamp: the VP8 payload descriptor and the frame's header, which the shard reads and rewrites.
const OFFSET: usize = 16;
const MAGIC: [u8; 4] = *b"bkn2";
const LEN: usize = 4 + 4 + 1 + 8 + 2 + 2 + 1 + 8;

/// Which packet of which frame this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Of the stream as its publisher sends it; the same on all layers.
    pub stream: u32,
    pub layer: u8,
    /// Frames are counted from 0 on each layer alike.
    pub frame: u64,
    pub packet: u16,
    pub packets: u16,
    pub keyframe: bool,
    /// Nanoseconds of the stage's time.
    pub captured_ns: u64,
}

impl Stamp {
    /// Writes a payload of `len` bytes that begins with VP8's descriptor (RFC 7741, 4.2) and frame header.
    pub fn payload(&self, len: usize, picture_id: u16, tl0: u8) -> Vec<u8> {
        let mut payload = vec![0x55; len.max(OFFSET + LEN)];
        let [high, low] = (picture_id & 0x7fff | 0x8000).to_be_bytes();
        let start = if self.packet == 0 { 0x10 } else { 0 };
        payload[..6].copy_from_slice(&[0x80 | start, 0xe0, high, low, tl0, 0]);
        payload[6] = if self.keyframe { 0x10 } else { 0x11 };
        let mut stamp = Vec::with_capacity(LEN);
        stamp.extend(MAGIC);
        stamp.extend(self.stream.to_be_bytes());
        stamp.push(self.layer);
        stamp.extend(self.frame.to_be_bytes());
        stamp.extend(self.packet.to_be_bytes());
        stamp.extend(self.packets.to_be_bytes());
        stamp.push(self.keyframe.into());
        stamp.extend(self.captured_ns.to_be_bytes());
        payload[OFFSET..OFFSET + LEN].copy_from_slice(&stamp);
        payload
    }

    /// `None` for a payload that no client of the stage made.
    pub fn read(payload: &[u8]) -> Option<Stamp> {
        let bytes: &[u8; LEN] = payload.get(OFFSET..)?.first_chunk()?;
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (stream, rest) = rest.split_first_chunk()?;
        let (layer, rest) = rest.split_first()?;
        let (frame, rest) = rest.split_first_chunk()?;
        let (packet, rest) = rest.split_first_chunk()?;
        let (packets, rest) = rest.split_first_chunk()?;
        let (keyframe, rest) = rest.split_first()?;
        let (captured, _) = rest.split_first_chunk()?;
        (*magic == MAGIC).then_some(Stamp {
            stream: u32::from_be_bytes(*stream),
            layer: *layer,
            frame: u64::from_be_bytes(*frame),
            packet: u16::from_be_bytes(*packet),
            packets: u16::from_be_bytes(*packets),
            keyframe: *keyframe == 1,
            captured_ns: u64::from_be_bytes(*captured),
        })
    }
}

/// Picture id and TL0PICIDX of a payload that [`Stamp::payload`] made.
pub fn ids(payload: &[u8]) -> (u16, u8) {
    (u16::from_be_bytes([payload[2], payload[3]]) & 0x7fff, payload[4])
}
