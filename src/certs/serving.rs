//! The identity that listeners offer, and its reloading.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Files;
use super::validity::{self, Concern, Validity};

/// How often configured certificate files are looked at; SIGHUP does it at once.
const RELOAD_INTERVAL: Duration = Duration::from_secs(60);

/// How often an operator is reminded of a certificate that ends soon or has ended.
const REMIND_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// What a listener offers now; changes when the files do.
pub(crate) type Identity = watch::Receiver<Arc<ServerConfig>>;

/// Loads the files, and again when they change or on SIGHUP.
pub(crate) fn load(files: Files) -> anyhow::Result<Identity> {
    let loaded = Loaded::read(&files)?;
    loaded.remind(&files);
    let (current, identity) = watch::channel(loaded.config.clone());
    tokio::spawn(reload_on_change(files, loaded, current));
    Ok(identity)
}

/// Returns what an operator should know about usable files, or why they cannot be used.
pub(crate) fn check(files: &Files) -> anyhow::Result<Option<String>> {
    Ok(Loaded::read(files)?.concern().map(|concern| concern.told(&files.certificate)))
}

struct Loaded {
    config: Arc<ServerConfig>,
    validity: Validity,
}

impl Loaded {
    fn read(files: &Files) -> anyhow::Result<Loaded> {
        let chain = CertificateDer::pem_file_iter(&files.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| {
                format!("cannot read the certificate {}", files.certificate.display())
            })?;
        let leaf = chain.first().with_context(|| {
            format!("there is no certificate in {}", files.certificate.display())
        })?;
        let validity = Validity::of(leaf)?;
        let key = PrivateKeyDer::from_pem_file(&files.key)
            .with_context(|| format!("cannot read the private key {}", files.key.display()))?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .context("the certificate and its private key cannot be used")?;
        // TURN clients may name theirs (RFC 7443); most name none.
        config.alpn_protocols = vec![b"http/1.1".to_vec(), b"stun.turn".to_vec()];
        Ok(Loaded { config: Arc::new(config), validity })
    }

    fn concern(&self) -> Option<Concern> {
        self.validity.concern(validity::now())
    }

    /// Whether clients refuse it, for its dates.
    fn is_refused(&self) -> bool {
        self.concern().is_some_and(Concern::is_refused)
    }

    fn remind(&self, files: &Files) {
        self.validity.note();
        match self.concern() {
            Some(concern) if concern.is_refused() => {
                tracing::error!("{}", concern.told(&files.certificate));
            }
            Some(concern) => tracing::warn!("{}", concern.told(&files.certificate)),
            None => {}
        }
    }
}

async fn reload_on_change(
    files: Files,
    mut loaded: Loaded,
    current: watch::Sender<Arc<ServerConfig>>,
) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    let mut seen = modified(&files);
    let mut reminded = Instant::now();
    loop {
        let asked = tokio::select! {
            _ = hangup.recv() => true,
            () = tokio::time::sleep(RELOAD_INTERVAL) => false,
        };
        let now = modified(&files);
        if asked || now != seen {
            seen = now;
            if let Some(renewed) = replacement(&files, &loaded) {
                current.send_replace(renewed.config.clone());
                loaded = renewed;
                tracing::info!("certificate reloaded");
            }
        }
        if asked || reminded.elapsed() >= REMIND_INTERVAL {
            reminded = Instant::now();
            loaded.remind(&files);
        }
    }
}

/// What the files hold now, unless it is worse than what is offered.
fn replacement(files: &Files, loaded: &Loaded) -> Option<Loaded> {
    match Loaded::read(files) {
        Ok(renewed) if renewed.is_refused() && !loaded.is_refused() => {
            let why = renewed.concern().map(|concern| concern.told(&files.certificate));
            tracing::error!("certificate kept as it was: {}", why.unwrap_or_default());
            None
        }
        Ok(renewed) => Some(renewed),
        Err(error) => {
            tracing::error!("certificate kept as it was: {error:#}");
            None
        }
    }
}

fn modified(files: &Files) -> [Option<SystemTime>; 2] {
    [&files.certificate, &files.key].map(|path| fs::metadata(path).and_then(|m| m.modified()).ok())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn write(files: &Files, days: std::ops::Range<i64>) {
        let day = |at: i64| {
            let seconds = u64::try_from(validity::now() + at * 24 * 60 * 60).unwrap();
            (SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).into()
        };
        let mut params = CertificateParams::new(vec!["chat.example.com".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (day(days.start), day(days.end));
        let key = KeyPair::generate().unwrap();
        fs::write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
    }

    #[test]
    fn an_expired_certificate_never_replaces_a_good_one() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let files =
            Files { certificate: folder.path().join("c.pem"), key: folder.path().join("k.pem") };
        let loaded_for = |days| {
            write(&files, days);
            Loaded::read(&files).unwrap()
        };
        let (good, expired) = (loaded_for(-30..60), loaded_for(-90..-1));
        assert!(check(&files).unwrap().unwrap().contains("has expired"));
        assert!(replacement(&files, &good).is_none(), "the files hold the expired one");
        assert!(replacement(&files, &expired).is_some(), "nothing is lost");

        write(&files, 5..90);
        assert!(replacement(&files, &good).is_none(), "it is not valid yet");
        write(&files, -1..90);
        assert!(replacement(&files, &good).is_some() && check(&files).unwrap().is_none());
        write(&files, -80..10);
        assert!(replacement(&files, &good).is_some(), "it is good, for ten days");
        assert!(check(&files).unwrap().unwrap().contains("expires in"));
        fs::write(&files.key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert!(check(&files).is_err() && replacement(&files, &good).is_none());
    }
}
