//! Databases on bad days: full, locked away, migrated by several at once or half-way.

use std::time::Duration;

use sqlx::{Connection, Executor, MySqlConnection};
use tokio::time::timeout;

use super::{at_once, both, fresh_mysql, fresh_sqlite, group, person, says, text};
use crate::domain::ids::UserId;
use crate::domain::refusal::{Code, Refusal};
use crate::store::messages;
use crate::store::sql::{Db, Trouble, sql};

both! {
    a_transaction_dropped_or_failed_in_its_middle_harms_no_other,
    a_probe_writes_although_everybody_waits,
}

async fn a_transaction_dropped_or_failed_in_its_middle_harms_no_other(db: &Db) {
    let ann = person(db, "ann").await;
    let room = group(db, &[ann]).await;
    for round in 0..30 {
        let mut tx = db.begin().await.unwrap();
        sql("UPDATE users SET nickname = 'lost' WHERE id = ?")
            .bind(ann)
            .run(&mut tx)
            .await
            .unwrap();
        match round % 3 {
            0 => {}
            1 => assert!(sql("SELECT nothing FROM nowhere").run(&mut tx).await.is_err()),
            _ => {
                let cut = Duration::from_micros(20 * round);
                let _ = timeout(cut, messages::append(&mut tx, &[text(room, ann, "cut")])).await;
            }
        }
        drop(tx);
        says(db, text(room, ann, "next")).await;
    }
    let (nickname,): (String,) =
        sql("SELECT nickname FROM users WHERE id = ?").bind(ann).one(db).await.unwrap();
    assert_eq!(nickname, "ann");
    assert_eq!(messages::page_after(db, room, 0, 100).await.unwrap().len(), 30);
}

async fn a_probe_writes_although_everybody_waits(db: &Db) {
    let holders = match db {
        Db::MySql(_) => 20,
        Db::Sqlite { .. } => 1,
    };
    let mut held = Vec::new();
    for _ in 0..holders {
        held.push(db.begin().await.unwrap());
    }
    let crowd: Vec<_> = (0..50)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.begin().await.map(drop) })
        })
        .collect();
    tokio::task::yield_now().await;
    let probe = tokio::spawn({
        let db = db.clone();
        async move { db.check(7).await }
    });
    tokio::task::yield_now().await;
    drop(held);
    probe.await.unwrap().unwrap();
    for one in crowd {
        one.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_full_database_has_space_again_writes_succeed() {
    let db = fresh_sqlite().await;
    let ann = person(&db, "ann").await;
    let room = group(&db, &[ann]).await;
    let Db::Sqlite { write, .. } = &*db else { unreachable!() };
    // the limit belongs to the connection: it is gone when the connection is, as space comes back when it is freed
    let mut connection = write.pool().acquire().await.unwrap();
    connection.execute("PRAGMA max_page_count = 1").await.unwrap();
    drop(connection);
    let long = "x".repeat(8_000);
    let full = loop {
        match messages::append_all(&db, &[text(room, ann, &long)]).await {
            Ok(_) => continue,
            Err(error) => break error,
        }
    };
    assert_eq!(full.trouble(), Trouble::Full, "{full}");
    assert_eq!(Refusal::from(full).code, Code::StorageFull, "people are told why");
    for _ in 0..20 {
        says(&db, text(room, ann, &long)).await;
    }
    db.check(1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_nodes_migrate_an_empty_database_at_once() {
    let Some(empty) = fresh_mysql().await else { return };
    empty.wipe().await;
    let opened = at_once((0..4).map(|_| {
        let url = empty.url();
        async move { Db::open(&url).await.map(drop).map_err(|error| error.to_string()) }
    }))
    .await;
    assert_eq!(opened, vec![Ok(()); 4]);
    assert_eq!(person(&Db::open(&empty.url()).await.unwrap(), "ann").await.0.get_version_num(), 7);
}

/// Killed between any two statements, by this version or the former one, which noted a migration before it began.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_killed_half_way_is_repeated() {
    let Some(db) = fresh_mysql().await else { return };
    let mut raw = MySqlConnection::connect(&db.url()).await.unwrap();
    for table in ["messages", "file_links", "probes", "file_messages", "logins"] {
        for noted in [true, false] {
            let undo = format!("DROP TABLE {table}");
            raw.execute(sqlx::AssertSqlSafe(undo)).await.unwrap();
            raw.execute(match noted {
                true => "UPDATE _sqlx_migrations SET success = 0",
                false => "DELETE FROM _sqlx_migrations",
            })
            .await
            .unwrap();
            Db::open(&db.url()).await.unwrap();
            let found = format!("SELECT COUNT(*) FROM {table}");
            raw.execute(sqlx::AssertSqlSafe(found)).await.unwrap();
        }
    }
    let repaired = Db::open(&db.url()).await.unwrap();
    let ann = UserId::fresh();
    says(&repaired, text(group(&repaired, &[ann]).await, ann, "hi")).await;
}
