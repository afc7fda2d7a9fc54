//! Room: of a person, of the disk, and of the machine's memory.

use std::net::Ipv4Addr;

use super::state::{AVATARS, READERS};
use super::*;
use crate::domain::network::Network;

fn quota(bytes: u64) -> config::Files {
    config::Files { quota_bytes: bytes, ..config::Files::default() }
}

#[tokio::test]
async fn files_and_uploads_together_stay_within_the_quota() {
    let stage = Stage::with(quota(100)).await;
    stage.uploaded("a.txt", "a".repeat(40)).await;
    let begun = stage.begun(50).await;
    assert_eq!(refused(stage.files.begin_upload(stage.ann, 11, "b").await), Code::QuotaFull);
    stage.files.begin_upload(stage.bob, 100, "b").await.expect("others have their own");
    let allowance = stage.files.allowance(stage.ann).await.unwrap();
    assert_eq!((allowance.used_bytes, allowance.quota_bytes), (90, Some(100)));
    stage.files.abandon_upload(stage.ann, begun).await.unwrap();
    assert_eq!(stage.files.allowance(stage.ann).await.unwrap().used_bytes, 40);
    stage.begun(60).await;
}

#[tokio::test]
async fn of_many_uploads_at_the_edge_of_the_quota_one_wins() {
    let stage = Stage::with(quota(100)).await;
    let begin = || {
        let (files, ann) = (stage.files.clone(), stage.ann);
        tokio::spawn(async move { files.begin_upload(ann, 60, "a").await })
    };
    let attempts: Vec<_> = (0..6).map(|_| begin()).collect();
    let mut won = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => won += 1,
            Err(refusal) => assert_eq!(refusal.code, Code::QuotaFull),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn without_a_quota_there_is_no_limit() {
    let stage = Stage::with(quota(0)).await;
    stage.uploaded("a.txt", "a").await;
    assert_eq!(stage.files.allowance(stage.ann).await.unwrap().quota_bytes, None);
}

#[tokio::test]
async fn a_full_disk_refuses_uploads_and_pictures_only() {
    let mut stage = Stage::new().await;
    let before = stage.uploaded("a.txt", "before").await;
    let begun = stage.begun(10).await;
    stage.files.storage.disk = disk::Disk::full();
    let begin = stage.files.begin_upload(stage.ann, 10, "b.txt").await;
    assert_eq!(refused(begin), Code::StorageFull);
    assert_eq!(refused(stage.append(begun, 0, "0123456789").await), Code::StorageFull);
    let place = stage.files.avatar_place(stage.ann.into()).unwrap();
    let avatar = stage.files.make_avatar(stage.ann.into(), picture(ImageFormat::Png), place).await;
    assert_eq!(refused(avatar), Code::StorageFull);
    assert!(stage.files.attachable(stage.ann, before).await.is_ok(), "what is there can be sent");
    stage.files.storage.disk = disk::Disk::boundless();
    assert!(stage.append(begun, 0, "0123456789").await.unwrap().finished, "goes on afterwards");
}

#[tokio::test]
async fn an_upload_whose_last_step_had_no_room_is_finished_later() {
    let mut stage = Stage::new().await;
    let id = stage.begun(4).await;
    stage.files.storage.put_part(id, 0, vec!["done".into()]).await.unwrap();
    store::files::advance_upload(&stage.files.db, id, 0, 4).await.unwrap();
    stage.files.storage.disk = disk::Disk::full();
    assert_eq!(refused(stage.files.upload(stage.ann, id).await), Code::StorageFull);
    stage.files.storage.disk = disk::Disk::boundless();
    assert!(stage.files.upload(stage.ann, id).await.unwrap().finished);
}

fn from(user: UserId, at: u8) -> Client {
    Client { user, network: Some(Network::of(Ipv4Addr::new(203, 0, 113, at).into())) }
}

#[tokio::test]
async fn one_picture_of_a_person_and_few_of_a_network_are_held() {
    let stage = Stage::new().await;
    let held = stage.files.avatar_place(from(stage.ann, 1)).unwrap();
    assert_eq!(refused(stage.files.avatar_place(from(stage.ann, 2))), Code::Busy);
    let crowd: Vec<_> = (1..AVATARS.network)
        .map(|_| stage.files.avatar_place(from(UserId::fresh(), 1)).unwrap())
        .collect();
    assert_eq!(refused(stage.files.avatar_place(from(UserId::fresh(), 1))), Code::Busy);
    stage.files.avatar_place(from(stage.bob, 3)).expect("others notice nothing");
    drop((held, crowd));
    stage.files.avatar_place(from(stage.ann, 1)).expect("given back");
}

#[tokio::test]
async fn hanging_up_gives_nothing_back_before_the_work_ends() {
    let stage = Stage::new().await;
    let (files, ann) = (stage.files.clone(), from(stage.ann, 1));
    let place = files.avatar_place(ann).unwrap();
    let large = {
        let mut out = Cursor::new(Vec::new());
        let image = DynamicImage::from(RgbImage::new(5000, 4000));
        image.write_to(&mut out, ImageFormat::Png).unwrap();
        Bytes::from(out.into_inner())
    };
    let door = tokio::spawn({
        let files = files.clone();
        async move { files.make_avatar(ann, large, place).await }
    });
    // The work begins once the only worker is taken.
    while files.decoders.are_idle() {
        tokio::task::yield_now().await;
    }
    door.abort();
    assert!(door.await.is_err(), "hung up");
    let taken = files.avatar_place(ann).is_err();
    assert!(taken || files.decoders.are_idle(), "held as long as the work goes on");
    files.decoders.idle().await;
    files.avatar_place(ann).expect("given back with the work");
}

#[tokio::test]
async fn pictures_of_one_person_are_made_one_at_a_time_and_delay_nobody() {
    let stage = Stage::new().await;
    let decoder = stage.files.decoders.large(stage.ann.into()).await.unwrap();
    let waiting = tokio::spawn({
        let (files, ann) = (stage.files.clone(), stage.ann);
        async move { files.decoders.large(ann.into()).await.map(drop) }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(decoder);
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn small_pictures_do_not_wait_for_large_ones_of_others_and_all_together_take_a_hundred_megabytes()
 {
    let stage = Stage::new().await;
    let large = stage.files.decoders.large(stage.ann.into()).await.unwrap();
    let mut small = None;
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
        let image = picture(format);
        let length = image.len() as u64;
        let taken = stage.files.decoders.take(stage.bob.into(), format, &image, length);
        drop(small.take()); // one at a time
        small = Some(taken.await.unwrap());
    }
    assert!(large.memory + small.unwrap().memory <= 100_000_000);
    // What its first bytes say, and not the last: a large one waits although it is short.
    let long = DynamicImage::from(RgbImage::new(3000, 2000));
    let mut short = Cursor::new(Vec::new());
    long.write_to(&mut short, ImageFormat::Png).unwrap();
    let waiting = tokio::spawn({
        let (files, bob, image) = (stage.files.clone(), stage.bob, short.into_inner());
        async move { files.decoders.take(bob.into(), ImageFormat::Png, &image, 99).await.map(drop) }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(large);
    waiting.await.unwrap().unwrap();
    stage.uploaded("a.png", picture(ImageFormat::Png)).await;
}

#[tokio::test]
async fn a_person_reads_only_so_many_files_at_once() {
    let stage = Stage::new().await;
    let held: Vec<_> =
        (0..READERS.person).map(|_| stage.files.reader(stage.ann.into()).unwrap()).collect();
    assert_eq!(refused(stage.files.reader(stage.ann.into())), Code::Busy);
    assert!(stage.files.reader(stage.bob.into()).is_ok());
    drop(held);
    assert!(stage.files.reader(stage.ann.into()).is_ok());
}
