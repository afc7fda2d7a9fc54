//! Which packets belong to a track, and which of its layers suits a subscriber.

use beckon_sfu_api::{LAYERS_MAX, Preference, Quality};

use super::Track;
use crate::extension::Extension;
use crate::layers::Layer;
use crate::negotiation::Publication;
use crate::rtp::Header;

/// The part of a track that an SSRC carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub layer: u8,
    /// It repeats lost packets of the layer (RFC 4588).
    pub repair: bool,
}

/// A layer suits a subscriber that scales it up to this size, in percent.
const UPSCALING: u32 = 110;

/// The layers of a section: by rid, else by declared SSRC, else one.
pub(super) fn layers(publication: &Publication) -> Vec<Layer> {
    let declared = publication.rids.len().max(publication.ssrcs.len());
    let kind = publication.codec().kind();
    let layer = |at| {
        let ssrcs = publication.ssrcs.get(at).copied();
        Layer::new(kind, ssrcs.map(|(ssrc, _)| ssrc), ssrcs.and_then(|(_, rtx)| rtx))
    };
    (0..declared.clamp(1, LAYERS_MAX)).map(layer).collect()
}

impl Track {
    /// Finds what a packet of an unknown SSRC carries of this track: by the SSRCs declared in SDP, else by its mid and rid
    /// (RFC 8852, RFC 9143).
    pub fn claims(&self, header: &Header, packet: &[u8]) -> Option<Claim> {
        self.claims_declared(header.ssrc).or_else(|| self.claims_by_name(header, packet))
    }

    fn claims_declared(&self, ssrc: u32) -> Option<Claim> {
        let mut layers = (0..).zip(self.layers.iter());
        layers.find_map(|(at, layer)| {
            let repair = layer.rtx_ssrc == Some(ssrc);
            let own = layer.ssrc == Some(ssrc);
            (own || repair).then_some(Claim { layer: at, repair })
        })
    }

    fn claims_by_name(&self, header: &Header, packet: &[u8]) -> Option<Claim> {
        let named = |extension| {
            let id = self.extensions.id(extension)?;
            header.extension(packet, id)
        };
        if named(Extension::Mid)? != self.mid.as_bytes() {
            return None;
        }
        let layer = |rid: &[u8]| {
            let at = self.rids.iter().position(|known| known.as_bytes() == rid)?;
            (at < usize::from(self.layers.count())).then_some(at as u8)
        };
        if let Some(rid) = named(Extension::RepairedRid) {
            return Some(Claim { layer: layer(rid)?, repair: true });
        }
        if let Some(rid) = named(Extension::Rid) {
            return Some(Claim { layer: layer(rid)?, repair: false });
        }
        let mut formats = self.formats.iter();
        let repair = formats.any(|format| format.rtx_payload_type == Some(header.payload_type));
        (self.layers.count() == 1).then_some(Claim { layer: 0, repair })
    }

    /// The highest layer that a subscriber can use.
    pub(crate) fn layer_for(&self, preference: &Preference) -> u8 {
        let top = self.layers.count() - 1;
        let quality = match preference.quality {
            Quality::Low => 0,
            Quality::Medium => 1,
            Quality::High => top,
        };
        let size = preference.size.map_or(top, |(width, height)| {
            // The aspect ratio is kept, so it is enough if one side fits.
            let suits = |layer: &beckon_sfu_api::AnnouncedLayer| {
                layer.width.saturating_mul(UPSCALING) >= width.saturating_mul(100)
                    || layer.height.saturating_mul(UPSCALING) >= height.saturating_mul(100)
            };
            self.announced.iter().position(suits).map_or(top, |at| at.min(LAYERS_MAX) as u8)
        });
        quality.min(size).min(top)
    }
}
