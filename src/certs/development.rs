//! A development CA and a certificate of it, so that HTTPS works before there is a domain.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use beckon_signalling::durable;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;

use super::{Files, serving};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Ten years: people install the CA by hand, once.
const CA_LIFE: Duration = Duration::from_secs(3650 * DAY.as_secs());

/// Browsers and iOS refuse leaf certificates that live much longer than a year.
const LEAF_LIFE: Duration = Duration::from_secs(390 * DAY.as_secs());

/// A leaf older than this is made anew at the next start.
const LEAF_AGE_MAX: Duration = Duration::from_secs(300 * DAY.as_secs());

/// Makes whatever is missing of the development CA and certificate in `dir`.
pub(super) fn find_or_make(dir: &Path, names: &[String]) -> anyhow::Result<Files> {
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

/// Returns whether a certificate made earlier is whole, young enough and covers every name.
fn is_current(files: &Files, names: &[String]) -> bool {
    let age = fs::metadata(&files.certificate).and_then(|m| m.modified()).ok();
    let age = age.and_then(|at| at.elapsed().ok());
    let Ok(leaf) = CertificateDer::from_pem_file(&files.certificate) else { return false };
    let Ok(leaf) = ParsedCertificate::try_from(&leaf) else { return false };
    let covered = |name: &String| {
        ServerName::try_from(name.as_str())
            .is_ok_and(|name| rustls::client::verify_server_name(&leaf, &name).is_ok())
    };
    serving::check(files).is_ok_and(|concern| concern.is_none())
        && age.is_some_and(|age| age < LEAF_AGE_MAX)
        && names.iter().all(covered)
}

fn find_or_make_ca(dir: &Path) -> anyhow::Result<(String, Issuer<'static, KeyPair>)> {
    let (certificate, key) = (dir.join("ca.pem"), dir.join("ca-key.pem"));
    if let (Ok(pem), Ok(key)) = (fs::read_to_string(&certificate), fs::read_to_string(&key)) {
        let issuer = KeyPair::from_pem(&key).and_then(|key| Issuer::from_ca_cert_pem(&pem, key));
        match issuer {
            Ok(issuer) => return Ok((pem, issuer)),
            Err(error) => tracing::warn!(%error, "the development CA is damaged: it is made anew"),
        }
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

pub(super) fn leaf_params(names: &[String]) -> anyhow::Result<CertificateParams> {
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

fn write(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    durable::write(path, text.as_bytes(), mode)
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::certs::{names, serving};

    fn dir() -> tempfile::TempDir {
        let _ = rustls::crypto::ring::default_provider().install_default();
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_development_certificate_is_made_once_and_covers_its_names() {
        let dir = dir();
        let names = names(&["203.0.113.9".parse().unwrap()]);
        let files = find_or_make(dir.path(), &names).unwrap();
        assert!(is_current(&files, &names));
        serving::check(&files).unwrap();
        let first = fs::read(&files.certificate).unwrap();
        find_or_make(dir.path(), &names).unwrap();
        assert_eq!(fs::read(&files.certificate).unwrap(), first);
    }

    #[test]
    fn a_new_address_gets_a_new_certificate_from_the_same_ca() {
        let dir = dir();
        let files = find_or_make(dir.path(), &names(&[])).unwrap();
        let ca = fs::read(dir.path().join("ca.pem")).unwrap();
        let wider = names(&["203.0.113.9".parse().unwrap()]);
        assert!(!is_current(&files, &wider));
        find_or_make(dir.path(), &wider).unwrap();
        assert!(is_current(&files, &wider));
        assert_eq!(fs::read(dir.path().join("ca.pem")).unwrap(), ca);
        serving::check(&files).unwrap();
    }

    #[test]
    fn private_keys_are_private() {
        let dir = dir();
        find_or_make(dir.path(), &names(&[])).unwrap();
        for key in ["key.pem", "ca-key.pem"] {
            let mode = fs::metadata(dir.path().join(key)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{key}");
        }
    }

    #[test]
    fn what_a_crash_left_of_the_files_is_made_anew() {
        let dir = dir();
        let names = names(&[]);
        for damaged in ["cert.pem", "key.pem", "ca.pem", "ca-key.pem"] {
            find_or_make(dir.path(), &names).unwrap();
            fs::write(dir.path().join(damaged), "").unwrap();
            fs::write(dir.path().join("cert.pem"), "").unwrap();
            let files = find_or_make(dir.path(), &names).unwrap();
            serving::check(&files).unwrap_or_else(|error| panic!("{damaged}: {error:#}"));
        }
        let files = find_or_make(dir.path(), &names).unwrap();
        fs::write(&files.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        serving::check(&find_or_make(dir.path(), &names).unwrap()).unwrap();
    }
}
