//! Uploads from the first byte to the last.

use futures_util::StreamExt as _;

use super::*;
use crate::domain::refusal::Lang;

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
    assert_eq!((upload.parts, upload.finished), (9, true));
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
    let told = ninth.unwrap_err().to_wire(Lang::En, String::new());
    assert_eq!((told.code, told.retryable), ("too_many_uploads", false), "waiting does not help");
    stage.files.begin_upload(stage.bob, 1, "a").await.expect("others are not held up");
    stage.files.abandon_upload(stage.ann, ids[0]).await.unwrap();
    stage.begun(1).await;
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
async fn tiny_parts_are_merged_while_they_come() {
    let stage = Stage::new().await;
    let content: Vec<u8> = (0..2_000u32).flat_map(u32::to_le_bytes).collect();
    let id = stage.begun(content.len() as u64).await;
    let mut most = 0;
    for (n, bytes) in content.chunks(7).enumerate() {
        stage.append(id, n as i64 * 7, bytes.to_vec()).await.unwrap();
        most = most.max(stage.files.storage.object_names().await.len());
    }
    assert!(most <= 65, "{most} objects for an upload of {} parts", content.len() / 7);
    let file = stage.files.file(stage.ann, id).await.unwrap();
    assert_eq!(stage.read(&file).await, content);
}

#[tokio::test]
async fn what_a_slower_node_stored_after_a_merge_counts_for_nothing() {
    let stage = Stage::new().await;
    let id = stage.begun(100).await;
    let storage = &stage.files.storage;
    for n in 0..64 {
        stage.append(id, n, "a").await.unwrap();
    }
    assert_eq!(storage.object_names().await, [format!("uploads/{id}/0-64")]);
    // As if it had read the offset before.
    storage.put_part(id, 0, vec!["xxxxxxxxxxxxxxxxxxxxxxxx".repeat(4).into()]).await.unwrap();
    storage.put_part(id, 10, vec!["xx".into()]).await.unwrap();
    stage.append(id, 64, "b".repeat(36)).await.unwrap();
    let file = stage.files.file(stage.ann, id).await.unwrap();
    assert_eq!(stage.read(&file).await, ["a".repeat(64), "b".repeat(36)].concat());
}

#[tokio::test]
async fn a_body_that_trickles_is_let_go() {
    let stage = Stage::new().await;
    let id = stage.begun(1 << 20).await;
    let trickle = stream::unfold((), async |()| {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(&[7; 100])), ()))
    });
    let late = stage.files.append(stage.ann, id, 0, None, Box::pin(trickle)).await;
    assert_eq!(refused(late), Code::RequestTimeout);
    let upload = stage.files.upload(stage.ann, id).await.unwrap();
    assert!(upload.received > 0 && !upload.finished, "what came counts");
}

#[tokio::test]
async fn a_slow_link_is_served() {
    let stage = Stage::new().await;
    let id = stage.begun(1_600_000).await;
    let slow = stream::iter(0..100).then(async |_| {
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
        Ok::<_, Infallible>(Bytes::from_static(&[7; 16_000]))
    });
    assert!(stage.files.append(stage.ann, id, 0, None, Box::pin(slow)).await.unwrap().finished);
}
