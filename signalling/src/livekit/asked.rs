//! What becomes of everything that a client may ask for when it comes in: honoured, refused with a word, or of no
//! consequence. A test compares this with the fields that LiveKit's protocol has, so that a new one is decided about.

use livekit_protocol::ConnectionSettings;

use crate::rooms::NotAdmitted;

/// Why a field may be passed over.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Honoured,
    /// Refused, by [`refuse`], when it says something that we do not do.
    Refused,
    /// Nothing that a client could expect depends on it.
    Harmless(&'static str),
}

/// Refuses what this server could only pass over in silence.
pub(super) fn refuse(
    settings: &ConnectionSettings,
    publish: Option<&str>,
) -> Result<(), NotAdmitted> {
    if settings.disable_ice_lite {
        return Err(NotAdmitted::Denied("disable_ice_lite: this server's ICE is always lite"));
    }
    if settings.subscriber_allow_pause == Some(false) {
        return Err(NotAdmitted::Denied(
            "subscriber_allow_pause: this server always pauses video that a link cannot carry",
        ));
    }
    if publish.is_some_and(|name| !name.is_empty()) {
        return Err(NotAdmitted::Denied(
            "publish: a second connection that only publishes needs an identity of its own",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use livekit_protocol::{ClientInfo, JoinRequest};
    use serde::de::value::Error;
    use serde::de::{Deserialize, Deserializer, Visitor};
    use serde::forward_to_deserialize_any;

    use super::Answer::{Harmless, Honoured, Refused};
    use super::*;

    const A_LABEL: Answer = Harmless("a label for statistics");

    const JOIN_REQUEST: &[(&str, Answer)] = &[
        ("client_info", Honoured),
        ("connection_settings", Honoured),
        ("metadata", Honoured),
        ("participant_attributes", Honoured),
        ("add_track_requests", Honoured),
        ("publisher_offer", Honoured),
        ("reconnect", Honoured),
        ("reconnect_reason", A_LABEL),
        ("participant_sid", Honoured),
        ("sync_state", Honoured),
    ];

    const CONNECTION_SETTINGS: &[(&str, Answer)] = &[
        ("auto_subscribe", Honoured),
        (
            "adaptive_stream",
            Harmless("announces update_track_settings, which are followed whenever they come"),
        ),
        ("subscriber_allow_pause", Refused),
        ("disable_ice_lite", Refused),
        ("auto_subscribe_data_track", Harmless("there are no data tracks to subscribe to")),
    ];

    const CLIENT_INFO: &[(&str, Answer)] = &[
        ("sdk", Honoured),
        ("version", A_LABEL),
        (
            "protocol",
            Harmless("every message here is understood by all clients that still connect"),
        ),
        ("os", A_LABEL),
        ("os_version", A_LABEL),
        ("device_model", A_LABEL),
        ("browser", A_LABEL),
        ("browser_version", A_LABEL),
        ("address", Harmless("known from the connection")),
        ("network", A_LABEL),
        ("other_sdks", A_LABEL),
        ("client_protocol", Honoured),
        ("capabilities", Honoured),
    ];

    /// A deserializer that only hears which fields a message has.
    struct Fields<'a>(&'a mut Vec<&'static str>);

    impl<'de> Deserializer<'de> for Fields<'_> {
        type Error = Error;

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _name: &'static str,
            fields: &'static [&'static str],
            _visitor: V,
        ) -> Result<V::Value, Error> {
            self.0.extend(fields);
            Err(serde::de::Error::custom("heard"))
        }

        fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
            Err(serde::de::Error::custom("a message is a struct"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    /// As the protocol writes them; the JSON form has each in both spellings.
    fn fields<M: for<'de> Deserialize<'de>>() -> Vec<&'static str> {
        let mut all = Vec::new();
        let _ = M::deserialize(Fields(&mut all));
        let snake = |name: &str| {
            let mut snake = String::new();
            for letter in name.chars() {
                if letter.is_ascii_uppercase() {
                    snake.push('_');
                }
                snake.push(letter.to_ascii_lowercase());
            }
            snake
        };
        let camel: Vec<_> =
            all.iter().filter(|name| **name != snake(name)).map(|n| snake(n)).collect();
        assert!(camel.iter().all(|name| all.contains(&name.as_str())));
        all.retain(|name| *name == snake(name));
        all
    }

    #[test]
    fn every_field_that_the_protocol_has_is_decided_about() {
        let decided = |table: &[(&'static str, Answer)]| {
            table.iter().map(|(name, _)| *name).collect::<Vec<_>>()
        };
        assert_eq!(fields::<JoinRequest>(), decided(JOIN_REQUEST));
        assert_eq!(fields::<ConnectionSettings>(), decided(CONNECTION_SETTINGS));
        assert_eq!(fields::<ClientInfo>(), decided(CLIENT_INFO));
    }

    #[test]
    fn what_is_not_done_is_refused_by_name() {
        let settings = ConnectionSettings::default;
        for (settings, publish, word) in [
            (ConnectionSettings { disable_ice_lite: true, ..settings() }, None, "disable_ice_lite"),
            (
                ConnectionSettings { subscriber_allow_pause: Some(false), ..settings() },
                None,
                "subscriber_allow_pause",
            ),
            (settings(), Some("camera"), "publish"),
        ] {
            let NotAdmitted::Denied(why) = refuse(&settings, publish).unwrap_err() else {
                panic!()
            };
            assert!(why.starts_with(word), "{why}");
        }
    }

    #[test]
    fn what_clients_say_by_themselves_lets_them_in() {
        let settings = ConnectionSettings {
            auto_subscribe: true,
            adaptive_stream: true,
            subscriber_allow_pause: Some(true),
            ..ConnectionSettings::default()
        };
        assert_eq!(refuse(&settings, None), Ok(()));
        assert_eq!(refuse(&ConnectionSettings::default(), Some("")), Ok(()));
    }
}
