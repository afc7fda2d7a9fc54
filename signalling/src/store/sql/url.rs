//! What `database_url` may say.

use sqlx::mysql::MySqlConnectOptions;

use super::Result;

/// Returns why a database at this address could never be opened. An empty one stands for a file in the data folder.
/// The engine is what stands before the first colon: sqlx would take anything else for the name of a file.
pub fn check_url(url: &str) -> Result<()> {
    match url.split_once(':').map_or(url, |(engine, _)| engine) {
        "" | "sqlite" => Ok(()),
        "mysql" => Ok(url.parse::<MySqlConnectOptions>().map(drop)?),
        _ => {
            let why = "database_url must be sqlite:PATH or mysql://user:password@host/name";
            Err(sqlx::Error::Configuration(why.into()).into())
        }
    }
}
