//! What does not stop a server, and leaves somebody waiting or wondering.

use ipnet::IpNet;
use secrecy::ExposeSecret as _;

use crate::certs;
use crate::cli::Listen;
use crate::config::{Config, ProcessConfig};
use crate::logs::filter;

/// Everything there is to warn of.
pub(super) fn all(config: &Config) -> Vec<String> {
    let process = &config.process;
    let mut warnings: Vec<String> = rooms(config).into_iter().chain(media(process)).collect();
    warnings.extend(unused_tls(config));
    warnings.extend(
        filter::strangers(&process.log.filter).iter().map(|module| {
            format!("log.filter: '{}' is no module of Beckon", module.escape_debug())
        }),
    );
    for (key, networks, so) in [
        ("http.trusted_proxies", &process.http.trusted_proxies, "anybody can claim any address"),
        ("turn.allow_peers", &process.turn.allow_peers, "the relay reaches everything inside"),
        ("turn.deny_peers", &process.turn.deny_peers, "the relay reaches nobody"),
    ] {
        let open = networks.iter().filter(|network| IpNet::prefix_len(network) == 0);
        warnings.extend(open.map(|network| format!("{key}: {network} is everybody, so that {so}")));
    }
    warnings
}

/// What is not to be had yet on several nodes, before anybody waits for it in a call.
fn rooms(config: &Config) -> Option<String> {
    let signalling = &config.signalling;
    let is_alone = signalling.redis_url.expose_secret().is_empty();
    if is_alone || config.process.media.listen == Listen::Off {
        return None;
    }
    let elsewhere = match signalling.rooms.url.as_str() {
        "" => "people of other nodes are refused there",
        _ => "pages of other nodes cannot reach it, only SDKs can, at its rooms.url",
    };
    Some(format!(
        "redis_url is set, for several nodes: a group call is on the node where it was started, and {elsewhere}; \
         rooms of one name are one on each node"
    ))
}

fn media(process: &ProcessConfig) -> Option<String> {
    let is_inside = |listen| matches!(listen, Listen::On(at) if at.ip().is_loopback());
    let is_outside = |listen| matches!(listen, Listen::On(at) if !at.ip().is_loopback());
    let has_guests = is_outside(process.http.listen) || is_outside(process.http.https_listen);
    (is_inside(process.media.listen) && has_guests).then(|| {
        "other devices reach the pages of this server but not its media: group calls need media.listen"
            .to_owned()
    })
}

/// A certificate that waits for HTTPS to be turned on may not be there yet.
fn unused_tls(config: &Config) -> Option<String> {
    let files = certs::configured(config).filter(|_| !certs::are_used(config))?;
    let why = certs::check(&files).err()?;
    Some(format!("tls.certificate is not used yet, and could not be: {why:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_nodes_are_told_where_group_calls_are() {
        let mut config = Config::default();
        assert_eq!(all(&config), [""; 0]);
        config.signalling.redis_url = "redis://127.0.0.1".to_owned().into();
        assert!(rooms(&config).is_some_and(|said| said.contains("refused")));
        config.signalling.rooms.url = "wss://one.example.com".into();
        assert!(rooms(&config).is_some_and(|said| said.contains("SDKs")));
        config.process.media.listen = Listen::Off;
        assert_eq!(rooms(&config), None, "there are no group calls");
    }

    #[test]
    fn networks_of_everybody_and_unknown_modules_are_warned_of() {
        let mut config = Config::default();
        let process = &mut config.process;
        process.http.trusted_proxies =
            ["10.0.0.0/8", "0.0.0.0/0"].map(|net| net.parse().unwrap()).into();
        process.turn.allow_peers = vec!["::/0".parse().unwrap()];
        process.log.filter = "info,beckon_signaling=debug".into();
        let told = all(&config);
        let names =
            |key: &str, what: &str| told.iter().any(|one| one.contains(key) && one.contains(what));
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(names("http.trusted_proxies", "0.0.0.0/0"), "{told:?}");
        assert!(names("turn.allow_peers", "::/0"), "{told:?}");
        assert!(names("log.filter", "'beckon_signaling'"), "{told:?}");
    }

    #[test]
    fn media_at_home_is_warned_of_where_pages_are_not() {
        let mut config = Config::default();
        config.process.http.https_listen = "0.0.0.0:8443".parse().unwrap();
        assert!(all(&config)[0].contains("media.listen"));
        config.process.media.listen = "0.0.0.0:7881".parse().unwrap();
        assert_eq!(all(&config), [""; 0]);
    }
}
