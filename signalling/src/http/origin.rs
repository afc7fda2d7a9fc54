//! Where a page comes from and where a request reached us, compared as origins (RFC 6454), not as texts.

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

use super::arrival::Arrival;
use crate::config::Origin;

/// Returns whether a page of this origin may act for the person who has it open: our own host, or a configured one.
/// Programs that are no browser send no `Origin`.
pub fn origin_allowed(headers: &HeaderMap, allowed: &[Origin]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Some(origin) = origin.to_str().ok().and_then(Origin::read) else { return false };
    is_own(&origin, headers) || allowed.contains(&origin)
}

/// Where a request reached us, as the address of a WebSocket: `wss://chat.example.com`.
pub fn own_url(headers: &HeaderMap, arrival: Arrival) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let scheme = if arrival.secure { "wss" } else { "ws" };
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}

/// `Host` names no scheme. A proxy that does not tell us the browser's may have spoken HTTPS to it, so the page's own
/// scheme decides which port a `Host` without one means.
fn is_own(origin: &Origin, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.and_then(|host| Origin::at(origin.scheme, host)).as_ref() == Some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(host: &str, origin: &str, allowed: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        headers.insert(ORIGIN, origin.parse().unwrap());
        let allowed: Vec<_> = allowed.iter().map(|one| Origin::read(one).unwrap()).collect();
        origin_allowed(&headers, &allowed)
    }

    #[test]
    fn only_our_own_pages_and_configured_ones_may_act() {
        let allowed = ["https://chat.example.com"];
        assert!(may("localhost:8080", "http://localhost:8080", &allowed));
        assert!(may("localhost:8080", "https://chat.example.com", &allowed));
        for foreign in [
            "http://localhost:8081",
            "https://evil.example",
            "null",
            "https://chat.example.com.evil.org",
            "https://chat.example.com:8443",
            "http://chat.example.com",
            "https://localhost:8080@evil.example",
            "chrome-extension://localhost:8080",
            "",
        ] {
            assert!(!may("localhost:8080", foreign, &allowed), "{foreign}");
        }
        assert!(origin_allowed(&HeaderMap::new(), &[]), "no browser, no origin");
    }

    #[test]
    fn one_origin_is_written_in_several_ways() {
        for (host, origin) in [
            ("chat.example.com:443", "https://chat.example.com"),
            ("chat.example.com:80", "http://chat.example.com"),
            ("chat.example.com", "https://chat.example.com:443"),
            ("Chat.Example.COM", "https://chat.example.com"),
            ("chat.example.com.", "https://chat.example.com"),
            ("[2001:db8::7]:443", "https://[2001:db8::7]"),
            ("[2001:DB8::7]:8443", "https://[2001:db8::7]:8443"),
        ] {
            assert!(may(host, origin, &[]), "{host} and {origin}");
        }
        assert!(
            !may("chat.example.com:443", "http://chat.example.com", &[]),
            "port 80 is not ours"
        );
        assert!(may("inner:8080", "https://chat.example.com", &["https://Chat.example.com:443/"]));
    }
}
