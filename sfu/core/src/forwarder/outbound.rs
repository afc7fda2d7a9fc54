//! A packet to one subscriber, before it is written.

use beckon_sfu_api::Kind;

use super::frame_numbers::FrameNumbers;
use crate::codec::{descriptor, vp8};
use crate::extension::{Extension, ExtensionMap};
use crate::layers::{Layers, Stored};
use crate::rtp::{self, Fields};

/// Equal segments go to the kernel in one train, so video packets are padded to multiples of this. The last packet of a
/// frame may be shorter than the rest of its train.
const SEGMENT_STEP: usize = 16;

const DESCRIPTOR: Extension = Extension::DependencyDescriptor;

/// A packet of the history with the header fields that it has for one subscriber.
#[derive(Clone, Copy, Debug)]
pub struct Outbound {
    pub fields: Fields,
    /// Rollover counter of the SSRC (RFC 3711, section 3.3.1).
    pub roc: u32,
    pub layer: u8,
    pub index: u64,
    pub payload_len: u16,
    pub(super) numbers: FrameNumbers,
    /// Original sequence number, if this repairs (RFC 4588).
    pub(super) osn: Option<u16>,
}

impl Outbound {
    /// Its approximate size in bytes.
    pub fn size(&self) -> usize {
        usize::from(self.payload_len) + 32
    }

    /// Appends the packet and returns the length of its header; `None` if the history no longer has it. Extensions of
    /// `from`, the publisher's map, are carried over under the ids of `to`, the subscriber's.
    pub fn write(
        &self,
        layers: &Layers,
        from: &ExtensionMap,
        to: &ExtensionMap,
        transport_sequence: Option<u16>,
        out: &mut Vec<u8>,
    ) -> Option<usize> {
        let stored = layers.get(self.layer)?.stored(self.index)?;
        let start = out.len();
        let number = transport_sequence.map(u16::to_be_bytes);
        let mut extensions = [(0, &[][..]); Extension::ALL.len()];
        let mut count = 0;
        let number = number
            .as_ref()
            .and_then(|number| Some((to.id(Extension::TransportCc)?, number.as_slice())));
        let mut described = [0; rtp::ELEMENT_LEN_MAX];
        let descriptor = self.describe(&stored, from, &mut described);
        let numbered = number.into_iter().chain(carried(&stored, from, to));
        for extension in
            numbered.chain(descriptor.and_then(|data| Some((to.id(DESCRIPTOR)?, data))))
        {
            extensions[count] = extension;
            count += 1;
        }
        let extensions = extensions[..count].iter().copied();
        let header_len = rtp::write_header(out, &self.fields, extensions);
        if let Some(osn) = self.osn {
            out.extend_from_slice(&osn.to_be_bytes());
        }
        let payload = out.len();
        out.extend_from_slice(stored.payload());
        if let Some(ids) = &stored.info.vp8 {
            vp8::patch(&mut out[payload..], ids, self.numbers.picture_id, self.numbers.tl0);
        }
        if layers.kind == Kind::Video && !self.fields.marker {
            rtp::pad(out, start, SEGMENT_STEP);
        }
        Some(header_len)
    }

    /// The dependency descriptor, if the packet came with one, with the number that its frame has in this stream.
    fn describe<'d>(
        &self,
        stored: &Stored<'_>,
        from: &ExtensionMap,
        into: &'d mut [u8; rtp::ELEMENT_LEN_MAX],
    ) -> Option<&'d [u8]> {
        let came = stored.extension(from.id(DESCRIPTOR)?)?;
        let descriptor = into.get_mut(..came.len())?;
        descriptor.copy_from_slice(came);
        descriptor::renumber(descriptor, self.numbers.frame);
        Some(descriptor)
    }
}

/// The publisher's extensions that go all the way as they are, under the subscriber's ids.
fn carried<'a>(
    stored: &'a Stored<'_>,
    from: &'a ExtensionMap,
    to: &'a ExtensionMap,
) -> impl Iterator<Item = (u8, &'a [u8])> {
    let unchanged = |extension: &Extension| !extension.hop_by_hop() && *extension != DESCRIPTOR;
    Extension::ALL.into_iter().filter(unchanged).filter_map(|extension| {
        let data = stored.extension(from.id(extension)?)?;
        Some((to.id(extension)?, data))
    })
}
