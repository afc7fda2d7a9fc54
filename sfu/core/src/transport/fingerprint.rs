//! Certificate fingerprints as announced in SDP (RFC 8122, section 5).

use sha2::{Digest, Sha256, Sha384, Sha512};

/// Of a certificate in DER, as `a=fingerprint` has it.
pub(super) fn fingerprint(certificate: &[u8]) -> String {
    format!("sha-256 {}", octets(&Sha256::digest(certificate)))
}

/// Whether a certificate in DER has the announced fingerprint, by the hash function named there.
pub(super) fn is_of(promised: &str, certificate: &[u8]) -> bool {
    let Some((algorithm, digest)) = promised.split_once(' ') else { return false };
    let seen = match algorithm {
        "sha-256" => octets(&Sha256::digest(certificate)),
        "sha-384" => octets(&Sha384::digest(certificate)),
        "sha-512" => octets(&Sha512::digest(certificate)),
        _ => return false,
    };
    digest.eq_ignore_ascii_case(&seen)
}

fn octets(digest: &[u8]) -> String {
    let octets: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    octets.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_written_as_descriptions_have_it() {
        let expected = "sha-256 BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:\
                        B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";
        assert_eq!(fingerprint(b"abc"), expected);
        assert!(is_of(expected, b"abc") && !is_of(expected, b"abd"));
    }

    /// The digests of "abc" in FIPS 180-2, appendices C.1 and D.1.
    #[test]
    fn longer_hashes_are_verified_and_others_are_not() {
        let hash = |text: &str| {
            let octets: Vec<&str> =
                text.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap()).collect();
            octets.join(":")
        };
        let sha_384 = hash(
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
                            8086072ba1e7cc2358baeca134c825a7",
        );
        let sha_512 = hash(
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                            2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        );
        for (algorithm, digest) in [("sha-384", sha_384), ("sha-512", sha_512)] {
            let promised = format!("{algorithm} {digest}");
            assert!(is_of(&promised, b"abc") && !is_of(&promised, b"abd"));
            assert!(!is_of(&format!("sha-256 {digest}"), b"abc"));
            assert!(!is_of(&format!("sha-1 {digest}"), b"abc"));
        }
    }
}
