//! A packet on its way to one subscriber, not yet written.

use beckon_sfu_api::Kind;

use crate::codec::vp8;
use crate::extension::{Extension, ExtensionMap};
use crate::rtp::{self, Fields};
use crate::track::{Layers, Stored};

/// Equal segments go to the kernel in one train, so video packets are padded to multiples of this. The last packet of a
/// frame may be shorter than the rest of its train.
const SEGMENT_STEP: usize = 16;

#[derive(Clone, Copy, Debug)]
pub struct Outbound {
    pub fields: Fields,
    /// Rollover counter of the SSRC (RFC 3711, section 3.3.1).
    pub roc: u32,
    pub layer: u8,
    pub index: u64,
    pub payload_len: u16,
    pub(super) vp8: Option<(u16, u8)>,
    /// Original sequence number, if this repairs (RFC 4588).
    pub(super) osn: Option<u16>,
}

impl Outbound {
    /// About how many bytes it will be.
    pub fn size(&self) -> usize {
        usize::from(self.payload_len) + 32
    }

    /// Appends the packet and returns the length of its header; `None` if the history has it no more. Extensions of
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
        for extension in number.into_iter().chain(carried(&stored, from, to)) {
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
        if let (Some((picture_id, tl0)), Some(ids)) = (self.vp8, &stored.info.vp8) {
            vp8::patch(&mut out[payload..], ids, picture_id, tl0);
        }
        if layers.kind == Kind::Video && !self.fields.marker {
            rtp::pad(out, start, SEGMENT_STEP);
        }
        Some(header_len)
    }
}

/// The publisher's extensions that go all the way, under the subscriber's ids.
fn carried<'a>(
    stored: &'a Stored<'_>,
    from: &'a ExtensionMap,
    to: &'a ExtensionMap,
) -> impl Iterator<Item = (u8, &'a [u8])> {
    let end_to_end = Extension::ALL.into_iter().filter(|extension| !extension.hop_by_hop());
    end_to_end.filter_map(|extension| {
        let data = stored.extension(from.id(extension)?)?;
        Some((to.id(extension)?, data))
    })
}
