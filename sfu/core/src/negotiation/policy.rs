//! Which codecs, header extensions and feedback we take, and what we call things.

use std::collections::HashMap;

use beckon_sfu_api::{Codec, Kind, LAYERS_MAX, Source};

use super::sdp::{Agreed, Feedback, Format, Section};
use super::{Binding, Incoming, Publication, Wanted};
use crate::extension::{Extension, ExtensionMap};

/// Layer ids of LiveKit's clients, lowest first.
const RIDS: [&str; LAYERS_MAX] = ["q", "h", "f"];

/// What a section offers of each codec that we know, less what we do not take, as its peer prefers them.
pub(super) fn offers(kind: Kind, formats: &[Format], extensions: &ExtensionMap) -> Vec<Agreed> {
    let known = formats.iter().filter_map(|format| Some((format.codec()?, format)));
    let known: Vec<_> = known.filter(|(codec, _)| codec.kind() == kind).collect();
    let mut codecs: Vec<Codec> = Vec::new();
    for (codec, _) in &known {
        if !codecs.contains(codec) {
            codecs.push(*codec);
        }
    }
    let repairs: HashMap<u8, u8> = formats
        .iter()
        .rev()
        .filter_map(|format| Some((format.repairs()?, format.payload_type)))
        .collect();
    let offer = |codec| {
        let ranked = known.iter().filter(|(other, _)| *other == codec);
        let ranked = ranked.filter_map(|(_, format)| Some((rank(format, codec)?, *format)));
        let (_, format) = ranked.min_by_key(|(rank, _)| *rank)?;
        let mut feedback = format.feedback.and(taken(kind));
        // feedback about unnumbered packets, or numbers without feedback, would starve the sender's estimate
        feedback.transport_cc &= extensions.id(Extension::TransportCc).is_some();
        Some(Agreed {
            codec,
            payload_type: format.payload_type,
            rtx: repairs.get(&format.payload_type).copied(),
            parameters: parameters(format, codec),
            feedback,
            extensions: accepted(extensions, feedback.transport_cc),
        })
    };
    codecs.into_iter().filter_map(offer).collect()
}

/// All that a section offers, as its client prefers it, but with `first` before the others.
pub(super) fn agree_all(section: &Section, first: Option<Codec>) -> Vec<&Agreed> {
    let is_first = |offer: &&Agreed| Some(offer.codec) == first;
    let rest = section.offers.iter().filter(|offer| !is_first(offer));
    section.offers.iter().filter(is_first).chain(rest).collect()
}

/// Lower is better, `None` is not to be had.
fn rank(format: &Format, codec: Codec) -> Option<u8> {
    match codec {
        Codec::Opus | Codec::Vp8 => Some(0),
        Codec::H264 => Some(h264_rank(format)),
        Codec::Vp9 => (format.parameter("profile-id").unwrap_or("0") == "0").then_some(0),
        Codec::Av1 => (format.parameter("profile").unwrap_or("0") == "0").then_some(0),
    }
}

/// Constrained baseline with packetization mode 1 is what all browsers have (RFC 7742, 6.2).
fn h264_rank(format: &Format) -> u8 {
    let fragments = format.parameter("packetization-mode") == Some("1");
    let profile = format.parameter("profile-level-id").unwrap_or("42001f").to_ascii_lowercase();
    let profile_rank = match profile.get(..4) {
        Some("42e0") => 0,
        Some("4200") => 1,
        _ => 2,
    };
    if fragments { profile_rank } else { profile_rank + 3 }
}

/// Parameters to answer with. Those of VP8, and some of VP9, are limits of the offerer as a receiver, not ours, but for the bit rate that
/// livekit-client would like to start with: Chromium reads it from the answer.
fn parameters(format: &Format, codec: Codec) -> String {
    match codec {
        Codec::Vp8 => without(&format.parameters, |parameter| !parameter.starts_with("x-google-")),
        Codec::Opus if format.parameters.is_empty() => OPUS.to_owned(),
        Codec::Opus | Codec::H264 | Codec::Av1 => format.parameters.clone(),
        Codec::Vp9 => without(&format.parameters, |parameter| parameter.starts_with("max-f")),
    }
}

fn without(parameters: &str, unwanted: impl Fn(&str) -> bool) -> String {
    let kept = parameters.split(';').filter(|parameter| !unwanted(parameter.trim()));
    kept.collect::<Vec<_>>().join(";")
}

/// What an announced track sounds like, as far as its section has to say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sound {
    pub(super) source: Source,
    pub(super) stereo: bool,
}

/// What a section with a published track is answered with: all that it may carry. livekit-client offers stereo for every
/// track, and a voice that was sent so without being announced so would cost more for nothing.
pub(super) fn agree_track(section: &Section, first: Option<Codec>, sound: Sound) -> Vec<Agreed> {
    let mut all: Vec<Agreed> = agree_all(section, first).into_iter().cloned().collect();
    for agreed in all.iter_mut().filter(|agreed| agreed.codec == Codec::Opus) {
        if sound.stereo {
            agreed.parameters = in_stereo(&agreed.parameters);
        } else if sound.source == Source::Microphone {
            agreed.parameters = without(&agreed.parameters, is_stereo);
        }
    }
    all
}

/// What the section of a subscriber says of a track: its codec, and behind it all that the section may carry later. pion
/// takes what the first section of a kind was answered with for all that we know.
pub(super) fn agree_wanted(section: &Section, codec: Codec, stereo: bool) -> Vec<Agreed> {
    let mut all: Vec<Agreed> = agree_all(section, Some(codec)).into_iter().cloned().collect();
    for agreed in all.iter_mut().filter(|agreed| stereo && agreed.codec == Codec::Opus) {
        agreed.parameters = in_stereo(&agreed.parameters);
    }
    all
}

/// What a section without a track is answered with: everything, as well. pion publishes later only in a codec, and
/// Chromium only with the header extensions, that were accepted before.
pub(super) fn agree_idle(section: &Section) -> Vec<Agreed> {
    section.offers.clone()
}

/// Both directions' names of it: what is to be received, and what is sent (RFC 7587, 6.1).
fn in_stereo(parameters: &str) -> String {
    let rest = without(parameters, is_stereo);
    let both = "stereo=1;sprop-stereo=1";
    if rest.is_empty() { both.to_owned() } else { format!("{rest};{both}") }
}

fn is_stereo(parameter: &str) -> bool {
    parameter.starts_with("stereo=") || parameter.starts_with("sprop-stereo=")
}

fn taken(kind: Kind) -> Feedback {
    let video = kind == Kind::Video;
    Feedback { transport_cc: true, fir: video, nack: true, pli: video }
}

fn accepted(offered: &ExtensionMap, transport_cc: bool) -> ExtensionMap {
    let take = |extension: Extension| match extension {
        Extension::TransportCc => transport_cc,
        // says nothing that packet numbers do not say better
        Extension::AbsSendTime => false,
        _ => true,
    };
    let mut map = ExtensionMap::default();
    for (id, extension) in offered.iter().filter(|(_, extension)| take(*extension)) {
        map.set(id, extension);
    }
    map
}

/// How an announced track comes in through its section.
pub(super) fn publication(
    track: &beckon_sfu_api::TrackId,
    section: &Section,
    agreed: &[&Agreed],
) -> Option<Publication> {
    let first = agreed.first()?;
    let rids = layers(section);
    let mut layers: Vec<usize> = (0..LAYERS_MAX).collect();
    // rids and SSRCs are listed in the same order
    layers.sort_by_key(|at| rids.get(*at).and_then(|rid| rid_rank(rid)).unwrap_or(*at));
    let pick = |at: &usize| section.ssrcs.get(*at).copied();
    let format = |agreed: &&Agreed| Incoming {
        codec: agreed.codec,
        payload_type: agreed.payload_type,
        rtx_payload_type: agreed.rtx,
    };
    Some(Publication {
        track: track.clone(),
        mid: section.mid.clone(),
        formats: agreed.iter().map(format).collect(),
        extensions: first.extensions,
        nack: first.feedback.nack,
        ssrcs: layers.iter().filter_map(pick).collect(),
        rids: layers.iter().filter_map(|at| rids.get(*at).cloned()).collect(),
    })
}

fn rid_rank(rid: &str) -> Option<usize> {
    RIDS.iter().position(|known| *known == rid)
}

/// The layers of a section that we receive: none where neither packets nor SSRCs tell them apart.
pub(super) fn layers(section: &Section) -> &[String] {
    let named = [Extension::Mid, Extension::Rid]
        .map(|extension| section.extensions.id(extension).is_some());
    if named != [true; 2] && section.ssrcs.len() < section.rids.len() {
        return &[];
    }
    section.rids.get(..LAYERS_MAX).unwrap_or(&section.rids)
}

/// How a track goes out through a section.
pub(super) fn binding(track: &beckon_sfu_api::TrackId, mid: &str, agreed: &Agreed) -> Binding {
    // Without a repair stream a packet that is asked for goes out again as it was, with the same SRTP nonce. A number for
    // congestion control would make it another one.
    let repeats = agreed.feedback.nack && agreed.rtx.is_none();
    let mut extensions = ExtensionMap::default();
    for (id, extension) in agreed.extensions.iter() {
        let goes = match extension {
            Extension::TransportCc => !repeats,
            _ => true,
        };
        if goes {
            extensions.set(id, extension);
        }
    }
    Binding {
        track: track.clone(),
        mid: mid.to_owned(),
        payload_type: agreed.payload_type,
        rtx_payload_type: agreed.rtx,
        extensions,
    }
}

/// The media stream that a track belongs to. Clients read the participant from it, up to the bar, and play the tracks
/// of one stream in step.
pub(super) fn stream(wanted: &Wanted) -> String {
    let publisher = &wanted.publisher;
    match wanted.source {
        Source::Camera | Source::Microphone => format!("{publisher}|camera"),
        Source::ScreenShare | Source::ScreenShareAudio => format!("{publisher}|screen"),
        Source::Unknown => format!("{publisher}|{}", wanted.track),
    }
}

const OPUS: &str = "minptime=10;useinbandfec=1";

/// What our own offers say of a codec.
pub(super) fn offered(codec: Codec, stereo: bool) -> Agreed {
    let (payload_type, rtx, parameters) = match codec {
        Codec::Opus => (111, None, OPUS),
        Codec::Vp8 => (96, Some(97), ""),
        Codec::Vp9 => (98, Some(99), "profile-id=0"),
        Codec::H264 => (
            108,
            Some(109),
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        ),
        Codec::Av1 => (45, Some(46), "level-idx=5;profile=0;tier=0"),
    };
    Agreed {
        codec,
        payload_type,
        rtx,
        parameters: if stereo && codec == Codec::Opus {
            in_stereo(parameters)
        } else {
            parameters.to_owned()
        },
        feedback: taken(codec.kind()),
        extensions: offered_extensions(codec.kind()),
    }
}

fn offered_extensions(kind: Kind) -> ExtensionMap {
    let mut map = ExtensionMap::default();
    map.set(3, Extension::TransportCc);
    map.set(4, Extension::Mid);
    match kind {
        Kind::Audio => map.set(1, Extension::AudioLevel),
        Kind::Video => {
            map.set(5, Extension::PlayoutDelay);
            map.set(8, Extension::ColorSpace);
            map.set(12, Extension::DependencyDescriptor);
            map.set(13, Extension::VideoOrientation);
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decoders of VP9 with layers of SVC, livekit-client's default, freeze without it; and who sends it says less of
    /// temporal layers in the payload.
    #[test]
    fn the_dependency_descriptor_goes_on_whatever_the_codec() {
        for codec in [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
            let binding = binding(&"TR_1".into(), "0", &offered(codec, false));
            assert!(binding.extensions.id(Extension::DependencyDescriptor).is_some(), "{codec:?}");
        }
    }
}
