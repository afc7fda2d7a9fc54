//! When a certificate is good, and what to say before it no longer is.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// ACME clients renew 30 days before the end: whoever is this late has a renewal that does not work.
const WARN_DAYS: i64 = 14;

/// The validity of a leaf, in seconds since 1970 (RFC 5280, 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub not_before: i64,
    pub not_after: i64,
}

impl Validity {
    pub(super) fn of(leaf: &CertificateDer<'_>) -> anyhow::Result<Validity> {
        let (_, leaf) = X509Certificate::from_der(leaf).context("the certificate is no X.509")?;
        let validity = leaf.validity();
        Ok(Validity {
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
        })
    }

    /// What is wrong with the certificate at a time, in seconds since 1970, or soon will be.
    pub(super) fn concern(&self, now: i64) -> Option<Concern> {
        if now < self.not_before {
            Some(Concern::NotYetValid)
        } else if now > self.not_after {
            Some(Concern::Expired)
        } else if now > self.not_after - WARN_DAYS * DAY_SECONDS {
            Some(Concern::ExpiresSoon { days: (self.not_after - now) / DAY_SECONDS })
        } else {
            None
        }
    }

    /// For `beckon_certificate_expires_seconds`.
    pub(super) fn note(&self) {
        metrics::gauge!("beckon_certificate_expires_seconds").set(self.not_after as f64);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concern {
    NotYetValid,
    Expired,
    ExpiresSoon { days: i64 },
}

impl Concern {
    /// Whether clients refuse the certificate now.
    pub(super) fn is_refused(self) -> bool {
        !matches!(self, Concern::ExpiresSoon { .. })
    }

    /// A sentence for the operator about the certificate in a file.
    pub(super) fn told(self, file: &Path) -> String {
        let file = file.display();
        match self {
            Concern::NotYetValid => {
                format!(
                    "the certificate {file} is not valid yet: is the clock of this machine right?"
                )
            }
            Concern::Expired => format!("the certificate {file} has expired: browsers refuse it"),
            Concern::ExpiresSoon { days } => {
                format!("the certificate {file} expires in {days} days: is it being renewed?")
            }
        }
    }
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_warned_two_weeks_ahead() {
        let validity = Validity { not_before: 0, not_after: 100 * DAY_SECONDS };
        let concern = |day: i64| validity.concern(day * DAY_SECONDS);
        assert_eq!(concern(-1), Some(Concern::NotYetValid));
        assert_eq!(concern(85), None);
        assert_eq!(concern(87), Some(Concern::ExpiresSoon { days: 13 }));
        assert_eq!(concern(100), Some(Concern::ExpiresSoon { days: 0 }));
        assert_eq!(concern(101), Some(Concern::Expired));
    }
}
