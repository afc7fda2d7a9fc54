//! The keys that tokens are signed with.

use std::io;
use std::path::Path;

use rand::RngExt;
use rand::distr::Alphanumeric;

use crate::config::{ApiKey, Config};
use crate::durable;

/// In the data folder.
pub(crate) const FILE: &str = "room-key";
/// Whoever reads the key can let anybody into any room.
const MODE: u32 = 0o600;

/// At least one key; the first signs what we hand out ourselves.
#[derive(Clone, Debug)]
pub struct Keys(Vec<ApiKey>);

impl Keys {
    /// The configured keys, or the one in the data folder, which is made when it is missing.
    pub fn load(config: &Config) -> io::Result<Keys> {
        if let Some(keys) = Keys::find_in(config)? {
            return Ok(keys);
        }
        let (path, text) = (config.data_dir.join(FILE), fresh());
        // an empty file is what a crash left of it; another process may have made one meanwhile
        if !durable::create(&path, text.as_bytes(), MODE)? && is_empty(&path)? {
            durable::write(&path, text.as_bytes(), MODE)?;
        }
        read(&path)
    }

    /// The keys that a server of this configuration has, if it has been started before.
    pub fn find_in(config: &Config) -> io::Result<Option<Keys>> {
        if !config.rooms.keys.is_empty() {
            return Ok(Some(Keys(config.rooms.keys.clone())));
        }
        let path = config.data_dir.join(FILE);
        match is_empty(&path) {
            Ok(false) => read(&path).map(Some),
            Ok(true) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
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

/// The text of a new key file.
fn fresh() -> String {
    let random = |len| rand::rng().sample_iter(Alphanumeric).take(len).map(char::from);
    let id: String = random(12).collect();
    let secret: String = random(43).collect(); // 256 bits
    format!("API{id}:{secret}\n")
}

fn is_empty(path: &Path) -> io::Result<bool> {
    Ok(std::fs::read_to_string(path)?.trim().is_empty())
}

fn read(path: &Path) -> io::Result<Keys> {
    let text = std::fs::read_to_string(path)?;
    let key = ApiKey::try_from(text.trim().to_owned()).map_err(|why| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()))
    })?;
    Ok(Keys(vec![key]))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

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
    fn an_empty_key_file_is_filled_and_a_damaged_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data_dir: folder.path().into(), ..Config::default() };
        let path = folder.path().join(FILE);
        for emptied in ["", "\n"] {
            std::fs::write(&path, emptied).unwrap();
            assert!(Keys::find_in(&config).unwrap().is_none());
            let made = Keys::load(&config).unwrap();
            assert_eq!(Keys::load(&config).unwrap().own().id, made.own().id);
        }
        std::fs::write(&path, "rubbish").unwrap();
        let told = Keys::load(&config).unwrap_err().to_string();
        assert!(told.contains("room-key"), "{told}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "rubbish", "it may have been a key");
    }

    #[test]
    fn configured_keys_must_be_hard_to_guess() {
        assert!(ApiKey::try_from("devkey:secret".to_owned()).is_err());
        assert!(ApiKey::try_from("a".repeat(40)).is_err());
        assert!(ApiKey::try_from(format!("devkey: {}", "s".repeat(32))).is_ok());
    }
}
