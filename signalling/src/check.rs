//! What can be said of a configuration without opening anything.

use std::io::ErrorKind::{NotADirectory, PermissionDenied};

use secrecy::ExposeSecret;

use crate::config::Config;
use crate::passwords::Passwords;
use crate::rooms::keys::Keys;
use crate::start_error::StartError;
use crate::store::sql;

/// Returns every reason why [`Signalling::start`](crate::Signalling::start) would refuse this configuration.
pub fn check(config: &Config) -> Vec<StartError> {
    let redis = match config.redis_url.expose_secret() {
        "" => Ok(()),
        url => redis::Client::open(url).map(drop).map_err(StartError::RedisUrl),
    };
    let keys = match Keys::find_in(config) {
        // whether the folder can be used is a question of its own
        Err(error) if matches!(error.kind(), PermissionDenied | NotADirectory) => Ok(()),
        keys => keys.map(drop),
    };
    let checks = [
        sql::check_url(config.database_url.expose_secret()).map_err(StartError::Database),
        redis,
        keys.map_err(StartError::RoomKey),
        Passwords::new(&config.accounts).map(drop).map_err(StartError::Settings),
    ];
    checks.into_iter().filter_map(Result::err).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(database_url: &str, redis_url: &str) -> Vec<String> {
        let config = Config {
            database_url: database_url.to_owned().into(),
            redis_url: redis_url.to_owned().into(),
            ..Config::default()
        };
        check(&config).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn addresses_that_cannot_be_opened_are_named() {
        for fine in ["", "sqlite:/var/lib/beckon.db", "mysql://user:password@host/beckon"] {
            assert!(told(fine, "redis://cache:6379/1").is_empty(), "{fine}");
        }
        for odd in ["postgres://host/beckon", "beckon.db", "mysql://host:port/beckon"] {
            assert!(told(odd, "")[0].contains("database"), "{odd}");
        }
        for odd in ["foo", "http://cache", "redis://cache:port"] {
            assert!(told("", odd)[0].contains("redis_url"), "{odd}");
        }
        assert_eq!(told("postgres://host/beckon", "foo").len(), 2, "all at once");
    }
}
