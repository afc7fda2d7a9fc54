//! Addresses that are told to others or compared with theirs: each is read once, in its one canonical form.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer};
use url::Host;

use super::texts::{list, text};

/// A scheme, a host and a port (RFC 6454), such as `https://chat.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin {
    pub scheme: Scheme,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

impl Origin {
    /// `None` for the opaque origin `null` and for pages that no web server serves.
    pub fn read(text: &str) -> Option<Origin> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        Origin::at(scheme, rest.strip_suffix('/').unwrap_or(rest))
    }

    /// `authority` is `host` or `host:port`.
    pub fn at(scheme: Scheme, authority: &str) -> Option<Origin> {
        let Place { host, port } = Place::read(authority)?;
        Some(Origin { scheme, place: Place { host, port: port.or(Some(scheme.port())) } })
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let expected = "expected an origin such as https://chat.example.com, without a path";
        Origin::read(&text).ok_or_else(|| format!("{expected}, not '{}'", text.escape_debug()))
    }
}

/// A host, and a port where one is named.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    host: Host<String>,
    port: Option<u16>,
}

impl Place {
    /// `host` or `host:port`, and nothing around it. Names in any script become what DNS knows them by.
    fn read(text: &str) -> Option<Place> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port_number(port)?)),
            _ => (text, None),
        };
        let host = match Host::parse(host).ok()? {
            Host::Domain(name) => Host::Domain(name.trim_end_matches('.').to_owned()),
            ip => ip,
        };
        let is_host = !matches!(&host, Host::Domain(name) if !is_name(name));
        is_host.then_some(Place { host, port })
    }

    /// The same, if somebody can be reached there.
    fn read_reachable(text: &str) -> Option<Place> {
        Place::read(text).filter(|place| match place.host {
            Host::Domain(_) => true,
            Host::Ipv4(ip) => is_reachable(ip.into()),
            Host::Ipv6(ip) => is_reachable(ip.into()),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// A name in DNS, where `*` is only a letter. Some that are not for the internet have an underscore.
fn is_name(host: &str) -> bool {
    let is_in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !host.is_empty() && host.bytes().all(is_in_names)
}

fn port_number(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_plain && *port > 0)
}

/// Returns whether an address is that of one machine.
pub fn is_reachable(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast
}

/// `rooms.url`. Clients put paths of their own behind it.
pub(super) fn room_url<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    let read = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let place = Place::read_reachable(rest.strip_suffix('/').unwrap_or(rest))?;
        matches!(scheme.as_str(), "ws" | "wss").then(|| format!("{scheme}://{place}"))
    };
    text(value, |url| match url.as_str() {
        "" => Ok(url),
        _ => read(&url).ok_or("expected ws:// or wss:// and host or host:port, and nothing else"),
    })
}

/// The address of a STUN or TURN server (RFC 7064, RFC 7065). A browser refuses the whole call over one that is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceUrl(pub String);

impl IceUrl {
    fn read(text: &str, schemes: &[&str], queries: &[&str]) -> Option<IceUrl> {
        let (scheme, rest) = text.split_once(':').filter(|(scheme, _)| schemes.contains(scheme))?;
        let (place, query) = rest.split_once('?').unzip();
        let place = Place::read_reachable(place.unwrap_or(rest))?;
        match query {
            None => Some(IceUrl(format!("{scheme}:{place}"))),
            Some(query) => {
                queries.contains(&query).then(|| IceUrl(format!("{scheme}:{place}?{query}")))
            }
        }
    }
}

/// `calls.stun_urls`.
pub(super) fn stun_urls<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<IceUrl>, D::Error> {
    list(value, "stun:host:port or stuns:host:port", |url| {
        IceUrl::read(url, &["stun", "stuns"], &[])
    })
}

/// `calls.turn_urls`.
pub(super) fn turn_urls<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<IceUrl>, D::Error> {
    list(value, "turn:host:port or turns:host:port, with ?transport=udp or tcp", |url| {
        IceUrl::read(url, &["turn", "turns"], &["transport=udp", "transport=tcp"])
    })
}

#[cfg(test)]
mod tests {
    use serde::de::IntoDeserializer as _;
    use serde::de::value::{Error, StrDeserializer, StringDeserializer};

    use super::*;

    fn listed(read: impl Fn(&str) -> Option<IceUrl>, url: &str) -> Option<String> {
        read(url).map(|url| url.0)
    }

    #[test]
    fn servers_for_calls_are_what_browsers_take() {
        let stun = |url: &str| listed(|url| IceUrl::read(url, &["stun", "stuns"], &[]), url);
        let queries = ["transport=udp", "transport=tcp"];
        let turn = |url: &str| listed(|url| IceUrl::read(url, &["turn", "turns"], &queries), url);
        for fine in ["stun:a.example.com", "stuns:192.0.2.1:5349", "stun:[2001:db8::1]:3478"] {
            assert_eq!(stun(fine).as_deref(), Some(fine));
        }
        for fine in ["turn:a.example:3478?transport=udp", "turns:a.example:443?transport=tcp"] {
            assert_eq!(turn(fine).as_deref(), Some(fine));
        }
        assert_eq!(
            stun("stun:例子.中国:3478").as_deref(),
            Some("stun:xn--fsqu00a.xn--fiqs8s:3478")
        );
        for odd in [
            "stun:",
            "stun::3478",
            "stun://a.example",
            "stun:a.example:0",
            "stun:a.example:99999",
            "stun:a.example:port",
            "stun:2001:db8::1",
            "stun:a b",
            "stun:u@a.example",
            "http:a.example",
            "turn:a.example",
            "stun:a.example?transport=udp",
            "stun:0.0.0.0:3478",
            "a.example:3478",
        ] {
            assert_eq!(stun(odd), None, "{odd}");
        }
        for odd in ["stun:a.example", "turn:a.example?transport=sctp", "turn:a.example/x", "turn:"]
        {
            assert_eq!(turn(odd), None, "{odd}");
        }
    }

    #[test]
    fn rooms_are_at_a_host_and_nothing_more() {
        let read = |url: &str| {
            let value: StrDeserializer<'_, Error> = url.into_deserializer();
            room_url(value).ok()
        };
        for (url, told) in [
            ("wss://chat.example.com", "wss://chat.example.com"),
            ("ws://192.0.2.1:8080/", "ws://192.0.2.1:8080"),
            ("WSS://Chat.Example.com", "wss://chat.example.com"),
            ("", ""),
        ] {
            assert_eq!(read(url).as_deref(), Some(told));
        }
        for odd in [
            "https://chat.example.com",
            "chat.example.com",
            "wss:chat.example.com",
            "wss://",
            "wss://a/rtc",
            "wss://a?x=1",
            "wss://a#x",
            "wss://u:p@a",
            "wss://a b",
            "wss://a:0",
            "wss://0.0.0.0",
            " ",
            "wss://a//",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

    #[test]
    fn origins_have_a_scheme_and_no_path() {
        let read = |origin: &str| {
            let value: StringDeserializer<Error> = origin.to_owned().into_deserializer();
            Origin::deserialize(value)
        };
        for fine in ["https://chat.example.com", "http://localhost:3000", "https://[2001:db8::7]/"]
        {
            assert!(read(fine).is_ok(), "{fine}");
        }
        assert_eq!(
            read("https://例子.中国").unwrap(),
            read("https://xn--fsqu00a.xn--fiqs8s:443").unwrap()
        );
        for odd in [
            "*",
            "null",
            "",
            " ",
            "chat.example.com",
            "https://*.example.com",
            "https://a.example/app",
            "wss://a",
        ] {
            let told = read(odd).unwrap_err().to_string();
            assert!(told.contains("expected an origin"), "{odd}: {told}");
        }
    }
}
