//! The database under a stage: a fresh one each, gone afterwards.

use std::path::Path;

use sqlx::{
    ConnectOptions, Connection, Executor, migrate::Migrator, mysql::MySqlConnectOptions,
    sqlite::SqliteConnectOptions,
};

/// Where MariaDB listens, as `mysql://user:password@host:port`.
const MARIADB: &str = "BECKON_TEST_MYSQL";

/// Set to 1 where a missing database must fail the tests instead of narrowing them.
const REQUIRE: &str = "BECKON_TEST_REQUIRE";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    MariaDb { server: String },
}

impl Engine {
    /// MariaDB where there is one; a failure where there must be one.
    pub fn mariadb() -> Option<Self> {
        match std::env::var(MARIADB) {
            Ok(server) => Some(Self::MariaDb { server: server.trim_end_matches('/').to_owned() }),
            Err(_) => missing(&format!("{MARIADB} is not set")),
        }
    }
}

/// Every engine that can be had here, SQLite always.
pub fn engines() -> Vec<Engine> {
    std::iter::once(Engine::Sqlite).chain(Engine::mariadb()).collect()
}

/// Skips what needs something that is not there, unless it is required.
pub fn missing<T>(what: &str) -> Option<T> {
    assert!(std::env::var(REQUIRE).as_deref() != Ok("1"), "{what}, and {REQUIRE}=1 asks for it");
    eprintln!("skipped: {what}");
    None
}

/// A database of one stage.
pub struct Database {
    pub url: String,
    /// The server and the name to drop at the end; nothing for a file in the stage's folder.
    made: Option<(String, String)>,
}

impl Database {
    pub async fn create(engine: Engine, folder: &Path) -> Self {
        match engine {
            Engine::Sqlite => {
                Self { url: format!("sqlite:{}", folder.join("beckon.db").display()), made: None }
            }
            Engine::MariaDb { server } => {
                let name = format!("beckon_test_{}", uuid::Uuid::new_v4().simple());
                run(&server, &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).await;
                Self { url: format!("{server}/{name}"), made: Some((server, name)) }
            }
        }
    }
}

impl Database {
    /// Leaves behind what a former release would have: the schema of its migrations, noted as done, and its rows.
    pub async fn leave(&self, migrations: &[&str], rows: &str) {
        let engine = if self.made.is_some() { "mysql" } else { "sqlite" };
        let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
        let some = tempfile::tempdir().expect("a folder");
        for entry in all.read_dir().expect("the migrations") {
            let name = entry.expect("a migration").file_name();
            if migrations.iter().any(|number| name.to_string_lossy().starts_with(number)) {
                std::fs::copy(all.join(&name), some.path().join(&name)).expect("a copy");
            }
        }
        let migrator = Migrator::new(some.path()).await.expect("migrations");
        if self.made.is_some() {
            let options: MySqlConnectOptions = self.url.parse().expect("a database URL");
            let mut connection = options.connect().await.expect("a connection to MariaDB");
            migrator.run(&mut connection).await.expect("the former schema");
            for row in statements(rows) {
                connection.execute(sqlx::AssertSqlSafe(row)).await.expect("a former row");
            }
            connection.close().await.expect("a polite goodbye to MariaDB");
        } else {
            let options: SqliteConnectOptions = self.url.parse().expect("a stage on SQLite");
            let options = options.create_if_missing(true);
            let mut connection = options.connect().await.expect("the stage's database");
            migrator.run(&mut connection).await.expect("the former schema");
            for row in statements(rows) {
                connection.execute(sqlx::AssertSqlSafe(row)).await.expect("a former row");
            }
            connection.close().await.expect("a polite goodbye to SQLite");
        }
    }

    /// Changes a row behind the node's back, for what would otherwise take days to happen.
    pub async fn edit(&self, statement: &str) {
        if self.made.is_some() {
            return run(&self.url, statement).await;
        }
        let options: SqliteConnectOptions = self.url.parse().expect("a stage on SQLite");
        let mut connection = options.connect().await.expect("the stage's database");
        connection.execute(sqlx::AssertSqlSafe(statement)).await.expect("an edit");
        connection.close().await.expect("a polite goodbye to SQLite");
    }
}

impl Database {
    /// Makes MariaDB refuse every write to this database as a server in `--read-only` does, and no other's.
    pub async fn goes_read_only(&self) {
        for (table, verb) in self.written().await {
            let refuse = format!(
                "CREATE TRIGGER no_{verb}_{table} BEFORE {verb} ON {table} FOR EACH ROW SIGNAL SQLSTATE 'HY000' \
                 SET MYSQL_ERRNO = 1290, MESSAGE_TEXT = 'The MariaDB server is running with the --read-only option'"
            );
            run(&self.url, &refuse).await;
        }
    }

    /// MariaDB takes writes again.
    pub async fn takes_writes_again(&self) {
        for (table, verb) in self.written().await {
            run(&self.url, &format!("DROP TRIGGER no_{verb}_{table}")).await;
        }
    }

    async fn written(&self) -> Vec<(String, &'static str)> {
        let options: MySqlConnectOptions = self.url.parse().expect("a database URL");
        let mut connection = options.connect().await.expect("a connection to MariaDB");
        let tables: Vec<(String,)> = sqlx::query_as(
            "SELECT CAST(table_name AS CHAR) FROM information_schema.tables WHERE table_schema = DATABASE()",
        )
        .fetch_all(&mut connection)
        .await
        .expect("the tables");
        let verbs = ["INSERT", "UPDATE", "DELETE"];
        tables.into_iter().flat_map(|(table,)| verbs.map(|verb| (table.clone(), verb))).collect()
    }
}

/// The statements of a file, one a line.
fn statements(rows: &str) -> impl Iterator<Item = String> + '_ {
    rows.lines().filter(|line| !line.starts_with("--") && !line.is_empty()).map(str::to_owned)
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((server, name)) = self.made.take() else { return };
        // Drop cannot wait inside the test's runtime, so it has a thread and a runtime for this one statement.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(run(&server, &format!("DROP DATABASE IF EXISTS {name}")));
        });
        assert!(
            dropped.join().is_ok() || std::thread::panicking(),
            "the stage's database could not be dropped"
        );
    }
}

async fn run(server: &str, statement: &str) {
    let options: MySqlConnectOptions = server.parse().expect("a database URL");
    let mut connection = options.connect().await.expect("a connection to MariaDB");
    connection.execute(sqlx::AssertSqlSafe(statement)).await.expect("a statement on MariaDB");
    connection.close().await.expect("a polite goodbye to MariaDB");
}
