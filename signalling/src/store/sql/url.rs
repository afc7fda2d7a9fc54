//! What `database_url` may say.

use std::path::PathBuf;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use url::Url;
use url::form_urlencoded;

use crate::domain::text::is_legible;

const EXPECTED: &str = "expected sqlite:PATH or mysql://user:password@host/name";

/// What sqlx reads behind the `?` of a MySQL address; it passes over everything else.
const MYSQL_PARAMETERS: [&str; 13] = [
    "charset",
    "collation",
    "socket",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "sslca",
    "sslcert",
    "sslkey",
    "sslmode",
    "time-zone",
    "timezone",
];

/// Those that name a file.
const MYSQL_FILES: [&str; 6] = ["ssl-ca", "ssl-cert", "ssl-key", "sslca", "sslcert", "sslkey"];

/// A file that a database is opened with.
#[derive(Debug, PartialEq, Eq)]
pub enum DatabaseFile {
    /// SQLite's own, made when it is missing.
    Made(PathBuf),
    /// SQLite's own, for reading only, or a certificate.
    Read(PathBuf),
}

/// Returns what else was expected of an address at which no database could ever be opened, without quoting it: it holds
/// a password. An empty one stands for a file in the data folder.
pub fn check_url(url: &str) -> Result<(), &'static str> {
    files(url).map(drop)
}

/// The files that the database at this address is opened with.
pub fn files(url: &str) -> Result<Vec<DatabaseFile>, &'static str> {
    // sqlx would take any other engine for the name of a file
    match url.split_once(':') {
        None if url.is_empty() => Ok(Vec::new()),
        Some(("sqlite", _)) => sqlite(url).map(|file| vec![file]),
        Some(("mysql", _)) => mysql(url),
        _ => Err(EXPECTED),
    }
}

fn sqlite(url: &str) -> Result<DatabaseFile, &'static str> {
    const PARAMETERS: &str =
        "expected sqlite:PATH, with ?mode=ro, rw or rwc, or ?cache=private or shared";
    let options: SqliteConnectOptions = url.parse().map_err(|_| PARAMETERS)?;
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
    let mut is_made = true;
    for (name, value) in form_urlencoded::parse(parameters.as_bytes()) {
        match (&*name, &*value) {
            ("mode", "ro") | ("immutable", "true" | "1") => is_made = false,
            // what is only in memory is gone with its last connection
            ("mode", "memory") | ("vfs", _) => return Err(PARAMETERS),
            _ => {}
        }
    }
    let path = options.get_filename().to_owned();
    let is_path = path.to_str().is_some_and(is_legible);
    let is_in_memory =
        url.trim_start_matches("sqlite:").trim_start_matches("//").starts_with(":memory:");
    match (is_path && !is_in_memory, is_made) {
        (false, _) => Err("expected sqlite:PATH, the path of a file"),
        (true, true) => Ok(DatabaseFile::Made(path)),
        (true, false) => Ok(DatabaseFile::Read(path)),
    }
}

fn mysql(url: &str) -> Result<Vec<DatabaseFile>, &'static str> {
    let options: MySqlConnectOptions = url.parse().map_err(|_| EXPECTED)?;
    let url: Url = url.parse().map_err(|_| EXPECTED)?;
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    let has_place = options.get_socket().is_some() || (has_host && options.get_port() > 0);
    let is_named = |name: &str| is_legible(name) && !name.contains('/');
    if !has_place || !options.get_database().is_some_and(is_named) {
        return Err(
            "expected mysql://user:password@host/name, with a host and the name of a database",
        );
    }
    if !url.query_pairs().all(|(name, _)| MYSQL_PARAMETERS.contains(&&*name)) {
        return Err(
            "expected behind the ? of mysql:// only charset, collation, socket, ssl-ca, ssl-cert, ssl-key, \
                    ssl-mode and timezone",
        );
    }
    let files = url.query_pairs().filter(|(name, _)| MYSQL_FILES.contains(&&**name));
    Ok(files.map(|(_, path)| DatabaseFile::Read(PathBuf::from(&*path))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_database_could_be_opened_at_is_refused_unquoted() {
        for odd in [
            "postgres://u:hush@h/b",
            "hush.db",
            "sqlite",
            "sqlite:",
            "sqlite://",
            "sqlite: ",
            "sqlite::memory:",
            "sqlite:hush.db?mode=memory",
            "sqlite:x.db?mode=hush",
            "sqlite:x.db?hush=1",
            "sqlite:x.db?vfs=hush",
            "sqlite:x%00hush.db",
            "mysql:",
            "mysql://",
            "mysql://hush",
            "mysql:///hush",
            "mysql://u:hush@h",
            "mysql://u:hush@h/",
            "mysql://u:hush@h:0/b",
            "mysql://u:hush@h:port/b",
            "mysql://u:hush@h/a/b",
            "mysql://u:hush@h/b?ssl-mode=hush",
            "mysql://u:1?hush@h/b",
            "mysql://u@h/b?sll-mode=hush",
            "mysql",
        ] {
            let told = check_url(odd).expect_err(odd);
            assert!(told.starts_with("expected") && !told.contains("hush"), "{odd}: {told}");
        }
    }

    #[test]
    fn what_a_database_is_opened_with_is_known_beforehand() {
        let made = |path: &str| vec![DatabaseFile::Made(path.into())];
        let read = |path: &str| vec![DatabaseFile::Read(path.into())];
        for (fine, wanted) in [
            ("", Vec::new()),
            ("sqlite:/var/lib/beckon.db", made("/var/lib/beckon.db")),
            ("sqlite://data/b.db?mode=rwc", made("data/b.db")),
            ("sqlite:b%3Fc.db?cache=shared", made("b?c.db")),
            ("sqlite:b.db?mode=ro", read("b.db")),
            ("mysql://user:p%40ss@db.example:3307/beckon", Vec::new()),
            ("mysql://host/beckon", Vec::new()),
            ("mysql:///beckon?socket=/run/mysqld.sock", Vec::new()),
            ("mysql://u:p@[::1]/b?ssl-mode=VERIFY_CA&ssl-ca=/ca.pem", read("/ca.pem")),
        ] {
            assert_eq!(files(fine), Ok(wanted), "{fine}");
        }
    }
}
