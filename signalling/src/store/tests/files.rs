//! Files: uploads grow and become files, and only those who hold them read them.

use super::{at_once, both, group, person, says, text};
use crate::config;
use crate::domain::file::{FileHolder, FileInfo, StoredFile, Upload};
use crate::domain::ids::{AvatarId, ConversationId, FileId, UserId};
use crate::domain::message::Body;
use crate::store::files::{self, Created};
use crate::store::messages::{self, NewMessage, Sent};
use crate::store::sql::{Db, per_engine, sql};
use crate::store::{members, users};

both! {
    an_upload_is_kept_for_its_owner,
    a_person_has_so_many_unfinished_uploads,
    at_the_edge_of_the_quota_one_upload_wins,
    a_part_counts_once,
    an_upload_becomes_a_file_once,
    members_read_the_files_of_their_messages,
    only_the_uploader_sends_a_file,
    expired_uploads_come_oldest_first,
    a_file_that_was_sent_is_not_removed,
    a_recalled_message_takes_its_file_along,
    a_file_deleted_while_it_is_sent_is_either_sent_or_refused,
    a_picture_is_held_by_whoever_wears_it,
    what_anybody_holds_is_not_removed,
    nodes_of_the_former_release_hold_and_release_as_they_did,
}

fn upload(user: UserId) -> Upload {
    Upload {
        id: FileId::fresh(),
        user,
        name: "会议.pdf".into(),
        length: 10,
        received: 0,
        parts: 0,
        finished: false,
        expires_at: 100,
    }
}

fn finished(upload: &Upload) -> StoredFile {
    StoredFile {
        info: FileInfo {
            id: upload.id,
            name: upload.name.clone(),
            size: 9,
            mime: "image/png".into(),
            width: Some(3),
            height: None,
        },
        user: upload.user,
        sha256: vec![7; 32],
        created_at: 5,
    }
}

async fn create(db: &Db, upload: &Upload, unfinished_max: i64) -> Created {
    let limits = config::Files { unfinished_max, ..config::Files::default() };
    files::create_upload(db, upload, &limits).await.unwrap()
}

/// A file that `user` has uploaded; its upload expires at 200.
pub(super) async fn file(db: &Db, user: UserId) -> StoredFile {
    let upload = upload(user);
    assert_eq!(create(db, &upload, 8).await, Created::Yes);
    let file = finished(&upload);
    files::finish_upload(db, &file, 200).await.unwrap();
    file
}

fn with_file(room: ConversationId, sender: UserId, file: &StoredFile) -> NewMessage {
    let FileInfo { id, name, size, mime, .. } = file.info.clone();
    let body = Body::File { file_id: id, caption: None, name, size, mime };
    NewMessage { body, ..text(room, sender, "") }
}

/// Whether somebody may read a file as its uploader or as a member of a conversation that holds it.
async fn reads(db: &Db, user: UserId, id: FileId) -> bool {
    let Some(file) = files::by_id(db, id).await.unwrap() else { return false };
    let holders = files::holders(db, id.0).await.unwrap();
    let conversations = holders.into_iter().filter_map(|holder| match holder {
        FileHolder::Conversation(id) => Some(id),
        FileHolder::User(_) => None,
    });
    file.user == user || members::is_in_any(db, user, conversations).await.unwrap()
}

async fn an_upload_is_kept_for_its_owner(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let upload = upload(ann);
    assert_eq!(create(db, &upload, 8).await, Created::Yes);
    assert_eq!(files::upload(db, bob, upload.id).await.unwrap(), None);
    assert_eq!(files::upload(db, ann, upload.id).await.unwrap(), Some(upload.clone()));
    files::remove_upload(db, upload.id).await.unwrap();
    assert_eq!(files::upload(db, ann, upload.id).await.unwrap(), None);
}

async fn a_person_has_so_many_unfinished_uploads(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    file(db, ann).await; // finished ones do not count
    let tries = (0..10).map(|_| {
        let db = db.clone();
        async move { create(&db, &upload(ann), 3).await }
    });
    let begun = at_once(tries).await.into_iter().filter(|begun| *begun == Created::Yes).count();
    assert_eq!(begun, 3, "also when they begin at the same time");
    assert_eq!(create(db, &upload(bob), 3).await, Created::Yes);
}

async fn at_the_edge_of_the_quota_one_upload_wins(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    file(db, ann).await;
    let limits = config::Files { quota_bytes: 25, ..config::Files::default() };
    let tries = (0..6).map(|_| {
        let (db, limits) = (db.clone(), limits.clone());
        async move { files::create_upload(&db, &upload(ann), &limits).await.unwrap() }
    });
    let outcomes = at_once(tries).await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Created::Yes).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Created::OverQuota).count(), 5);
    assert_eq!(files::used_bytes(db, ann).await.unwrap(), 19, "9 of the file, 10 of the upload");
    assert_eq!(files::used_bytes(db, bob).await.unwrap(), 0);
}

async fn a_part_counts_once(db: &Db) {
    let upload = upload(person(db, "ann").await);
    create(db, &upload, 8).await;
    let same = (0..8).map(|_| {
        let (db, id) = (db.clone(), upload.id);
        async move { files::advance_upload(&db, id, 0, 4).await.unwrap() }
    });
    assert_eq!(at_once(same).await.into_iter().filter(|counted| *counted).count(), 1);
    assert!(files::advance_upload(db, upload.id, 4, 10).await.unwrap());
    let now = files::upload(db, upload.user, upload.id).await.unwrap().unwrap();
    assert_eq!((now.received, now.parts), (10, 2));
}

async fn an_upload_becomes_a_file_once(db: &Db) {
    let upload = upload(person(db, "ann").await);
    create(db, &upload, 8).await;
    let file = finished(&upload);
    for expires_at in [200, 300] {
        files::finish_upload(db, &file, expires_at).await.unwrap();
    }
    assert_eq!(files::by_id(db, upload.id).await.unwrap(), Some(file));
    let now = files::upload(db, upload.user, upload.id).await.unwrap().unwrap();
    assert_eq!((now.finished, now.expires_at), (true, 200), "the second time changes nothing");
}

async fn members_read_the_files_of_their_messages(db: &Db) {
    let (ann, bob, eve) = (person(db, "ann").await, UserId::fresh(), UserId::fresh());
    let (first, second) = (group(db, &[ann, bob]).await, group(db, &[ann, eve]).await);
    let file = file(db, ann).await;
    let may = async |user| reads(db, user, file.info.id).await;
    assert!(may(ann).await && !may(bob).await);
    for _ in 0..2 {
        says(db, with_file(first, ann, &file)).await;
    }
    assert!(may(bob).await && !may(eve).await);
    says(db, with_file(second, ann, &file)).await;
    assert!(may(eve).await && may(bob).await && may(ann).await);
}

async fn only_the_uploader_sends_a_file(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, UserId::fresh());
    let file = file(db, ann).await;
    let id = file.info.id;
    let may = async |user, now| files::sendable(db, user, id, now).await.unwrap().is_some();
    assert!(may(ann, 199).await && !may(bob, 199).await);
    assert!(!may(ann, 200).await, "about to be removed");
    says(db, with_file(group(db, &[ann, bob]).await, ann, &file)).await;
    assert!(may(ann, 500).await && !may(bob, 500).await);
}

async fn expired_uploads_come_oldest_first(db: &Db) {
    let ann = person(db, "ann").await;
    let mut ids = vec![];
    for expires_at in [30, 10, 20, 40] {
        let upload = Upload { expires_at, ..upload(ann) };
        create(db, &upload, 8).await;
        ids.push(upload.id);
    }
    let expired = async |before, limit| files::expired_uploads(db, before, limit).await.unwrap();
    assert_eq!(expired(40, 9).await, [ids[1], ids[2], ids[0]]);
    assert_eq!(expired(40, 2).await, [ids[1], ids[2]]);
    assert!(expired(10, 9).await.is_empty());
}

async fn a_file_that_was_sent_is_not_removed(db: &Db) {
    let ann = person(db, "ann").await;
    let (sent, unsent) = (file(db, ann).await, file(db, ann).await);
    says(db, with_file(group(db, &[ann]).await, ann, &sent)).await;
    assert!(!files::remove_unsent(db, sent.info.id).await.unwrap());
    for _ in 0..2 {
        assert!(files::remove_unsent(db, unsent.info.id).await.unwrap());
    }
    assert!(reads(db, ann, sent.info.id).await);
    assert!(!reads(db, ann, unsent.info.id).await);
}

async fn a_recalled_message_takes_its_file_along(db: &Db) {
    let [ann, bob] = [person(db, "ann").await, person(db, "bob").await];
    let (room, other) = (group(db, &[ann, bob]).await, group(db, &[ann]).await);
    let file = file(db, ann).await;
    let id = file.info.id;
    let twice =
        [says(db, with_file(room, ann, &file)).await, says(db, with_file(room, ann, &file)).await];
    says(db, with_file(other, ann, &file)).await;
    files::remove_upload(db, id).await.unwrap(); // as after a day
    for (left, message) in [(true, &twice[0]), (false, &twice[1])] {
        let mut tx = db.begin().await.unwrap();
        messages::recall(&mut tx, message.clone(), message.sender_id, 9).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(reads(db, bob, id).await, left);
    }
    assert!(!files::remove_unsent(db, id).await.unwrap(), "the other conversation holds it");
    let last = messages::by_seq(db, other, 1).await.unwrap().unwrap();
    let mut tx = db.begin().await.unwrap();
    messages::recall(&mut tx, last.clone(), last.sender_id, 9).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(files::expired_uploads(db, 10, 5).await.unwrap(), [id], "the sweeper finds it");
}

async fn a_file_deleted_while_it_is_sent_is_either_sent_or_refused(db: &Db) {
    let ann = person(db, "ann").await;
    let room = group(db, &[ann]).await;
    for _ in 0..20 {
        let file = file(db, ann).await;
        let id = file.info.id;
        let sending = async {
            let sent = messages::append_all(db, &[with_file(room, ann, &file)]).await.unwrap();
            matches!(sent[..], [Sent::New { .. }])
        };
        let (was_sent, removed) = tokio::join!(sending, files::remove_unsent(db, id));
        assert_ne!(was_sent, removed.unwrap(), "sent without its file, or lost without a word");
        assert_eq!(reads(db, ann, id).await, was_sent);
    }
}

async fn wears(db: &Db, user: UserId, picture: Option<AvatarId>) -> Option<AvatarId> {
    let mut tx = db.begin().await.unwrap();
    let replaced = users::replace_avatar(&mut tx, user, picture, 9).await.unwrap();
    tx.commit().await.unwrap();
    replaced
}

async fn a_picture_is_held_by_whoever_wears_it(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let [first, second] = [AvatarId::fresh(), AvatarId::fresh()];
    let holders = async |id: AvatarId| files::holders(db, id.0).await.unwrap();
    assert_eq!(wears(db, ann, Some(first)).await, None);
    assert_eq!(holders(first).await, [FileHolder::User(ann)]);
    assert_eq!(wears(db, ann, Some(first)).await, Some(first), "tried again");
    assert_eq!(wears(db, ann, Some(second)).await, Some(first));
    assert_eq!(
        (holders(first).await, holders(second).await),
        (vec![], vec![FileHolder::User(ann)])
    );
    wears(db, bob, Some(second)).await;
    wears(db, ann, None).await;
    assert_eq!(holders(second).await, [FileHolder::User(bob)]);
    assert_eq!(files::held_of(db, [first.0, second.0]).await.unwrap(), [second.0]);
}

async fn what_anybody_holds_is_not_removed(db: &Db) {
    let ann = person(db, "ann").await;
    for holder in [FileHolder::User(ann), FileHolder::Conversation(ConversationId::fresh())] {
        let id = file(db, ann).await.info.id;
        let mut tx = db.begin().await.unwrap();
        files::hold(&mut tx, [(id.0, holder), (id.0, holder)]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(files::holders(db, id.0).await.unwrap(), [holder]);
        assert!(!files::remove_unsent(db, id).await.unwrap());
        let mut tx = db.begin().await.unwrap();
        files::release(&mut tx, id.0, holder, 9).await.unwrap();
        tx.commit().await.unwrap();
        assert!(files::remove_unsent(db, id).await.unwrap());
    }
}

/// Its statements, as it has them: it knows one kind of holder, and pictures by their people alone.
async fn nodes_of_the_former_release_hold_and_release_as_they_did(db: &Db) {
    let [ann, bob] = [person(db, "ann").await, person(db, "bob").await];
    let (room, file) = (group(db, &[ann, bob]).await, file(db, ann).await);
    let id = file.info.id;
    let links = || {
        per_engine(
            "INSERT INTO file_links (file_id, conversation_id) VALUES ..
             ON DUPLICATE KEY UPDATE file_id = VALUES(file_id)",
            "INSERT INTO file_links (file_id, conversation_id) VALUES ..
             ON CONFLICT (file_id, conversation_id) DO UPDATE SET file_id = excluded.file_id",
        )
        .upserts([[id.into(), room.into()]])
    };
    for _ in 0..2 {
        let mut tx = db.begin().await.unwrap();
        links().run(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert!(reads(db, bob, id).await && !files::remove_unsent(db, id).await.unwrap());
    sql("DELETE FROM file_links WHERE file_id = ? AND conversation_id = ? AND NOT EXISTS (
             SELECT 1 FROM file_messages WHERE file_id = ? AND conversation_id = ?)")
    .bind(id)
    .bind(room)
    .bind(id)
    .bind(room)
    .run(db)
    .await
    .unwrap();
    assert!(!reads(db, bob, id).await);

    says(db, with_file(room, ann, &file)).await;
    let read = sql("SELECT id, user_id, name, size, mime, width, height, sha256, created_at FROM files f
         WHERE id = ? AND (user_id = ? OR EXISTS (
             SELECT 1 FROM file_links l CROSS JOIN members m ON m.conversation_id = l.conversation_id
             WHERE l.file_id = f.id AND m.user_id = ?))");
    let found = read.bind(id).bind(bob).bind(bob).optional::<StoredFile>(db).await.unwrap();
    assert_eq!(found, Some(file), "what this release links it reads");

    let picture = AvatarId::fresh();
    let wears = sql("UPDATE users SET avatar_id = ? WHERE id = ?");
    wears.bind(picture).bind(bob).run(db).await.unwrap();
    assert_eq!(files::holders(db, picture.0).await.unwrap(), [FileHolder::User(bob)]);
    assert_eq!(files::held_of(db, [picture.0]).await.unwrap(), [picture.0]);
}
