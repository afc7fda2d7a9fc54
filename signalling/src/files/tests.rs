//! Uploads from the first byte to the last, on SQLite and a store in memory.

use std::array::IntoIter;
use std::convert::Infallible;
use std::io::Cursor;

use bytes::Bytes;
use futures_util::stream::{self, Iter, Stream, TryStreamExt};
use image::{DynamicImage, ImageFormat, RgbImage};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::now_ms;
use crate::domain::file::{StoredFile, UPLOAD_PARTS_MAX, Upload};
use crate::domain::ids::{FileId, UserId};
use crate::domain::refusal::Result;
use crate::store;
use crate::store::tests::{Fresh, fresh_sqlite, group, person};

/// Two people and their files.
struct Stage {
    files: Files,
    ann: UserId,
    bob: UserId,
    _db: Fresh,
}

impl Stage {
    async fn new() -> Stage {
        let db = fresh_sqlite().await;
        let (ann, bob) = (person(&db, "ann").await, person(&db, "bob").await);
        let files = Files::new(db.clone(), Storage::in_memory(), config::Files::default());
        Stage { files, ann, bob, _db: db }
    }

    /// Ann uploads a whole file in one go.
    async fn uploaded(&self, name: &str, bytes: impl Into<Bytes>) -> FileId {
        let bytes = bytes.into();
        let upload = self.files.begin_upload(self.ann, bytes.len() as u64, name).await.unwrap();
        if !bytes.is_empty() {
            self.append(upload.id, 0, bytes).await.unwrap();
        }
        upload.id
    }

    async fn begun(&self, length: u64) -> FileId {
        self.files.begin_upload(self.ann, length, "a.bin").await.unwrap().id
    }

    async fn append(&self, id: FileId, offset: i64, bytes: impl Into<Bytes>) -> Result<Upload> {
        self.files.append(self.ann, id, offset, None, whole(bytes)).await
    }

    /// [`Files::append`] at the start, in a task of its own.
    fn append_behind(
        &self,
        id: FileId,
        body: impl Stream<Item = Chunk> + Send + Unpin + 'static,
    ) -> JoinHandle<Result<Upload>> {
        let (files, ann) = (self.files.clone(), self.ann);
        tokio::spawn(async move { files.append(ann, id, 0, None, body).await })
    }

    async fn read(&self, file: &StoredFile) -> Bytes {
        let all = 0..file.info.size as u64;
        let stream = self.files.read(file, all).await.unwrap();
        stream.try_collect::<bytes::BytesMut>().await.unwrap().freeze()
    }

    /// Ann's file lies in a conversation with these members.
    async fn sent(&self, id: FileId, members: &[UserId]) {
        let conversation = group(&self.files.db, members).await;
        let mut tx = self.files.db.begin().await.unwrap();
        store::files::link(&mut tx, [(id, conversation)]).await.unwrap();
        tx.commit().await.unwrap();
    }
}

fn whole(bytes: impl Into<Bytes>) -> Iter<IntoIter<Result<Bytes, Infallible>, 1>> {
    stream::iter([Ok(bytes.into())])
}

type Chunk = Result<Bytes, &'static str>;

/// A body that the test feeds by hand. Feeding waits until the bytes before were taken.
fn fed() -> (mpsc::Sender<Chunk>, impl Stream<Item = Chunk> + Send + Unpin) {
    let (feed, mut fed) = mpsc::channel(1);
    (feed, stream::poll_fn(move |cx| fed.poll_recv(cx)))
}

fn refused<T>(outcome: Result<T>) -> Code {
    outcome.err().expect("refused").code
}

fn picture(format: ImageFormat) -> Bytes {
    let mut out = Cursor::new(Vec::new());
    DynamicImage::from(RgbImage::new(1000, 500)).write_to(&mut out, format).unwrap();
    out.into_inner().into()
}

#[tokio::test]
async fn a_file_arrives_in_pieces_and_stays_as_it_was() {
    let stage = Stage::new().await;
    let content: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    let id = stage.begun(content.len() as u64).await;
    for (offset, piece) in [(0, &content[..7]), (7, &content[7..250_000])] {
        let upload = stage.append(id, offset, piece.to_vec()).await.unwrap();
        assert!(!upload.finished);
    }
    assert_eq!(stage.files.upload(stage.ann, id).await.unwrap().received, 250_000);
    let upload = stage.append(id, 250_000, content[250_000..].to_vec()).await.unwrap();
    assert!(upload.finished);

    let file = stage.files.file(stage.ann, id).await.unwrap();
    assert_eq!(stage.read(&file).await, content);
    assert_eq!(file.sha256, Sha256::digest(&content).as_slice());
    let middle = stage.files.read(&file, 1000..1010).await.unwrap();
    assert_eq!(middle.try_collect::<bytes::BytesMut>().await.unwrap(), content[1000..1010]);
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let stage = Stage::new().await;
    let id = stage.uploaded("nothing.txt", Bytes::new()).await;
    let file = stage.files.attachable(stage.ann, id).await.unwrap();
    assert_eq!((file.size, file.mime.as_str()), (0, "application/octet-stream"));
    let file = stage.files.file(stage.ann, id).await.unwrap();
    assert_eq!(stage.read(&file).await, "");
}

#[tokio::test]
async fn more_than_a_part_holds_is_split() {
    let stage = Stage::new().await;
    let id = stage.begun(9 << 20).await;
    let pieces: Vec<_> = (0..9).map(|n| Ok::<_, Infallible>(vec![n; 1 << 20].into())).collect();
    let upload = stage.files.append(stage.ann, id, 0, None, stream::iter(pieces)).await.unwrap();
    assert_eq!((upload.parts, upload.finished), (3, true));
    let file = stage.files.file(stage.ann, id).await.unwrap();
    let bytes = stage.read(&file).await;
    assert!((0..9).all(|n| bytes[n << 20] == n as u8));
}

#[tokio::test]
async fn what_arrived_before_the_connection_broke_counts() {
    let stage = Stage::new().await;
    let id = stage.begun(10).await;
    let body = stream::iter([Ok(Bytes::from_static(b"0123")), Err("broken")]);
    let upload = stage.files.append(stage.ann, id, 0, None, body).await.unwrap();
    assert_eq!((upload.received, upload.finished), (4, false));
    stage.append(id, 4, "456789").await.unwrap();
    let file = stage.files.file(stage.ann, id).await.unwrap();
    assert_eq!(stage.read(&file).await, "0123456789");
}

#[tokio::test]
async fn a_door_that_goes_away_loses_nothing() {
    let stage = Stage::new().await;
    let id = stage.begun(10).await;
    let (feed, body) = fed();
    let door = stage.append_behind(id, body);
    feed.send(Ok(Bytes::from_static(b"0123"))).await.unwrap();
    feed.send(Ok(Bytes::new())).await.unwrap();
    door.abort();
    feed.send(Err("broken")).await.unwrap();
    feed.closed().await;
    assert_eq!(stage.files.upload(stage.ann, id).await.unwrap().received, 4);
}

#[tokio::test]
async fn asking_for_the_offset_ends_a_stale_request() {
    let stage = Stage::new().await;
    let id = stage.begun(10).await;
    let (feed, body) = fed();
    let stale = stage.append_behind(id, body);
    feed.send(Ok(Bytes::from_static(b"0123"))).await.unwrap();
    feed.send(Ok(Bytes::new())).await.unwrap();
    assert_eq!(refused(stage.append(id, 0, "x").await), Code::Conflict, "one at a time");
    assert_eq!(stage.files.upload(stage.ann, id).await.unwrap().received, 4);
    assert_eq!(stale.await.unwrap().unwrap().received, 4);
    stage.append(id, 4, "456789").await.unwrap();
    let file = stage.files.file(stage.ann, id).await.unwrap();
    assert_eq!(stage.read(&file).await, "0123456789");
}

#[tokio::test]
async fn a_part_that_was_stored_but_not_counted_is_taken_over() {
    let stage = Stage::new().await;
    let id = stage.begun(10).await;
    // as if a node had died between the two steps
    stage.files.storage.put_part(id, 0, vec!["0123".into()]).await.unwrap();
    assert_eq!(refused(stage.append(id, 0, "xxxxxxxxxx").await), Code::OffsetMismatch);
    assert_eq!(stage.files.upload(stage.ann, id).await.unwrap().received, 4);
    stage.append(id, 4, "456789").await.unwrap();
    let file = stage.files.file(stage.ann, id).await.unwrap();
    assert_eq!(stage.read(&file).await, "0123456789");
}

#[tokio::test]
async fn an_upload_whose_last_step_was_interrupted_is_finished_on_demand() {
    let stage = Stage::new().await;
    for by_message in [false, true] {
        let id = stage.begun(4).await;
        stage.files.storage.put_part(id, 0, vec!["done".into()]).await.unwrap();
        store::files::advance_upload(&stage.files.db, id, 0, 4).await.unwrap();
        if by_message {
            assert_eq!(stage.files.attachable(stage.ann, id).await.unwrap().size, 4);
        } else {
            assert!(stage.files.upload(stage.ann, id).await.unwrap().finished);
        }
        let file = stage.files.file(stage.ann, id).await.unwrap();
        assert_eq!(stage.read(&file).await, "done");
    }
}

#[tokio::test]
async fn bytes_must_fit() {
    let stage = Stage::new().await;
    let id = stage.begun(10).await;
    assert_eq!(refused(stage.append(id, 1, "x").await), Code::OffsetMismatch);
    let announced = stage.files.append(stage.ann, id, 0, Some(11), whole("0123456789x")).await;
    assert_eq!(refused(announced), Code::TooLarge);
    assert_eq!(refused(stage.append(id, 0, "0123456789x").await), Code::TooLarge);
    assert_eq!(stage.files.upload(stage.ann, id).await.unwrap().received, 0);
    stage.append(id, 0, "0123456789").await.unwrap();
    assert_eq!(refused(stage.append(id, 10, "x").await), Code::TooLarge);
}

#[tokio::test]
async fn limits_are_kept() {
    let stage = Stage::new().await;
    let max = stage.files.config().bytes_max;
    for length in [max + 1, u64::MAX] {
        let refusal = stage.files.begin_upload(stage.ann, length, "a").await;
        assert_eq!(refused(refusal), Code::TooLarge);
    }
    let mut ids = vec![];
    for _ in 0..stage.files.config().unfinished_max {
        ids.push(stage.begun(max).await);
    }
    let ninth = stage.files.begin_upload(stage.ann, 1, "a").await;
    assert_eq!(refused(ninth), Code::SlowDown);
    stage.files.begin_upload(stage.bob, 1, "a").await.expect("others are not held up");
    stage.files.abandon_upload(stage.ann, ids[0]).await.unwrap();
    stage.begun(1).await;

    let many = store::sql::sql("UPDATE uploads SET parts = ? WHERE id = ?").bind(UPLOAD_PARTS_MAX);
    many.bind(ids[1]).run(&stage.files.db).await.unwrap();
    assert_eq!(refused(stage.append(ids[1], 0, "x").await), Code::TooLarge);
}

#[tokio::test]
async fn an_upload_is_its_owners_alone() {
    let stage = Stage::new().await;
    let (files, ann, bob) = (&stage.files, stage.ann, stage.bob);
    let id = stage.begun(10).await;
    assert_eq!(refused(files.upload(bob, id).await), Code::NotFound);
    assert_eq!(refused(files.append(bob, id, 0, None, whole("x")).await), Code::NotFound);
    assert_eq!(refused(files.abandon_upload(bob, id).await), Code::NotFound);
    assert_eq!(refused(files.attachable(bob, id).await), Code::NotFound);
    assert_eq!(refused(files.attachable(ann, id).await), Code::NotFound, "unfinished");
    assert_eq!(refused(files.file(ann, id).await), Code::NotFound);
}

#[tokio::test]
async fn members_read_what_was_sent_to_them_and_nobody_else() {
    let stage = Stage::new().await;
    let id = stage.uploaded("plan.pdf", "%PDF-1.7").await;
    assert_eq!(refused(stage.files.file(stage.bob, id).await), Code::NotFound);
    stage.sent(id, &[stage.ann]).await;
    assert_eq!(refused(stage.files.file(stage.bob, id).await), Code::NotFound);
    stage.sent(id, &[stage.ann, stage.bob]).await;
    let file = stage.files.file(stage.bob, id).await.unwrap();
    assert_eq!((file.info.name.as_str(), file.info.mime.as_str()), ("plan.pdf", "application/pdf"));
    assert_eq!(refused(stage.files.attachable(stage.bob, id).await), Code::NotFound, "not his");
}

#[tokio::test]
async fn an_image_has_a_size_and_a_thumbnail_whatever_it_is_called() {
    let stage = Stage::new().await;
    let id = stage.uploaded("../../x.txt", picture(ImageFormat::Png)).await;
    let info = stage.files.attachable(stage.ann, id).await.unwrap();
    assert_eq!((info.name.as_str(), info.mime.as_str()), ("x.txt", "image/png"));
    assert_eq!(info.shown_size(), Some((1000, 500)));
    let file = stage.files.file(stage.ann, id).await.unwrap();
    let thumbnail = stage.files.thumbnail(&file).await.unwrap();
    assert_eq!(image::load_from_memory(&thumbnail).unwrap().width(), 480);
}

#[tokio::test]
async fn what_only_claims_to_be_an_image_is_a_file() {
    let stage = Stage::new().await;
    let whole = picture(ImageFormat::Jpeg);
    let cut = whole.slice(..whole.len() / 2);
    for bytes in [Bytes::from_static(b"<html><script>alert(1)</script>"), cut] {
        let id = stage.uploaded("photo.jpg", bytes.clone()).await;
        let file = stage.files.file(stage.ann, id).await.unwrap();
        assert_eq!(file.info.shown_size(), None);
        assert_eq!(stage.read(&file).await, bytes);
        assert_eq!(refused(stage.files.thumbnail(&file).await), Code::NotFound);
    }
}

#[tokio::test]
async fn the_sweeper_takes_what_nobody_needs() {
    let stage = Stage::new().await;
    let unfinished = stage.begun(10).await;
    stage.append(unfinished, 0, "0123").await.unwrap();
    let unsent = stage.uploaded("unsent.txt", "unsent").await;
    let sent = stage.uploaded("sent.txt", "sent").await;
    stage.sent(sent, &[stage.ann, stage.bob]).await;

    assert_eq!(stage.files.sweep(now_ms()).await.unwrap(), 0, "all fresh");
    let tomorrow = now_ms() + 25 * 60 * 60 * 1000;
    assert_eq!(stage.files.sweep(tomorrow).await.unwrap(), 3);
    assert_eq!(stage.files.sweep(tomorrow).await.unwrap(), 0);
    assert_eq!(refused(stage.files.upload(stage.ann, unfinished).await), Code::NotFound);
    assert_eq!(refused(stage.files.file(stage.ann, unsent).await), Code::NotFound);
    let file = stage.files.file(stage.bob, sent).await.unwrap();
    assert_eq!(stage.read(&file).await, "sent");
    assert!(stage.files.attachable(stage.ann, sent).await.is_ok(), "may be sent again");
    assert_eq!(stage.files.storage.object_names().await, [format!("files/{sent}")]);
}

#[tokio::test]
async fn the_sweeper_stops_with_the_node() {
    let stop = CancellationToken::new();
    let sweeper = tokio::spawn(Stage::new().await.files.clone().sweep_forever(stop.clone()));
    stop.cancel();
    sweeper.await.unwrap();
}

#[tokio::test]
async fn an_expired_upload_takes_no_more() {
    let stage = Stage::new().await;
    let id = stage.begun(10).await;
    store::sql::sql("UPDATE uploads SET expires_at = ?")
        .bind(now_ms() - 1)
        .run(&stage.files.db)
        .await
        .unwrap();
    assert_eq!(refused(stage.append(id, 0, "0").await), Code::Gone);
}

#[tokio::test]
async fn giving_up_removes_everything_but_what_was_sent() {
    let stage = Stage::new().await;
    let (begun, unsent) =
        (stage.begun(10).await, stage.uploaded("a.png", picture(ImageFormat::Png)).await);
    stage.append(begun, 0, "0123").await.unwrap();
    for id in [begun, unsent] {
        stage.files.abandon_upload(stage.ann, id).await.unwrap();
        assert_eq!(refused(stage.files.upload(stage.ann, id).await), Code::NotFound);
        assert_eq!(refused(stage.files.file(stage.ann, id).await), Code::NotFound);
    }
    assert!(stage.files.storage.object_names().await.is_empty());
    let sent = stage.uploaded("b.txt", "b").await;
    stage.sent(sent, &[stage.bob]).await;
    assert_eq!(refused(stage.files.abandon_upload(stage.ann, sent).await), Code::Denied);
    assert!(stage.files.file(stage.bob, sent).await.is_ok());
}

#[tokio::test]
async fn a_local_folder_holds_the_objects() {
    let mut stage = Stage::new().await;
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("objects");
    stage.files.storage = Storage::local(&folder).unwrap();
    let id = stage.begun(8).await;
    stage.append(id, 0, "0123").await.unwrap();
    assert!(folder.join(format!("uploads/{id}/0")).is_file());
    stage.append(id, 4, "4567").await.unwrap();
    assert!(!folder.join("uploads").exists(), "parts are gone, and their folder");
    let stored = std::fs::read(folder.join(format!("files/{id}"))).unwrap();
    assert_eq!(stored, b"01234567");

    let again = Files::new(
        stage.files.db.clone(),
        Storage::local(&folder).unwrap(),
        config::Files::default(),
    );
    let file = again.file(stage.ann, id).await.unwrap();
    let bytes: Vec<Bytes> = again.read(&file, 2..5).await.unwrap().try_collect().await.unwrap();
    assert_eq!(bytes.concat(), b"234");
}

#[tokio::test]
async fn an_avatar_is_kept_as_a_square() {
    let stage = Stage::new().await;
    let id = stage.files.make_avatar(picture(ImageFormat::WebP)).await.unwrap();
    let made = stage.files.avatar(id).await.unwrap();
    let square = image::load_from_memory(&made.bytes).unwrap();
    assert_eq!((square.width(), square.height(), made.mime), (500, 500, "image/jpeg"));
    let lie = stage.files.make_avatar(Bytes::from_static(b"GIF89a<script>")).await;
    assert_eq!(refused(lie), Code::WrongType);
}
