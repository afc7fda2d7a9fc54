//! What can be said of a configuration without opening anything.

use std::io::ErrorKind::{NotADirectory, PermissionDenied};
use std::path::{Path, absolute};

use secrecy::ExposeSecret;

use crate::config::{Config, check_redis_url};
use crate::opening::{database_url, objects};
use crate::passwords::Passwords;
use crate::places;
use crate::rooms::keys::{self, Keys};
use crate::start_error::StartError;
use crate::store::sql::{self, DatabaseFile};

/// Returns every reason why [`Signalling::start`](crate::Signalling::start) would refuse this configuration.
pub fn check(config: &Config) -> Vec<StartError> {
    let data_dir = places::folder(&config.data_dir);
    // one reason is enough: everything else in the folder would only repeat it
    let files = if data_dir.is_ok() { in_data_dir(config) } else { Vec::new() };
    let data_dir = data_dir.map_err(|error| place("data_dir", &config.data_dir, error));
    let redis = check_redis_url(config.redis_url.expose_secret());
    let passwords = Passwords::new(&config.accounts).map(drop);
    let checks = [
        data_dir,
        redis.map_err(|expected| StartError::Setting("redis_url", expected)),
        passwords.map_err(StartError::Settings),
    ];
    checks.into_iter().filter_map(Result::err).chain(database(config)).chain(files).collect()
}

/// What is kept there whatever the database is.
fn in_data_dir(config: &Config) -> Vec<StartError> {
    let objects = objects(config);
    let kept = places::folder(&objects).map_err(|error| place("data_dir", &objects, error));
    let key = match Keys::find_in(config) {
        Ok(Some(_)) => Ok(()),
        Ok(None) if !config.data_dir.exists() => Ok(()),
        Ok(None) => places::file(&config.data_dir.join(keys::FILE)).map_err(StartError::RoomKey),
        // whether the folder can be used is a question of its own
        Err(error) if matches!(error.kind(), PermissionDenied | NotADirectory) => Ok(()),
        Err(error) => Err(StartError::RoomKey(error)),
    };
    [kept, key].into_iter().filter_map(Result::err).collect()
}

fn database(config: &Config) -> Vec<StartError> {
    let files = match sql::files(&database_url(config)) {
        Ok(files) => files,
        Err(expected) => return vec![StartError::Setting("database_url", expected)],
    };
    let reasons = files.into_iter().filter_map(|file| {
        let (path, looked) = match file {
            DatabaseFile::Made(path) if is_made_with(&config.data_dir, &path) => return None,
            DatabaseFile::Made(path) => (path.clone(), places::file(&path)),
            DatabaseFile::Read(path) => (path.clone(), places::readable(&path)),
        };
        Some(place("database_url", &path, looked.err()?))
    });
    reasons.collect()
}

/// Whether the folder of this file is made with the data folder, or is refused with it.
fn is_made_with(data_dir: &Path, file: &Path) -> bool {
    let (Ok(data_dir), Ok(file)) = (absolute(data_dir), absolute(file)) else { return false };
    let Some(folder) = file.parent() else { return false };
    let is_above = data_dir.starts_with(folder) && !folder.exists();
    !data_dir.is_dir() && (is_above || folder == data_dir)
}

fn place(key: &'static str, path: &Path, error: std::io::Error) -> StartError {
    StartError::Place { key, path: path.to_owned(), source: error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(config: &Config) -> Vec<String> {
        let chain = |error: StartError| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            format!("{error}: {}", source.unwrap_or_default())
        };
        check(config).into_iter().map(chain).collect()
    }

    fn told_of(database_url: &str, redis_url: &str) -> Vec<String> {
        told(&Config {
            database_url: database_url.to_owned().into(),
            redis_url: redis_url.to_owned().into(),
            ..Config::default()
        })
    }

    #[test]
    fn addresses_that_cannot_be_opened_are_named() {
        for fine in ["", "sqlite:beckon.db", "mysql://user:password@host/beckon"] {
            assert_eq!(told_of(fine, "redis://cache:6379/1"), [""; 0], "{fine}");
        }
        for odd in ["postgres://host/beckon", "beckon.db", "mysql://host:port/beckon"] {
            assert!(told_of(odd, "")[0].contains("database"), "{odd}");
        }
        for odd in ["foo", "http://cache", "redis://cache:port"] {
            assert!(told_of("", odd)[0].contains("redis_url"), "{odd}");
        }
        assert_eq!(told_of("postgres://host/beckon", "foo").len(), 2, "all at once");
    }

    #[test]
    fn files_that_cannot_be_made_or_read_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "").unwrap();
        let told = |data_dir: &str, database: &str| {
            let database_url = database.replace("DIR", dir.path().to_str().unwrap()).into();
            told(&Config { data_dir: at(data_dir), database_url, ..Config::default() })
        };
        for (data_dir, database) in [
            ("data", ""),
            ("made/with/it", "sqlite:DIR/made/beckon.db"),
            ("data", "sqlite:DIR/beckon.db"),
            ("data", "sqlite:DIR/file?mode=ro"),
            ("data", "sqlite:DIR/data/beckon.db"),
        ] {
            assert_eq!(told(data_dir, database), [""; 0], "{data_dir} {database}");
        }
        for (data_dir, database, key) in [
            ("file", "", "data_dir"),
            ("file/below", "", "data_dir"),
            ("data", "sqlite:DIR/missing/beckon.db", "database_url"),
            ("data", "sqlite:DIR/data/missing/beckon.db", "database_url"),
            ("data", "sqlite:DIR/missing.db?mode=ro", "database_url"),
            ("data", "sqlite:DIR", "database_url"),
            ("data", "mysql://host/beckon?ssl-ca=DIR/missing.pem", "database_url"),
        ] {
            let told = told(data_dir, database);
            assert!(told.len() == 1 && told[0].starts_with(key), "{data_dir} {database}: {told:?}");
        }
    }
}
