//! Hot queries use their key. The engine explains exactly what a function sent, on a filled database, and
//! the test names the key each step must use: "no full scan" would not do, as walking one whole
//! conversation is also called a search. SQLite is not ANALYZEd, as users' files are not.

use std::collections::BTreeSet;

use super::{both, direct, group, person, text};
use crate::domain::contact::{RequestStatus, Side, Way};
use crate::domain::cursor::Cursor;
use crate::domain::ids::{AppId, ConversationId, DeviceId, LoginId, RequestId, UserId};
use crate::domain::login::{Device, DeviceKind};
use crate::store::logins::{self, NewLogin, Proof, Tokens};
use crate::store::messages::NewMessage;
use crate::store::requests::{self, Request};
use crate::store::sql::{Db, Query, Record, Result, Row, Tx, recorder::queries_of};
use crate::store::{contacts, conversations, files, members, messages, users};

both! {
    people_are_found_by_their_keys,
    conversations_are_found_by_their_keys,
    messages_are_found_by_their_keys,
    appending_uses_keys_only,
    files_are_found_by_their_keys,
}

/// The key one step of a plan must use: its name in MySQL, what SQLite searches by.
type Key = (&'static str, &'static str);

struct World {
    people: Vec<UserId>,
    rooms: Vec<ConversationId>,
    login: LoginId,
}

impl World {
    async fn fill(db: &Db) -> World {
        let mut people = vec![];
        for n in 0..40 {
            people.push(person(db, &format!("user{n}")).await);
        }
        let mut rooms = vec![];
        for n in 0..40 {
            let members: Vec<_> = (0..10).map(|m| people[(n * 7 + m) % people.len()]).collect();
            let room = group(db, &members).await;
            let batch: Vec<_> = (0..60).map(|m| text(room, members[m % 10], "x")).collect();
            messages::append_all(db, &batch).await.unwrap();
            rooms.push(room);
        }
        let mut tx = db.begin().await.unwrap();
        for (n, person) in people.iter().enumerate() {
            for peer in people.iter().skip(n + 1).take(5) {
                let side = Side { contact: true, blocked: false };
                contacts::set_side(&mut tx, *person, *peer, side).await.unwrap();
                contacts::set_side(&mut tx, *peer, *person, side).await.unwrap();
                requests::put(&mut tx, &request(*person, *peer)).await.unwrap();
            }
        }
        for room in &rooms {
            recall_some(&mut tx, *room).await;
        }
        tx.commit().await.unwrap();
        let mut login = LoginId::fresh();
        for n in 0..people.len() {
            login = sign_in(db, people[n]).await;
            direct(db, people[n], people[(n + 1) % people.len()]).await.unwrap();
        }
        if let Db::MySql(pool) = db {
            let analyze = "ANALYZE TABLE users, logins, contacts, contact_requests, conversations,
                                         members, cursors, messages, changes";
            sqlx::raw_sql(analyze).execute(pool.pool()).await.unwrap();
        }
        World { people, rooms, login }
    }
}

async fn recall_some(tx: &mut Tx, room: ConversationId) {
    conversations::lock(tx, room).await.unwrap();
    for message in messages::page_after(&mut *tx, room, 0, 20).await.unwrap() {
        let by = message.sender_id;
        messages::recall(tx, message, by, 9).await.unwrap();
    }
}

fn request(from: UserId, to: UserId) -> Request {
    Request {
        id: RequestId::fresh(),
        from,
        to,
        message: "hi".into(),
        way: Way::Id,
        status: RequestStatus::Accepted,
        seen: true,
        created_at: 1,
        updated_at: 1,
    }
}

async fn sign_in(db: &Db, user: UserId) -> LoginId {
    let (id, device_id) = (LoginId::fresh(), DeviceId::fresh());
    let new = NewLogin {
        id,
        user,
        device: Device { id: Some(device_id), kind: DeviceKind::Web, name: "a browser".into() },
        device_id,
        address: "::1".into(),
        tokens: Tokens {
            access_hash: [1; 32],
            access_expires_at: 1,
            refresh_hash: [2; 32],
            refresh_expires_at: 1,
        },
        marks: vec![[3; 32]],
        at: 1,
    };
    let proof = Proof { stored_hash: "hash".into(), renewed_hash: None };
    logins::create(db, &new, &proof).await.unwrap();
    id
}

async fn people_are_found_by_their_keys(db: &Db) {
    let world = World::fill(db).await;
    let ann = world.people[7];
    check(
        db,
        users::by_name(db, AppId::DEFAULT, "user7"),
        &[&[("name_key", "(app_id=? AND name_key=?)")]],
    )
    .await;
    check(db, logins::holder(db, world.login), &[&[("PRIMARY", "(id=?)"), ("PRIMARY", "(id=?)")]])
        .await;
    check(db, logins::list(db, ann), &[&[("device_id", "(user_id=?)")]]).await;
    check(db, contacts::since(db, ann, 8, 20), &[&[("contacts_ver", "(user_id=? AND ver>?)")]])
        .await;
    check(
        db,
        contacts::open_bonds(db, ann),
        &[&[("PRIMARY", "(user_id=?)"), ("PRIMARY", "(user_id=? AND peer_id=?)")]],
    )
    .await;
    check(
        db,
        requests::incoming(db, ann, Cursor::START, 20),
        &[&[("contact_requests_to", "(to_id=?)")]],
    )
    .await;
    check(
        db,
        requests::between(db, ann, world.people[8]),
        &[&[("to_id", "(from_id=? AND to_id=?)")]],
    )
    .await;
}

async fn conversations_are_found_by_their_keys(db: &Db) {
    let world = World::fill(db).await;
    let (ann, room) = (world.people[7], world.rooms[1]);
    const PLACE: &[Key] = &[
        ("PRIMARY", "(conversation_id=? AND user_id=?)"),
        ("PRIMARY", "(id=?)"),
        ("PRIMARY", "(conversation_id=? AND user_id=?)"),
    ];
    check(db, conversations::ids_of(db, ann), &[&[("members_user", "(user_id=?)")]]).await;
    check(db, conversations::member_ids(db, room), &[&[("PRIMARY", "(conversation_id=?)")]]).await;
    check(db, conversations::place(db, room, ann), &[PLACE]).await;
    check(
        db,
        conversations::direct_of(db, ann, world.people[8]),
        &[&[("pair_key", "(pair_key=?)")]],
    )
    .await;
    check(
        db,
        conversations::places_of(db, ann, Cursor::START, 20),
        &[&[("members_user", "(user_id=?)"), PLACE[1], PLACE[2]]],
    )
    .await;
}

async fn messages_are_found_by_their_keys(db: &Db) {
    let world = World::fill(db).await;
    let room = world.rooms[1];
    const BEFORE: &[Key] = &[("PRIMARY", "(conversation_id=? AND seq<?)")];
    const AFTER: &[Key] = &[("PRIMARY", "(conversation_id=? AND seq>?)")];
    check(db, messages::page_before(db, room, 50, 20), &[BEFORE]).await;
    check(db, messages::page_after(db, room, 10, 20), &[AFTER]).await;
    check(
        db,
        messages::newest(db, world.rooms.iter().copied().take(4)),
        &[&[("PRIMARY", "(id=?)"), ("PRIMARY", "(conversation_id=? AND seq=?)")]],
    )
    .await;
    check(
        db,
        messages::changes(db, room, 70, 20),
        &[
            &[("PRIMARY", "(conversation_id=? AND ver<?)")],
            &[("PRIMARY", "(conversation_id=? AND ver>?)")],
            AFTER,
            &[("PRIMARY", "(conversation_id=? AND seq=?)")],
        ],
    )
    .await;
}

async fn appending_uses_keys_only(db: &Db) {
    let world = World::fill(db).await;
    let senders = world.people.iter().cycle();
    let batch: Vec<NewMessage> = (world.rooms[..3].iter().cycle().zip(senders).take(20))
        .map(|(room, sender)| text(*room, *sender, "x"))
        .collect();
    let plan = queries_of(messages::append_all(db, &batch)).await;
    let mut checked = BTreeSet::new();
    for query in plan.into_iter().filter(|query| !query.text().starts_with("INSERT")) {
        let (act, keys): (_, &[Key]) = match query.text() {
            text if text.contains("FROM members") => ("writers", &[MEMBERS]),
            text if text.contains("FROM conversations") => ("heads", &[HEADS]),
            text if text.contains("client_msg_id IN") => ("known", &[SENT]),
            text if text.starts_with("UPDATE") => {
                ("move", &[HEADS, NEWEST, NEWEST, NEWEST, NEWEST])
            }
            text => panic!("an unexpected statement: {text}"),
        };
        fits(db, query, keys).await;
        checked.insert(act);
    }
    assert_eq!(checked, BTreeSet::from(["heads", "known", "move", "writers"]));
}
const HEADS: Key = ("PRIMARY", "(id=?)");
const MEMBERS: Key = ("PRIMARY or members_user", "(conversation_id=? AND user_id=?)");
const NEWEST: Key = ("PRIMARY", "(conversation_id=?)");
const SENT: Key = ("client_msg_id", "(client_msg_id=?)");

/// The queries of a function in their order, and for each the keys of its steps.
async fn files_are_found_by_their_keys(db: &Db) {
    let world = World::fill(db).await;
    for (n, user) in world.people.iter().cycle().take(200).enumerate() {
        let file = super::files::file(db, *user).await;
        let links = world.rooms.iter().cycle().skip(n).take(2);
        let mut tx = db.begin().await.unwrap();
        files::link(&mut tx, links.map(|room| (file.info.id, *room, n as i64))).await.unwrap();
        tx.commit().await.unwrap();
    }
    if let Db::MySql(pool) = db {
        sqlx::raw_sql("ANALYZE TABLE uploads, files, file_links")
            .execute(pool.pool())
            .await
            .unwrap();
    }
    let (user, id) = (world.people[3], super::files::file(db, world.people[3]).await.info.id);
    check(
        db,
        files::holders(db, id.0),
        &[&[("PRIMARY", "(file_id=?)"), ("users_avatar", "(avatar_id=?)")]],
    )
    .await;
    check(
        db,
        files::held_of(db, [id.0]),
        &[&[("PRIMARY", "(file_id=?)"), ("users_avatar", "(avatar_id=?)")]],
    )
    .await;
    check(
        db,
        members::is_in_any(db, user, world.rooms.iter().copied().take(2)),
        &[&[("PRIMARY or members_user", "(conversation_id=? AND user_id=?)")]],
    )
    .await;
    check(db, files::by_id(db, id), &[&[("PRIMARY", "(id=?)")]]).await;
    check(
        db,
        files::sendable(db, user, id, 5),
        &[&[("PRIMARY", "(id=?)"), ("PRIMARY", "(id=?)"), ("PRIMARY", "(file_id=?)")]],
    )
    .await;
    check(db, files::upload(db, user, id), &[&[("PRIMARY", "(id=?)")]]).await;
    check(db, files::expired_uploads(db, 5, 10), &[&[("uploads_expiry", "(expires_at<?)")]]).await;
}

async fn check<T>(db: &Db, work: impl Future<Output = Result<T>>, expected: &[&[Key]]) {
    let queries = queries_of(work).await;
    assert_eq!(queries.len(), expected.len());
    for (query, expected) in queries.into_iter().zip(expected) {
        fits(db, query, expected).await;
    }
}

/// Every step has its key; the engines may join the tables in different orders.
async fn fits(db: &Db, query: Query<'_>, expected: &[Key]) {
    let text = query.text().to_owned();
    let plan = query.explain().all::<Step>(db).await.unwrap();
    let mut left = expected.to_vec();
    let mut strange = plan.iter().map(|step| &step.0).filter(|key| !is_no_search(key));
    let strange = strange.find(|step| match left.iter().position(|key| uses(db, step, *key)) {
        Some(found) => {
            left.remove(found);
            false
        }
        None => true,
    });
    assert!(strange.is_none() && left.is_empty(), "{text}\n  {strange:?} instead of {left:?}");
}

fn is_no_search(step: &str) -> bool {
    let mut words =
        ["USE TEMP", "SCALAR SUBQUERY", "CORRELATED", "COMPOUND", "LEFT-MOST", "UNION ALL"].iter();
    words.any(|start| step.starts_with(start))
}

fn uses(db: &Db, step: &str, (mysql, sqlite): Key) -> bool {
    match db {
        Db::MySql(_) => mysql.split(" or ").any(|key| step == key),
        Db::Sqlite { .. } => step
            .split_once(sqlite)
            .is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with(' ')),
    }
}

/// The key that one step of a plan uses, or what it does instead.
struct Step(String);

impl Record for Step {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Step(match row {
            Row::Sqlite(_) => row.get("detail")?,
            Row::MySql(_) => {
                let whole_index = row.get::<Option<String>, _>("type")?.as_deref() == Some("index");
                let key: Option<String> = row.get("key")?;
                let extra: Option<String> = row.get("Extra")?;
                match key {
                    Some(key) if !whole_index => key,
                    key => format!("{key:?} {extra:?}"),
                }
            }
        }))
    }
}
