//! RTP header extensions that we know, and the ids negotiated for them (RFC 8285).

use std::num::NonZeroU8;

/// A header extension that we read or forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extension {
    /// Which media section the stream belongs to (RFC 9143).
    Mid,
    /// Which simulcast layer (RFC 8852).
    Rid,
    /// Which simulcast layer a repair stream repairs (RFC 8852).
    RepairedRid,
    /// Loudness and voice activity (RFC 6464).
    AudioLevel,
    /// How the camera is held (3GPP TS 26.114).
    VideoOrientation,
    /// What the numbers of a picture mean as colours; without it receivers guess, and shared screens come out pale or loud.
    ColorSpace,
    /// The packet's number on its transport, for congestion control.
    TransportCc,
    AbsSendTime,
    PlayoutDelay,
    /// Which frames a packet's frame needs (AV1 RTP specification, appendix A).
    DependencyDescriptor,
}

impl Extension {
    pub const ALL: [Extension; 10] = [
        Extension::Mid,
        Extension::Rid,
        Extension::RepairedRid,
        Extension::AudioLevel,
        Extension::VideoOrientation,
        Extension::ColorSpace,
        Extension::TransportCc,
        Extension::AbsSendTime,
        Extension::PlayoutDelay,
        Extension::DependencyDescriptor,
    ];

    /// The name in `a=extmap`.
    pub fn uri(self) -> &'static str {
        match self {
            Extension::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Extension::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Extension::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Extension::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Extension::VideoOrientation => "urn:3gpp:video-orientation",
            Extension::ColorSpace => "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
            Extension::TransportCc => {
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
            }
            Extension::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Extension::PlayoutDelay => "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
            Extension::DependencyDescriptor => {
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
            }
        }
    }

    pub fn from_uri(uri: &str) -> Option<Extension> {
        Extension::ALL.into_iter().find(|extension| extension.uri() == uri)
    }

    /// Whether it concerns only us and one participant. The others are copied from publisher to subscriber; of them only the
    /// frame numbers of dependency descriptors are read.
    pub fn hop_by_hop(self) -> bool {
        match self {
            Extension::Mid
            | Extension::Rid
            | Extension::RepairedRid
            | Extension::TransportCc
            | Extension::AbsSendTime => true,
            Extension::AudioLevel
            | Extension::VideoOrientation
            | Extension::ColorSpace
            | Extension::PlayoutDelay
            | Extension::DependencyDescriptor => false,
        }
    }
}

/// The ids of extensions in one media section, in both directions. Ids above 14 need two-byte elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtensionMap {
    ids: [Option<NonZeroU8>; Extension::ALL.len()],
}

impl ExtensionMap {
    pub fn get(&self, id: u8) -> Option<Extension> {
        self.iter().find(|(other, _)| *other == id).map(|(_, extension)| extension)
    }

    pub fn id(&self, extension: Extension) -> Option<u8> {
        self.ids[extension as usize].map(Into::into)
    }

    /// Maps the two to each other and to nothing else. 0 maps nothing: in a packet it is padding.
    pub fn set(&mut self, id: u8, extension: Extension) {
        let Some(number) = NonZeroU8::new(id) else { return };
        if let Some(old) = self.get(id) {
            self.ids[old as usize] = None;
        }
        self.ids[extension as usize] = Some(number);
    }

    /// Every mapped extension with its id.
    pub fn iter(&self) -> impl Iterator<Item = (u8, Extension)> + '_ {
        Extension::ALL.into_iter().filter_map(|extension| Some((self.id(extension)?, extension)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_read_back() {
        for extension in Extension::ALL {
            assert_eq!(Extension::from_uri(extension.uri()), Some(extension));
        }
        assert_eq!(Extension::from_uri("urn:ietf:params:rtp-hdrext:toffset"), None);
    }

    #[test]
    fn an_id_is_found_both_ways() {
        let mut map = ExtensionMap::default();
        map.set(4, Extension::Mid);
        map.set(14, Extension::Rid);
        assert_eq!(map.get(4), Some(Extension::Mid));
        assert_eq!(map.id(Extension::Rid), Some(14));
        assert_eq!((map.get(3), map.id(Extension::AudioLevel)), (None, None));
        assert!(map.iter().eq([(4, Extension::Mid), (14, Extension::Rid)]));
    }

    #[test]
    fn setting_again_forgets_both_old_partners() {
        let mut map = ExtensionMap::default();
        map.set(1, Extension::Mid);
        map.set(2, Extension::Rid);
        map.set(2, Extension::Mid);
        assert_eq!((map.get(1), map.get(2)), (None, Some(Extension::Mid)));
        assert_eq!((map.id(Extension::Mid), map.id(Extension::Rid)), (Some(2), None));
    }

    #[test]
    fn any_id_but_that_of_padding_can_be_mapped() {
        let mut map = ExtensionMap::default();
        map.set(0, Extension::Mid);
        assert_eq!(map, ExtensionMap::default());
        for id in [1, 14, 15, 16, 255] {
            map.set(id, Extension::Mid);
            assert_eq!((map.get(id), map.id(Extension::Mid)), (Some(Extension::Mid), Some(id)));
        }
        assert!(map.iter().eq([(255, Extension::Mid)]), "one id for each");
    }
}
