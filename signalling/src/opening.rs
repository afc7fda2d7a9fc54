//! The store of a configuration, for whoever starts something over it.

use std::path::PathBuf;

use secrecy::ExposeSecret;

use crate::config::Config;
use crate::start_error::StartError;
use crate::store;
use crate::store::sql::Db;

/// Opens the store with this version's schema, whatever version wrote it before.
pub(crate) async fn open_store(config: &Config) -> Result<Db, StartError> {
    std::fs::create_dir_all(&config.data_dir).map_err(StartError::DataDir)?;
    let db = Db::open(&database_url(config)).await.map_err(StartError::Database)?;
    store::users::fill_name_folds(&db).await.map_err(StartError::Database)?;
    Ok(db)
}

/// `sqlite:` in the data folder unless the configuration names another one.
pub(crate) fn database_url(config: &Config) -> String {
    match config.database_url.expose_secret() {
        "" => {
            let path = config.data_dir.join("beckon.db").display().to_string();
            // a folder may be called anything, and these mean something in an address
            format!("sqlite:{}", path.replace('%', "%25").replace('?', "%3F"))
        }
        url => url.to_owned(),
    }
}

/// Where files of people are.
pub(crate) fn objects(config: &Config) -> PathBuf {
    config.data_dir.join("objects")
}
