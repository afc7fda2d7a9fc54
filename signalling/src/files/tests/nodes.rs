//! Several nodes over one database and one storage.

use super::*;

/// Another node; nothing in memory is shared.
fn other_node(stage: &Stage) -> Files {
    let Files { db, storage, config, .. } = stage.files.clone();
    Files::new(db, storage, config)
}

#[tokio::test]
async fn an_upload_goes_on_at_another_node() {
    let stage = Stage::new().await;
    let there = other_node(&stage);
    let id = stage.begun(10).await;
    stage.append(id, 0, "0123").await.unwrap();
    assert_eq!(there.upload(stage.ann, id).await.unwrap().received, 4);
    assert!(there.append(stage.ann, id, 4, None, whole("456789")).await.unwrap().finished);
    let file = stage.files.file(stage.ann, id).await.unwrap();
    assert_eq!(stage.read(&file).await, "0123456789");
}

#[tokio::test]
async fn two_nodes_never_mix_their_bytes() {
    let stage = Stage::new().await;
    let there = other_node(&stage);
    let id = stage.begun(8).await;
    let (feed, body) = fed();
    let slow = stage.append_behind(id, body);
    feed.send(Ok(Bytes::from_static(b"aaaa"))).await.unwrap();
    feed.send(Ok(Bytes::new())).await.unwrap();
    // this node cannot see that one at work, and is faster
    there.append(stage.ann, id, 0, None, whole("bb")).await.unwrap();
    drop(feed);
    assert_eq!(refused(slow.await.unwrap()), Code::OffsetMismatch);
    assert_eq!(stage.files.upload(stage.ann, id).await.unwrap().received, 2);
    stage.append(id, 2, "bbbbbb").await.unwrap();
    let file = there.file(stage.ann, id).await.unwrap();
    assert_eq!(stage.read(&file).await, "bbbbbbbb");
}
