//! Who this node is in DTLS, and how its endpoints are to behave.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rtc_crypto::{RTCCryptoProvider, default_provider};
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

use super::fingerprint::fingerprint;
use crate::role::Role;
use crate::srtp::Profile;

/// The endpoint repeats a flight whenever it is asked to: [`Flight`](super::flight::Flight) says when.
const FLIGHT_INTERVAL: Duration = Duration::from_nanos(1);

/// The certificate that this node presents to all peers, and its key.
#[derive(Clone)]
pub struct Identity(Arc<IdentityParts>);

struct IdentityParts {
    provider: Arc<dyn RTCCryptoProvider>,
    certificate: Certificate,
    fingerprint: String,
}

impl Identity {
    pub fn generate() -> Identity {
        let provider = default_provider().expect("the ring provider is compiled in");
        let certificate =
            Certificate::generate_self_signed(["beckon".to_owned()], provider.crypto())
                .expect("ring makes P-256 keys");
        let fingerprint = fingerprint(&certificate.certificate[0]);
        Identity(Arc::new(IdentityParts { provider, certificate, fingerprint }))
    }

    /// As `a=fingerprint` has it: `sha-256 AB:CD..`.
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    pub(super) fn config(&self, role: Role, profiles: &[Profile]) -> Arc<HandshakeConfig> {
        let profiles = profiles.iter().map(|profile| match profile {
            Profile::AeadAes128Gcm => SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            Profile::AesCm128HmacSha1_80 => SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        });
        let config = ConfigBuilder::default()
            .with_crypto_provider(self.0.provider.clone())
            .with_certificates(vec![self.0.certificate.clone()])
            .with_srtp_protection_profiles(profiles.collect())
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            // Certificates are self-signed: `secure` compares the fingerprint instead of a chain.
            .with_insecure_skip_verify(true)
            .with_extended_master_secret(ExtendedMasterSecretType::Require)
            .with_flight_interval(FLIGHT_INTERVAL)
            .build(role == Role::Client, None);
        Arc::new(config.expect("the configuration is constant"))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.0.fingerprint).finish()
    }
}
