//! The keys that tokens are signed with.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rand::RngExt;
use rand::distr::Alphanumeric;
use secrecy::ExposeSecret;

use crate::config::{ApiKey, Config};

const FILE: &str = "room-key";

/// At least one key; the first signs what we hand out ourselves.
#[derive(Clone, Debug)]
pub struct Keys(Vec<ApiKey>);

impl Keys {
    /// The configured keys, or the one in the data folder, which is made when it is missing.
    pub fn load(config: &Config) -> io::Result<Keys> {
        if !config.rooms.keys.is_empty() {
            return Ok(Keys(config.rooms.keys.clone()));
        }
        let path = config.data_dir.join(FILE);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => make(file).map(|key| Keys(vec![key])),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(&path),
            Err(error) => Err(error),
        }
    }

    pub fn find(&self, id: &str) -> Option<&ApiKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// The key that signs our own tokens.
    pub fn own(&self) -> &ApiKey {
        &self.0[0] // `load` makes one when none is configured
    }
}

fn make(mut file: File) -> io::Result<ApiKey> {
    let random = |len| rand::rng().sample_iter(Alphanumeric).take(len).map(char::from);
    let id = format!("API{}", random(12).collect::<String>());
    let secret: String = random(43).collect(); // 256 bits
    let key = ApiKey { id, secret: secret.into() };
    file.write_all(format!("{}:{}\n", key.id, key.secret.expose_secret()).as_bytes())?;
    file.sync_all()?;
    Ok(key)
}

fn read(path: &Path) -> io::Result<Keys> {
    let text = std::fs::read_to_string(path)?;
    let key = ApiKey::try_from(text.trim().to_owned())
        .map_err(|why| io::Error::new(io::ErrorKind::InvalidData, format!("{FILE}: {why}")))?;
    Ok(Keys(vec![key]))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data_dir: folder.path().into(), ..Config::default() };
        let first = Keys::load(&config).unwrap();
        let second = Keys::load(&config).unwrap();
        assert_eq!(first.own().id, second.own().id);
        assert_eq!(first.own().secret.expose_secret(), second.own().secret.expose_secret());
        let mode = folder.path().join(FILE).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn configured_keys_must_be_hard_to_guess() {
        assert!(ApiKey::try_from("devkey:secret".to_owned()).is_err());
        assert!(ApiKey::try_from("a".repeat(40)).is_err());
        assert!(ApiKey::try_from(format!("devkey: {}", "s".repeat(32))).is_ok());
    }
}
