//! TLS certificates: the operator's files, reloaded when they change, or a development CA of our own.

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use webpki::EndEntityCert;

use crate::config::Config;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Ten years: people install the CA by hand, once.
const CA_LIFE: Duration = Duration::from_secs(3650 * DAY.as_secs());

/// Browsers and iOS refuse leaf certificates that live much longer than a year.
const LEAF_LIFE: Duration = Duration::from_secs(390 * DAY.as_secs());

/// A leaf older than this is made anew at the next start.
const LEAF_AGE_MAX: Duration = Duration::from_secs(300 * DAY.as_secs());

/// How often configured certificate files are looked at; SIGHUP does it at once.
const RELOAD_INTERVAL: Duration = Duration::from_secs(60);

/// The files that make up one TLS identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files {
    /// The chain in PEM, leaf first.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The configured files, or development ones in the data folder, made when they are missing or outdated.
pub(crate) fn find_or_make(config: &Config) -> anyhow::Result<Files> {
    let process = &config.process;
    match (&process.tls.certificate, &process.tls.key) {
        (Some(certificate), Some(key)) => {
            Ok(Files { certificate: certificate.clone(), key: key.clone() })
        }
        _ => development(&process.data_dir.0.join("certs"), &names(&process.external_ips)),
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

/// What a listener offers now; changes when the files do.
pub(crate) type Identity = watch::Receiver<Arc<ServerConfig>>;

/// Loads the files, and again when they change or on SIGHUP.
pub(crate) fn load(files: Files) -> anyhow::Result<Identity> {
    let (current, identity) = watch::channel(server_config(&files)?);
    tokio::spawn(reload_on_change(files, current));
    Ok(identity)
}

fn server_config(files: &Files) -> anyhow::Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot read the certificate {}", files.certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| format!("cannot read the private key {}", files.key.display()))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and its private key cannot be used")?;
    // TURN clients may name theirs (RFC 7443); most name none.
    config.alpn_protocols = vec![b"http/1.1".to_vec(), b"stun.turn".to_vec()];
    Ok(Arc::new(config))
}

async fn reload_on_change(files: Files, current: watch::Sender<Arc<ServerConfig>>) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    let mut seen = modified(&files);
    loop {
        let asked = tokio::select! {
            _ = hangup.recv() => true,
            () = tokio::time::sleep(RELOAD_INTERVAL) => false,
        };
        let now = modified(&files);
        if !asked && now == seen {
            continue;
        }
        seen = now;
        match server_config(&files) {
            Ok(config) => {
                current.send_replace(config);
                tracing::info!("certificate reloaded");
            }
            Err(error) => tracing::error!("certificate kept as it was: {error:#}"),
        }
    }
}

fn modified(files: &Files) -> [Option<SystemTime>; 2] {
    [&files.certificate, &files.key].map(|path| fs::metadata(path).and_then(|m| m.modified()).ok())
}

/// Makes whatever is missing of the development CA and certificate in `dir`.
fn development(dir: &Path, names: &[String]) -> anyhow::Result<Files> {
    let files = Files { certificate: dir.join("cert.pem"), key: dir.join("key.pem") };
    if is_current(&files, names) {
        return Ok(files);
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let (ca_pem, issuer) = find_or_make_ca(dir)?;
    let key = KeyPair::generate()?;
    let leaf = leaf_params(names)?.signed_by(&key, &issuer)?;
    write(&files.key, &key.serialize_pem(), 0o600)?;
    write(&files.certificate, &(leaf.pem() + &ca_pem), 0o644)?;
    Ok(files)
}

/// Whether a certificate made earlier is young enough and covers every name.
fn is_current(files: &Files, names: &[String]) -> bool {
    let age = modified(files)[0].and_then(|at| at.elapsed().ok());
    let Ok(leaf) = CertificateDer::from_pem_file(&files.certificate) else { return false };
    let Ok(leaf) = ParsedCertificate::try_from(&leaf) else { return false };
    let covered = |name: &String| {
        ServerName::try_from(name.as_str())
            .is_ok_and(|name| rustls::client::verify_server_name(&leaf, &name).is_ok())
    };
    files.key.exists() && age.is_some_and(|age| age < LEAF_AGE_MAX) && names.iter().all(covered)
}

fn find_or_make_ca(dir: &Path) -> anyhow::Result<(String, Issuer<'static, KeyPair>)> {
    let (certificate, key) = (dir.join("ca.pem"), dir.join("ca-key.pem"));
    if let (Ok(pem), Ok(key)) = (fs::read_to_string(&certificate), fs::read_to_string(&key)) {
        let issuer = Issuer::from_ca_cert_pem(&pem, KeyPair::from_pem(&key)?)
            .with_context(|| format!("cannot read {}", certificate.display()))?;
        return Ok((pem, issuer));
    }
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "Beckon development CA");
    lives(&mut params, CA_LIFE);
    let pair = KeyPair::generate()?;
    let pem = params.self_signed(&pair)?.pem();
    write(&key, &pair.serialize_pem(), 0o600)?;
    write(&certificate, &pem, 0o644)?;
    Ok((pem, Issuer::new(params, pair)))
}

fn leaf_params(names: &[String]) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Beckon development");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    lives(&mut params, LEAF_LIFE);
    Ok(params)
}

/// From yesterday, because clocks in a local network differ.
fn lives(params: &mut CertificateParams, life: Duration) {
    params.not_before = (SystemTime::now() - DAY).into();
    params.not_after = (SystemTime::now() + life).into();
}

/// Written aside and renamed, so that a crash leaves no half a file; the mode holds from the first byte.
fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let aside = path.with_extension("new");
    let attempt = || {
        let _ = fs::remove_file(&aside);
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&aside)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&aside, path)
    };
    attempt().with_context(|| format!("cannot write {}", path.display()))
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
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn dir() -> tempfile::TempDir {
        let _ = rustls::crypto::ring::default_provider().install_default();
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_development_certificate_is_made_once_and_covers_its_names() {
        let dir = dir();
        let names = names(&["203.0.113.9".parse().unwrap()]);
        let files = development(dir.path(), &names).unwrap();
        assert!(is_current(&files, &names));
        server_config(&files).unwrap();
        let first = fs::read(&files.certificate).unwrap();
        development(dir.path(), &names).unwrap();
        assert_eq!(fs::read(&files.certificate).unwrap(), first);
    }

    #[test]
    fn a_new_address_gets_a_new_certificate_from_the_same_ca() {
        let dir = dir();
        let files = development(dir.path(), &names(&[])).unwrap();
        let ca = fs::read(dir.path().join("ca.pem")).unwrap();
        let wider = names(&["203.0.113.9".parse().unwrap()]);
        assert!(!is_current(&files, &wider));
        development(dir.path(), &wider).unwrap();
        assert!(is_current(&files, &wider));
        assert_eq!(fs::read(dir.path().join("ca.pem")).unwrap(), ca);
        server_config(&files).unwrap();
    }

    #[test]
    fn clients_call_a_server_as_its_certificate_does() {
        let dir = dir();
        let ips = ["203.0.113.9", "2001:db8::9"].map(|ip| ip.parse().unwrap());
        let called = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let files = Files { certificate: dir.path().join("c"), key: dir.path().join("k") };
            let leaf = leaf_params(&names).unwrap().self_signed(&KeyPair::generate().unwrap());
            fs::write(&files.certificate, leaf.unwrap().pem()).unwrap();
            hosts(&files, &ips)
        };
        assert_eq!(called(&["localhost", "203.0.113.9"]), ["203.0.113.9"]);
        assert_eq!(called(&["203.0.113.9", "2001:db8::9"]), ["203.0.113.9", "[2001:db8::9]"]);
        assert_eq!(called(&["*.example.com", "chat.example.com"]), ["chat.example.com"]);
        assert!(called(&["*.example.com"]).is_empty());
    }

    #[test]
    fn private_keys_are_private() {
        let dir = dir();
        development(dir.path(), &names(&[])).unwrap();
        for key in ["key.pem", "ca-key.pem"] {
            let mode = fs::metadata(dir.path().join(key)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{key}");
        }
    }
}
