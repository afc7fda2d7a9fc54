//! TLS certificates: the operator's files, reloaded when they change, or a development CA of our own.

mod development;
mod serving;
mod validity;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::path::PathBuf;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use webpki::EndEntityCert;

use crate::cli::Listen;
use crate::config::{Config, ProcessConfig};
pub(crate) use serving::{Identity, check, load};

/// The files that make up one TLS identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files {
    /// The chain in PEM, leaf first.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The operator's files.
pub(crate) fn configured(config: &Config) -> Option<Files> {
    let tls = &config.process.tls;
    let (certificate, key) = (tls.certificate.clone()?, tls.key.clone()?);
    Some(Files { certificate, key })
}

/// What an operator should know about configured files that can be used. A server tells it again and again by itself.
pub(crate) fn concern(config: &Config) -> Option<String> {
    check(&configured(config)?).ok().flatten()
}

/// Whether there is a listener that needs them.
pub(crate) fn are_used(config: &Config) -> bool {
    let ProcessConfig { http, turn, .. } = &config.process;
    http.https_listen != Listen::Off || !turn.tcp.is_empty()
}

/// The configured files, or development ones in the data folder, made when they are missing or outdated.
pub(crate) fn find_or_make(config: &Config) -> anyhow::Result<Files> {
    let ProcessConfig { data_dir, external_ips, .. } = &config.process;
    match configured(config) {
        Some(files) => Ok(files),
        None => development::find_or_make(&data_dir.0.join("certs"), &names(external_ips)),
    }
}

/// How clients may call whoever holds the certificate at these addresses, so that they find it good: by the addresses
/// it is for, or else by its first name.
pub(crate) fn hosts(files: &Files, ips: &[IpAddr]) -> Vec<String> {
    let Ok(leaf) = CertificateDer::from_pem_file(&files.certificate) else { return Vec::new() };
    let Ok(leaf) = EndEntityCert::try_from(&leaf) else { return Vec::new() };
    let is_for = |ip: &&IpAddr| leaf.verify_is_valid_for_subject_name(&(**ip).into()).is_ok();
    let covered: Vec<_> = ips.iter().filter(is_for).map(host).collect();
    if !covered.is_empty() {
        return covered;
    }
    let name = leaf.valid_dns_names().find(|name| !name.starts_with('*'));
    name.map(str::to_owned).into_iter().collect()
}

/// An address in front of a port (RFC 3986, 3.2.2).
fn host(ip: &IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Every name this machine may be called by from its own network.
fn names(external_ips: &[IpAddr]) -> Vec<String> {
    let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    addresses.extend(external_ips);
    addresses.extend(local_addresses());
    addresses.sort();
    addresses.dedup();
    let addresses = addresses.iter().map(ToString::to_string);
    std::iter::once("localhost".to_owned()).chain(addresses).collect()
}

/// The addresses that packets to the outside leave from. Connecting a UDP socket sends nothing.
pub(crate) fn local_addresses() -> impl Iterator<Item = IpAddr> {
    [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")].into_iter().filter_map(
        |(from, to)| {
            let socket = UdpSocket::bind(from).ok()?;
            socket.connect(to).ok()?;
            let ip = socket.local_addr().ok()?.ip();
            (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
        },
    )
}

#[cfg(test)]
mod tests {
    use rcgen::KeyPair;

    use super::*;

    #[test]
    fn clients_call_a_server_as_its_certificate_does() {
        let dir = tempfile::tempdir().unwrap();
        let ips = ["203.0.113.9", "2001:db8::9"].map(|ip| ip.parse().unwrap());
        let called = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let files = Files { certificate: dir.path().join("c"), key: dir.path().join("k") };
            let leaf = development::leaf_params(&names)
                .unwrap()
                .self_signed(&KeyPair::generate().unwrap());
            std::fs::write(&files.certificate, leaf.unwrap().pem()).unwrap();
            hosts(&files, &ips)
        };
        assert_eq!(called(&["localhost", "203.0.113.9"]), ["203.0.113.9"]);
        assert_eq!(called(&["203.0.113.9", "2001:db8::9"]), ["203.0.113.9", "[2001:db8::9]"]);
        assert_eq!(called(&["*.example.com", "chat.example.com"]), ["chat.example.com"]);
        assert!(called(&["*.example.com"]).is_empty());
    }
}
