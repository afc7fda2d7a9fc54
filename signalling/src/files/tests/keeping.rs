//! What becomes of finished files: who reads them, and when they go.

use super::*;

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
    let thumbnail = collected(stage.files.thumbnail(&file).await.unwrap()).await;
    assert_eq!(image::load_from_memory(&thumbnail).unwrap().width(), 960);
}

#[tokio::test]
async fn what_only_claims_to_be_an_image_is_a_file() {
    let stage = Stage::new().await;
    let whole = picture(ImageFormat::Png);
    let cut = whole.slice(..40); // before its first pixel
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
    stage.files.storage = Storage::local(&folder, 0).unwrap();
    let id = stage.begun(8).await;
    stage.append(id, 0, "0123").await.unwrap();
    assert!(folder.join(format!("uploads/{id}/0")).is_file());
    stage.append(id, 4, "4567").await.unwrap();
    assert!(!folder.join("uploads").exists(), "parts are gone, and their folder");
    let stored = std::fs::read(folder.join(format!("files/{id}"))).unwrap();
    assert_eq!(stored, b"01234567");

    let again = Files::new(
        stage.files.db.clone(),
        Storage::local(&folder, 0).unwrap(),
        config::Files::default(),
    );
    let file = again.file(stage.ann, id).await.unwrap();
    let bytes: Vec<Bytes> = again.read(&file, 2..5).await.unwrap().try_collect().await.unwrap();
    assert_eq!(bytes.concat(), b"234");
}

#[tokio::test]
async fn an_avatar_is_kept_as_a_square() {
    let stage = Stage::new().await;
    let make = async |image: Bytes| {
        let place = stage.files.avatar_place(stage.ann.into()).unwrap();
        stage.files.make_avatar(stage.ann.into(), image, place).await
    };
    let id = make(picture(ImageFormat::WebP)).await.unwrap();
    stage.wears(id).await;
    let made = collected(stage.files.avatar(stage.bob, id).await.unwrap()).await;
    let square = image::load_from_memory(&made).unwrap();
    assert_eq!((square.width(), square.height()), (500, 500));
    let lie = make(Bytes::from_static(b"GIF89a<script>")).await;
    assert_eq!(refused(lie), Code::WrongType);
}

#[tokio::test]
async fn an_image_too_large_to_look_at_loses_its_metadata_all_the_same() {
    let stage = Stage::new().await;
    let small = picture(ImageFormat::Jpeg);
    let (start, end) = (&small[..2], &small[small.len() - 2..]);
    let scan = vec![0; images::IMAGE_BYTES_MAX as usize];
    let pixels = [&small[2..small.len() - 2], &scan].concat();
    let exif = b"\xff\xe1\0\x18Exif\0\0GPS 31.2304N 121";
    for (trailer, header) in [(&b"GPS"[..], &exif[..]), (b"", b"")] {
        let id = stage.uploaded("a.jpg", [start, header, &pixels, end, trailer].concat()).await;
        let file = stage.files.file(stage.ann, id).await.unwrap();
        assert_eq!((file.info.mime.as_str(), file.info.shown_size()), ("image/jpeg", None));
        let kept = [start, &pixels, end].concat();
        assert!(stage.read(&file).await == kept, "only the metadata is gone");
        assert_eq!(file.sha256, Sha256::digest(&kept).as_slice());
    }
}
