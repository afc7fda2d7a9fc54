//! What a client asks for when it comes: in the query, or in a `join_request` inside it.

use std::collections::HashMap;
use std::io::Read;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use beckon_sfu_api::ConnectionMode;
use flate2::read::GzDecoder;
use livekit_protocol::client_info::Sdk;
use livekit_protocol::wrapped_join_request::Compression;
use livekit_protocol::{ConnectionSettings, JoinRequest, WrappedJoinRequest};
use prost::Message;
use serde::Deserialize;

use super::dialect::DIALECT;
use super::{asked, requests, wire};
use crate::rooms::{ClientAbilities, Entrance, NotAdmitted, SessionDescription};

/// A join request as it is meant, however small it was made for the way.
const JOIN_REQUEST_BYTES_MAX: usize = 64 * 1024;
/// Fields in it: more than a client has to say with as many tracks as it may have.
const JOIN_REQUEST_FIELDS_MAX: usize = 4096;

/// The query of all addresses. Numbers and flags stay text: an odd one of them refuses nobody.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct JoinQuery {
    pub access_token: Option<String>,
    pub room: Option<String>,
    join_request: Option<String>,
    auto_subscribe: Option<String>,
    reconnect: Option<String>,
    sid: Option<String>,
    client_protocol: Option<String>,
    metadata: Option<String>,
    attributes: Option<String>,
    disable_ice_lite: Option<String>,
    subscriber_allow_pause: Option<String>,
    publish: Option<String>,
}

/// How a client comes.
#[derive(Debug)]
pub(super) struct Arrival {
    pub entrance: Entrance,
    /// An offer that is answered after the client's first word. LiveKit's Go SDK reads what we say before it has made its
    /// own offer its local description, and takes an answer that is there by then for an error. Its own server needs some
    /// milliseconds for it.
    pub late_offer: Option<SessionDescription>,
}

impl<S: Send + Sync> FromRequestParts<S> for JoinQuery {
    type Rejection = NotAdmitted;

    /// Of what is said twice the first counts, as with LiveKit's server.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<JoinQuery, NotAdmitted> {
        let unreadable = || malformed("the query cannot be read");
        let pairs = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = pairs.map_err(|_| unreadable())?;
        let mut said = serde_json::Map::new();
        for (name, value) in pairs {
            said.entry(name).or_insert(value.into());
        }
        serde_json::from_value(said.into()).map_err(|_| unreadable())
    }
}

impl JoinQuery {
    /// `connection` is what the address stands for; a `join_request` means a single one at any: SDK 2.15 and 2.16 send it
    /// to `/rtc`.
    pub(super) fn arrival(self, connection: ConnectionMode) -> Result<Arrival, NotAdmitted> {
        match (&self.join_request, connection) {
            (Some(request), _) => single(read(request)?, self.publish.as_deref()),
            (None, ConnectionMode::Dual) => {
                self.dual().map(|entrance| Arrival { entrance, late_offer: None })
            }
            (None, ConnectionMode::Single) => Err(malformed("join_request is required")),
        }
    }

    fn dual(self) -> Result<Entrance, NotAdmitted> {
        let says =
            |flag: &Option<String>| flag.as_deref().is_some_and(|it| it == "1" || it == "true");
        let settings = ConnectionSettings {
            disable_ice_lite: says(&self.disable_ice_lite),
            subscriber_allow_pause: self
                .subscriber_allow_pause
                .is_some()
                .then(|| says(&self.subscriber_allow_pause)),
            ..ConnectionSettings::default()
        };
        asked::refuse(&settings, self.publish.as_deref())?;
        let number = self.client_protocol.as_ref().and_then(|number| number.parse().ok());
        Ok(Entrance {
            dialect: &DIALECT,
            connection: ConnectionMode::Dual,
            auto_subscribe: self.auto_subscribe.is_none() || says(&self.auto_subscribe),
            resume: says(&self.reconnect).then(|| self.sid.clone().unwrap_or_default()),
            offer: None,
            tracks: vec![],
            sync: None,
            is_there: false,
            client: ClientAbilities { protocol: number.unwrap_or_default(), capabilities: vec![] },
            metadata: self.metadata.unwrap_or_default(),
            attributes: self.attributes.as_deref().map(attributes).transpose()?.unwrap_or_default(),
        })
    }
}

fn single(request: JoinRequest, publish: Option<&str>) -> Result<Arrival, NotAdmitted> {
    let client = request.client_info.unwrap_or_default();
    asked::refuse(&request.connection_settings.unwrap_or_default(), publish)?;
    let mut offer = request.publisher_offer.map(requests::description);
    let late_offer = if client.sdk() == Sdk::Go { offer.take() } else { None };
    let entrance = Entrance {
        dialect: &DIALECT,
        connection: ConnectionMode::Single,
        auto_subscribe: request.connection_settings.is_none_or(|it| it.auto_subscribe),
        resume: request.reconnect.then_some(request.participant_sid),
        offer,
        tracks: request.add_track_requests.into_iter().map(requests::add_track).collect(),
        sync: request.sync_state.map(requests::published),
        is_there: false,
        client: ClientAbilities {
            protocol: client.client_protocol,
            capabilities: client.capabilities,
        },
        metadata: request.metadata,
        attributes: request.participant_attributes,
    };
    Ok(Arrival { entrance, late_offer })
}

/// A `WrappedJoinRequest`, whose content may be compressed.
fn read(text: &str) -> Result<JoinRequest, NotAdmitted> {
    let bytes = from_base64(text).ok_or(malformed("join_request is no base64"))?;
    let wrapped = WrappedJoinRequest::decode(&*bytes)
        .map_err(|_| malformed("join_request is no WrappedJoinRequest"))?;
    let request = match wrapped.compression() {
        Compression::None => wrapped.join_request,
        Compression::Gzip => inflate(&wrapped.join_request)?,
    };
    if request.len() > JOIN_REQUEST_BYTES_MAX
        || wire::JOIN_REQUEST.fields(&request) > JOIN_REQUEST_FIELDS_MAX
    {
        return Err(malformed("join_request is too long"));
    }
    JoinRequest::decode(&*request).map_err(|_| malformed("join_request holds no JoinRequest"))
}

/// In either alphabet, with padding or without; a plus that was not escaped arrives as a space.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let url_safe = |letter| match letter {
        '+' | ' ' => '-',
        '/' => '_',
        other => other,
    };
    let text: String = text.trim_end_matches('=').chars().map(url_safe).collect();
    BASE64URL.decode(text).ok()
}

/// Attributes in the query: JSON in base64.
fn attributes(text: &str) -> Result<HashMap<String, String>, NotAdmitted> {
    let json = from_base64(text).ok_or(malformed("attributes are no base64"))?;
    serde_json::from_slice(&json).map_err(|_| malformed("attributes are no JSON of texts"))
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, NotAdmitted> {
    let mut inflated = Vec::new();
    let mut reader = GzDecoder::new(bytes).take(JOIN_REQUEST_BYTES_MAX as u64 + 1);
    reader.read_to_end(&mut inflated).map_err(|_| malformed("join_request is no gzip"))?;
    Ok(inflated)
}

fn malformed(what: &'static str) -> NotAdmitted {
    NotAdmitted::Malformed(what)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use base64::prelude::BASE64_URL_SAFE;
    use flate2::Compression as Level;
    use flate2::write::GzEncoder;
    use livekit_protocol::AddTrackRequest;
    use livekit_protocol::SessionDescription as Offer;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Level::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn wrap(join_request: Vec<u8>, compression: Compression) -> String {
        let wrapped = WrappedJoinRequest { compression: compression as i32, join_request };
        BASE64_URL_SAFE.encode(wrapped.encode_to_vec())
    }

    fn asked(join_request: String) -> Result<Entrance, NotAdmitted> {
        let query = JoinQuery { join_request: Some(join_request), ..JoinQuery::default() };
        query.arrival(ConnectionMode::Single).map(|arrival| arrival.entrance)
    }

    #[test]
    fn a_join_request_is_read_compressed_or_not() {
        let offer = Offer { r#type: "offer".into(), sdp: "v=0".into(), ..Default::default() };
        let settings = ConnectionSettings { auto_subscribe: true, ..Default::default() };
        let request = JoinRequest {
            connection_settings: Some(settings),
            publisher_offer: Some(offer.clone()),
            ..Default::default()
        }
        .encode_to_vec();
        let plain = wrap(request.clone(), Compression::None);
        let small = wrap(gzip(&request), Compression::Gzip);
        for text in [small.trim_end_matches('=').to_owned(), small, plain] {
            let entrance = asked(text).unwrap();
            assert_eq!(entrance.offer, Some(requests::description(offer.clone())));
            assert!(entrance.auto_subscribe && entrance.resume.is_none());
        }
    }

    #[test]
    fn a_join_request_that_grows_too_large_is_refused() {
        let bomb = wrap(gzip(&vec![0; 16 << 20]), Compression::Gzip);
        assert!(bomb.len() < 32 * 1024, "it would come through the listener");
        assert_eq!(asked(bomb).unwrap_err(), malformed("join_request is too long"));
    }

    #[test]
    fn a_join_request_that_would_become_large_in_memory_is_refused() {
        let tracks = vec![AddTrackRequest::default(); 30_000];
        let request = JoinRequest { add_track_requests: tracks, ..JoinRequest::default() };
        let bomb = wrap(gzip(&request.encode_to_vec()), Compression::Gzip);
        assert!(bomb.len() < 2000 && request.encoded_len() < JOIN_REQUEST_BYTES_MAX);
        assert_eq!(asked(bomb).unwrap_err(), malformed("join_request is too long"));
    }

    #[test]
    fn a_join_request_means_one_connection_at_every_address() {
        let request = JoinRequest {
            reconnect: true,
            participant_sid: "PA_x".into(),
            ..JoinRequest::default()
        };
        let text = wrap(request.encode_to_vec(), Compression::None);
        // as `btoa` writes it, which SDK 2.15 uses
        let plain = text.replace('-', "+").replace('_', "/");
        for join_request in [text, plain.clone(), plain.replace('+', " ")] {
            let query = JoinQuery { join_request: Some(join_request), ..JoinQuery::default() };
            let entrance = query.arrival(ConnectionMode::Dual).unwrap().entrance;
            assert_eq!(entrance.connection, ConnectionMode::Single);
            assert_eq!(entrance.resume.as_deref(), Some("PA_x"));
        }
    }

    #[test]
    fn what_a_client_says_of_itself_is_read_from_both_forms() {
        let attributes: HashMap<_, _> = [("mood".to_owned(), "glad".to_owned())].into();
        let (metadata, participant_attributes) = ("here".to_owned(), attributes.clone());
        let request = JoinRequest { metadata, participant_attributes, ..JoinRequest::default() };
        let new = asked(wrap(request.encode_to_vec(), Compression::None)).unwrap();
        let json = BASE64_URL_SAFE.encode(r#"{"mood": "glad"}"#);
        let old = JoinQuery {
            metadata: Some("here".into()),
            attributes: Some(json),
            ..JoinQuery::default()
        };
        for entrance in [new, old.arrival(ConnectionMode::Dual).unwrap().entrance] {
            assert_eq!((entrance.metadata.as_str(), &entrance.attributes), ("here", &attributes));
        }
    }

    #[test]
    fn garbage_is_refused() {
        for garbage in ["", "%%%", "AAAA", "////", "=", "CgQ"] {
            let answer = asked(garbage.to_owned());
            let is_empty = answer.as_ref().is_ok_and(|entrance| entrance.offer.is_none());
            assert!(answer.is_err() || is_empty, "{garbage}");
        }
        assert!(asked(wrap(b"no gzip".to_vec(), Compression::Gzip)).is_err());
        assert!(asked(wrap(b"\xff\xff\xff".to_vec(), Compression::None)).is_err());
        assert!(JoinQuery::default().arrival(ConnectionMode::Single).is_err(), "nothing was said");
    }

    #[test]
    fn the_old_query_is_read() {
        let query = JoinQuery {
            auto_subscribe: Some("0".into()),
            reconnect: Some("1".into()),
            sid: Some("PA_x".into()),
            ..JoinQuery::default()
        };
        let entrance = query.arrival(ConnectionMode::Dual).unwrap().entrance;
        assert!(!entrance.auto_subscribe);
        assert_eq!(entrance.resume.as_deref(), Some("PA_x"));
        let plain = JoinQuery::default().arrival(ConnectionMode::Dual).unwrap().entrance;
        assert!(plain.auto_subscribe && plain.resume.is_none());
    }
}
