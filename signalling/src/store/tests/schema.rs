//! The two migration folders make one schema: same files, tables, columns and keys.

use std::collections::BTreeSet;
use std::path::Path;

use super::{fresh_mysql, fresh_sqlite};
use crate::store::sql::{Db, sql};

#[test]
fn both_folders_hold_the_same_files() {
    let names = |folder: &str| -> BTreeSet<_> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(folder);
        folder.read_dir().unwrap().map(|file| file.unwrap().file_name()).collect()
    };
    let files = names("sqlite");
    assert!(!files.is_empty());
    assert_eq!(files, names("mysql"));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_schemas_are_the_same() {
    let sqlite = fresh_sqlite().await;
    let (columns_there, keys_there) = (columns(&sqlite).await, keys(&sqlite).await);
    assert!(columns_there.iter().any(|column| column.name == "messages.seq"));
    assert!(keys_there.iter().any(|key| key.columns == "client_msg_id,sender_id" && key.unique));
    if let Some(mysql) = fresh_mysql().await {
        same(columns_there, columns(&mysql).await);
        same(keys_there, keys(&mysql).await);
    }
}

/// Unlike `assert_eq`, names only what differs.
fn same<T: Ord + std::fmt::Debug>(sqlite: BTreeSet<T>, mysql: BTreeSet<T>) {
    let only_sqlite: Vec<_> = sqlite.difference(&mysql).collect();
    let only_mysql: Vec<_> = mysql.difference(&sqlite).collect();
    assert!(
        only_sqlite.is_empty() && only_mysql.is_empty(),
        "only in SQLite: {only_sqlite:#?}\nonly in MySQL: {only_mysql:#?}"
    );
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Column {
    name: String,
    kind: &'static str,
    required: bool,
    default: String,
}

async fn columns(db: &Db) -> BTreeSet<Column> {
    let columns: Vec<(String, String, bool, String)> = match db {
        Db::Sqlite { .. } => {
            sql("SELECT t.name || '.' || c.name, lower(c.type), c.\"notnull\" <> 0,
                    COALESCE(c.dflt_value, 'NULL')
             FROM sqlite_schema t, pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\'
               AND t.name NOT LIKE 'sqlite%'")
        }
        Db::MySql(_) => sql("SELECT CONCAT(table_name, '.', column_name), CAST(data_type AS CHAR),
                    CASE is_nullable WHEN 'NO' THEN true ELSE false END,
                    CAST(COALESCE(column_default, 'NULL') AS CHAR)
             FROM information_schema.columns
             WHERE table_schema = DATABASE() AND table_name NOT LIKE '\\_sqlx%'"),
    }
    .all(db)
    .await
    .unwrap();
    let column = |(name, kind, required, default): (String, String, bool, String)| Column {
        name,
        kind: common_kind(&kind),
        required,
        default: default.trim_matches('\'').to_owned(), // MySQL shows text without its quotes
    };
    columns.into_iter().map(column).collect()
}

fn common_kind(kind: &str) -> &'static str {
    match kind {
        "bigint" | "tinyint" | "integer" => "integer",
        "binary" | "varbinary" | "blob" => "blob",
        "varchar" | "mediumtext" | "text" => "text",
        other => panic!("{other}: add it here once both engines have it"),
    }
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    table: String,
    unique: bool,
    /// In their order, with commas.
    columns: String,
    /// Plain indexes only: SQLite names its unique keys itself.
    name: String,
}

async fn keys(db: &Db) -> BTreeSet<Key> {
    let keys: Vec<(String, bool, String, String)> = match db {
        Db::Sqlite { .. } => sql("SELECT t.name, i.\"unique\" <> 0,
                    (SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)),
                    CASE i.\"unique\" WHEN 1 THEN '' ELSE i.name END
             FROM sqlite_schema t, pragma_index_list(t.name) i
             WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\'"),
        Db::MySql(_) => sql("SELECT table_name, CASE non_unique WHEN 0 THEN true ELSE false END,
                    GROUP_CONCAT(column_name ORDER BY seq_in_index),
                    CASE non_unique WHEN 0 THEN '' ELSE index_name END
             FROM information_schema.statistics
             WHERE table_schema = DATABASE() AND table_name NOT LIKE '\\_sqlx%'
             GROUP BY table_name, index_name, non_unique"),
    }
    .all(db)
    .await
    .unwrap();
    let key = |(table, unique, columns, name)| Key { table, unique, columns, name };
    keys.into_iter().map(key).collect()
}
