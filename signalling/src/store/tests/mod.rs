//! One contract, two engines. SQLite always runs; MySQL or MariaDB when `BECKON_TEST_MYSQL` names a
//! server (`mysql://user:password@host:port`), and must when `BECKON_TEST_REQUIRE=1`. Every test has a
//! fresh database of its own.

mod audit;
mod contacts;
mod conversations;
mod cursors;
mod files;
mod history;
mod logins;
mod messages;
mod outages;
mod plans;
mod requests;
mod schema;
mod users;

use std::ops::Deref;

use tempfile::TempDir;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::domain::conversation::Role;
use crate::domain::ids::*;
use crate::domain::message::{Body, Message};
use crate::domain::user::{AccountRole, User};
use crate::store;
use crate::store::messages::{Author, NewMessage, Sent};
use crate::store::sql::{Db, Result, retry};

/// Makes every story, an `async fn story(db: &Db)`, a test on each engine.
macro_rules! both {
    ($($story:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                let db = $crate::store::tests::fresh_sqlite().await;
                super::$story(&db).await;
            })*
        }
        mod mysql {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                if let Some(db) = $crate::store::tests::fresh_mysql().await {
                    super::$story(&db).await;
                }
            })*
        }
    };
}
pub(crate) use both;

/// A database that goes away with the test.
pub(crate) struct Fresh {
    db: Db,
    _leftovers: Leftovers,
}

enum Leftovers {
    #[expect(dead_code, reason = "held to be dropped")]
    Folder(TempDir),
    Database(MySqlDatabase),
}

impl Deref for Fresh {
    type Target = Db;
    fn deref(&self) -> &Db {
        &self.db
    }
}

impl Fresh {
    /// Where it is; MySQL only.
    fn url(&self) -> String {
        let Leftovers::Database(MySqlDatabase { server, name }) = &self._leftovers else {
            unreachable!("a database on a server")
        };
        format!("{server}/{name}")
    }

    /// Leaves nothing in it, not even tables.
    async fn wipe(&self) {
        let Leftovers::Database(database) = &self._leftovers else { return };
        database.run("DROP DATABASE", "").await.unwrap();
        database.run("CREATE DATABASE", "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin").await.unwrap();
    }
}

pub(crate) async fn fresh_sqlite() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("store.db").display());
    Fresh { db: Db::open(&url).await.unwrap(), _leftovers: Leftovers::Folder(folder) }
}

/// `None`, and a word about it, when no server is named.
pub(crate) async fn fresh_mysql() -> Option<Fresh> {
    let Ok(server) = std::env::var("BECKON_TEST_MYSQL") else {
        let required = std::env::var("BECKON_TEST_REQUIRE").is_ok_and(|value| value == "1");
        assert!(!required, "BECKON_TEST_MYSQL must name a server");
        eprintln!("skipped on MySQL: BECKON_TEST_MYSQL names no server");
        return None;
    };
    let database = MySqlDatabase { server, name: format!("beckon_{}", Uuid::now_v7().simple()) };
    database.run("CREATE DATABASE", "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin").await.unwrap();
    let url = format!("{}/{}", database.server, database.name);
    Some(Fresh { db: Db::open(&url).await.unwrap(), _leftovers: Leftovers::Database(database) })
}

struct MySqlDatabase {
    server: String,
    name: String,
}

impl MySqlDatabase {
    async fn run(&self, verb: &str, options: &str) -> sqlx::Result<()> {
        use sqlx::{Connection, Executor};
        let mut connection = sqlx::MySqlConnection::connect(&self.server).await?;
        let statement = format!("{verb} {} {options}", self.name);
        connection.execute("SET lock_wait_timeout = 5").await?;
        connection.execute(sqlx::AssertSqlSafe(statement)).await?;
        connection.close().await
    }
}

impl Drop for MySqlDatabase {
    /// On a thread of its own, so that it also happens when the story panics.
    fn drop(&mut self) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                if let Err(error) = runtime.unwrap().block_on(self.run("DROP DATABASE", "")) {
                    eprintln!("{} is left behind: {error}", self.name);
                }
            });
        });
    }
}

/// A user who is not stored yet.
pub(crate) fn user(name: &str) -> User {
    User {
        id: UserId::fresh(),
        app: AppId::DEFAULT,
        name: name.into(),
        nickname: name.into(),
        avatar: None,
        direct_add: false,
        disabled: false,
        role: AccountRole::User,
        created_at: 1,
    }
}

pub(crate) async fn person(db: &Db, name: &str) -> UserId {
    let user = user(name);
    store::users::create(db, &user, "hash").await.unwrap();
    user.id
}

/// A group of people who need not exist as users.
pub(crate) async fn group(db: &Db, members: &[UserId]) -> ConversationId {
    let id = ConversationId::fresh();
    let members: Vec<_> = members.iter().map(|user| (*user, Role::Member)).collect();
    let mut tx = db.begin().await.unwrap();
    store::conversations::create_group(&mut tx, id, AppId::DEFAULT, "A group", 1).await.unwrap();
    store::conversations::add_members(&mut tx, id, &members, 1).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// Opens the conversation of two people as a use case does.
pub(crate) async fn direct(db: &Db, a: UserId, b: UserId) -> Result<ConversationId> {
    let id = ConversationId::fresh();
    let members = [(a, Role::Member), (b, Role::Member)];
    retry(|| async {
        let mut tx = db.begin().await?;
        store::conversations::create_direct(&mut tx, id, AppId::DEFAULT, a, b, 1).await?;
        store::conversations::add_members(&mut tx, id, &members, 1).await?;
        tx.commit().await?;
        Ok(id)
    })
    .await
}

pub(crate) fn text(conversation: ConversationId, sender: UserId, text: &str) -> NewMessage {
    NewMessage {
        id: MessageId::fresh(),
        conversation,
        sender,
        client_msg_id: ClientMsgId::fresh(),
        body: Body::Text { text: text.into() },
        at: 7,
        author: Author::Member,
    }
}

/// Stores one message and returns it as it was stored.
pub(crate) async fn says(db: &Db, message: NewMessage) -> Message {
    let sent = store::messages::append_all(db, &[message]).await.unwrap();
    let [Sent::New { message, .. }] = &sent[..] else { panic!("{sent:?}") };
    message.clone()
}

/// Runs one task an item at the same time and returns what they returned, in no order.
pub(crate) async fn at_once<T, F>(tasks: impl IntoIterator<Item = F>) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    tasks.into_iter().collect::<JoinSet<T>>().join_all().await
}
