//! What proxies write about the requests they pass on, read as the common ones write it.

use std::net::{IpAddr, SocketAddr};

use axum::http::header::{FORWARDED, VIA};
use axum::http::{HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Prefixes of the headers that only proxies write. Fastly, Akamai and Cloudflare name the client in one of their own.
const PROXY_PREFIXES: [&str; 5] = ["x-forwarded", "x-real-ip", "true-client-ip", "cf-", "fastly-"];

/// Returns whether any proxy has had this request in its hands. RFC 9110, 7.6.3 obliges proxies to send `Via`; most send
/// something else instead.
pub(crate) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        *name == VIA
            || *name == FORWARDED
            || PROXY_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
    })
}

/// The hops that the request came through, nearest first: `None` where a proxy hid or garbled the address.
/// `X-Forwarded-For` counts before `Forwarded` (RFC 7239), as proxies that know only the former pass the latter on unread.
pub(crate) fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let of = |name| elements(headers, name).collect::<Vec<_>>();
    let mut hops = of(FORWARDED_FOR).into_iter().map(node_address).collect::<Vec<_>>();
    if hops.is_empty() {
        hops = of(FORWARDED).into_iter().map(|e| node_address(parameter(e, "for")?)).collect();
    }
    hops.reverse();
    hops
}

/// Returns whether the browser's own connection was encrypted: the first scheme of a list, which stands for the first
/// hop. Some proxies write `wss` for WebSockets.
pub(crate) fn is_secure(headers: &HeaderMap) -> bool {
    let of_forwarded = || elements(headers, FORWARDED).find_map(|e| parameter(e, "proto"));
    let scheme = elements(headers, FORWARDED_PROTO).next().or_else(of_forwarded);
    scheme.is_some_and(|s| s.eq_ignore_ascii_case("https") || s.eq_ignore_ascii_case("wss"))
}

/// The elements of a list that may stand on several lines; empty ones are skipped (RFC 9110, 5.6.1).
fn elements(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|element| !element.is_empty())
}

/// A parameter of an element of `Forwarded`, such as `proto` in `for=192.0.2.60;proto=http`.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// `203.0.113.7`, `203.0.113.7:51000`, `2001:db8::7`, `[2001:db8::7]` or `[2001:db8::7]:443`, with or without quotes.
fn node_address(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    // a zone names an interface of the proxy, not of ours
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn told(name: &str, value: &str) -> Vec<String> {
        let word = |hop: Option<IpAddr>| hop.map_or("?".to_owned(), |ip| ip.to_string());
        hops(&headers(&[(name, value)])).into_iter().map(word).collect()
    }

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        for (value, expected) in [
            ("203.0.113.7", &["203.0.113.7"][..]),
            ("203.0.113.7:51000", &["203.0.113.7"]),
            ("[2001:db8::7]:443", &["2001:db8::7"]),
            ("[2001:db8::7]", &["2001:db8::7"]),
            ("2001:db8::7", &["2001:db8::7"]),
            ("\"[2001:db8::7]:443\"", &["2001:db8::7"]),
            ("fe80::1%eth0", &["fe80::1"]),
            ("203.0.113.7,", &["203.0.113.7"]),
            (", 203.0.113.7 , ,10.0.0.2", &["10.0.0.2", "203.0.113.7"]),
            ("unknown, 10.0.0.2", &["10.0.0.2", "?"]),
            ("203.0.113.7:port", &["?"]),
            ("", &[]),
        ] {
            assert_eq!(told("x-forwarded-for", value), expected, "{value}");
        }
        assert_eq!(
            told("forwarded", "for=192.0.2.60;proto=http, For=\"[2001:db8::7]:4711\", by=1.1.1.1"),
            ["?", "2001:db8::7", "192.0.2.60"]
        );
    }

    #[test]
    fn the_first_scheme_is_the_browsers() {
        for (name, value, secure) in [
            ("x-forwarded-proto", "https", true),
            ("x-forwarded-proto", "HTTPS", true),
            ("x-forwarded-proto", "https,http", true),
            ("x-forwarded-proto", " https , http", true),
            ("x-forwarded-proto", "wss", true),
            ("x-forwarded-proto", "http, https", false),
            ("x-forwarded-proto", "http", false),
            ("forwarded", "for=1.1.1.1;proto=https", true),
            ("forwarded", "for=1.1.1.1;Proto=\"http\"", false),
            ("via", "1.1 proxy", false),
        ] {
            assert_eq!(is_secure(&headers(&[(name, value)])), secure, "{name}: {value}");
        }
    }

    #[test]
    fn whatever_a_proxy_adds_gives_it_away() {
        for name in
            ["via", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "cf-ray"]
        {
            assert!(is_forwarded(&headers(&[(name, "x")])), "{name}");
        }
        assert!(!is_forwarded(&headers(&[("host", "localhost"), ("user-agent", "curl/8")])));
    }
}
