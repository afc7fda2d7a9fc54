//! All that `serve` would refuse or warn of once every key has been read: what depends on several keys, or on the machine.
//! `serve` and `check-config` ask here, so that they cannot disagree.

mod listeners;
mod warnings;

use anyhow::{Context as _, anyhow};
use beckon_signalling::places;

use crate::cli::Listen;
use crate::config::{Config, ProcessConfig};
use crate::parts::Parts;
use crate::{certs, turn};

/// What an operator should know before the server starts.
#[derive(Default)]
pub(crate) struct Findings {
    /// The server would not start.
    pub errors: Vec<anyhow::Error>,
    /// It would, and something would be missed.
    pub warnings: Vec<String>,
}

/// Looks at a configuration whose keys could be read. Opens no port and no database, and makes nothing.
pub(crate) fn configuration(config: &Config, parts: Parts) -> Findings {
    let process = &config.process;
    let mut errors =
        [mute(process), half_of_tls(process)].into_iter().flatten().collect::<Vec<_>>();
    errors.extend(listeners::faults(process));
    if certs::are_used(config) {
        let looked = certs::configured(config).map(|files| certs::check(&files));
        let looked = looked.transpose().context("tls.certificate and tls.key");
        errors.extend(looked.err());
    }
    match parts.signalling {
        true => {
            errors.extend(beckon_signalling::check(&config.signalling).into_iter().map(Into::into))
        }
        false => {
            let dir = &process.data_dir.0;
            let looked = places::folder(dir);
            errors.extend(looked.with_context(|| format!("data_dir: {}", dir.display())).err());
        }
    }
    errors.extend(relay(process));
    Findings { errors, warnings: warnings::all(config) }
}

/// The relay's own file, in a folder that has been there before.
fn relay(process: &ProcessConfig) -> Option<anyhow::Error> {
    if !process.turn.is_on() || !process.data_dir.0.is_dir() {
        return None;
    }
    places::file(&turn::revoked_file(process)).context("data_dir: the file of the relay").err()
}

fn mute(process: &ProcessConfig) -> Option<anyhow::Error> {
    let ProcessConfig { http, turn, .. } = process;
    let is_mute = http.listen == Listen::Off && http.https_listen == Listen::Off && !turn.is_on();
    is_mute.then(|| {
        anyhow!(
            "http.listen and http.https_listen are both \"off\": nobody could reach this server"
        )
    })
}

fn half_of_tls(process: &ProcessConfig) -> Option<anyhow::Error> {
    let is_half = process.tls.certificate.is_some() != process.tls.key.is_some();
    is_half.then(|| anyhow!("tls.certificate and tls.key belong together: set both or neither"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(change: impl Fn(&mut ProcessConfig)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config.process);
        let findings = configuration(&config, Parts::of(&[]).unwrap());
        findings.errors.iter().map(|error| format!("{error:#}")).collect()
    }

    #[test]
    fn keys_that_contradict_each_other_are_named() {
        assert_eq!(told(|_| {}), [""; 0]);
        let mute = told(|process| process.http.listen = Listen::Off);
        assert!(mute[0].contains("nobody could reach this server"), "{mute:?}");
        let dir = tempfile::tempdir().unwrap();
        let relay = |process: &mut ProcessConfig| {
            process.data_dir.0 = dir.path().to_owned();
            process.turn.udp = vec![([127, 0, 0, 1], 0).into()];
        };
        assert_eq!(told(relay), [""; 0]);
        std::fs::create_dir(dir.path().join("turn-revoked")).unwrap();
        assert!(told(relay)[0].contains("turn-revoked is a folder"));
        let half = told(|process| process.tls.key = Some("key.pem".into()));
        assert!(half[0].contains("belong together"), "{half:?}");
    }
}
