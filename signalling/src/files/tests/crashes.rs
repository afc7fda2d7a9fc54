//! What a process leaves behind that dies between two steps, and that nothing of it stays.

use super::*;
use crate::domain::file::FileHolder;

/// Everything on disk below a folder, staged objects included.
fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in std::fs::read_dir(inside).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    names.push(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned())
                }
            }
        }
    }
    names.sort();
    names
}

/// After everything that was begun has expired.
fn later() -> i64 {
    now_ms() + 25 * 60 * 60 * 1000
}

async fn on_disk() -> (Stage, tempfile::TempDir) {
    let mut stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    stage.files.storage = Storage::local(folder.path(), 0).unwrap();
    (stage, folder)
}

async fn avatar(stage: &Stage) -> crate::domain::ids::AvatarId {
    let place = stage.files.avatar_place(stage.ann.into()).unwrap();
    let made = stage.files.make_avatar(stage.ann.into(), picture(ImageFormat::Png), place).await;
    made.unwrap()
}

#[tokio::test]
async fn nothing_stays_of_what_was_begun_whatever_step_came_last() {
    let (stage, folder) = on_disk().await;
    let storage = stage.files.storage.clone();
    // a picture of a person, stored but never anybody's
    avatar(&stage).await;
    // a part that was being written, and a file
    let id = stage.begun(10).await;
    stage.append(id, 0, "0123").await.unwrap();
    std::fs::write(folder.path().join(format!("uploads/{id}/4#1")), "45").unwrap();
    std::fs::create_dir_all(folder.path().join("files")).unwrap();
    std::fs::write(folder.path().join(format!("files/{}#12", FileId::fresh())), "45").unwrap();
    // a part of an upload that was removed meanwhile
    storage.put_part(FileId::fresh(), 0, vec!["late".into()]).await.unwrap();
    // a file and its thumbnail that no row tells of
    let id = FileId::fresh();
    storage.put_thumbnail(id, "small".into()).await.unwrap();
    storage.put_file(id, "large".into()).await.unwrap();
    // an upload that died in its last step
    let id = stage.begun(4).await;
    storage.put_part(id, 0, vec!["done".into()]).await.unwrap();
    store::files::advance_upload(&stage.files.db, id, 0, 4).await.unwrap();
    storage.put_file(id, "done".into()).await.unwrap();

    let before = names(folder.path());
    assert_eq!(before.len(), 9, "{before:#?}");
    stage.files.sweep_orphans(now_ms() + 9 * 60 * 1000).await.unwrap();
    assert_eq!(names(folder.path()), before, "what is fresh may still be wanted");
    stage.files.sweep(later()).await.unwrap();
    stage.files.sweep_orphans(later()).await.unwrap();
    let left = names(folder.path());
    assert!(left.is_empty(), "{left:#?}");
}

#[tokio::test]
async fn what_is_known_stays() {
    let (stage, folder) = on_disk().await;
    let picture_of_ann = avatar(&stage).await;
    stage.wears(picture_of_ann).await;
    let former = avatar(&stage).await;
    let image = stage.uploaded("a.png", picture(ImageFormat::Png)).await;
    let begun = stage.begun(10).await;
    stage.append(begun, 0, "0123").await.unwrap();
    assert_eq!(stage.files.sweep_orphans(later()).await.unwrap(), 1, "the former picture");
    assert_eq!(
        names(folder.path()),
        [
            format!("avatars/{picture_of_ann}"),
            format!("files/{image}"),
            format!("thumbnails/{image}"),
            format!("uploads/{begun}/0"),
        ]
    );
    assert_eq!(refused(stage.files.avatar(stage.bob, former).await), Code::NotFound);
}

#[tokio::test]
async fn a_picture_that_is_nobodys_is_not_shown_and_soon_removed() {
    let (stage, folder) = on_disk().await;
    let (former, current) = (avatar(&stage).await, avatar(&stage).await);
    for id in [former, current] {
        stage.wears(id).await;
        assert!(stage.files.avatar(stage.bob, id).await.is_ok());
    }
    assert_eq!(
        refused(stage.files.avatar(stage.bob, former).await),
        Code::NotFound,
        "although it is stored"
    );
    assert_eq!(names(folder.path()).len(), 2);
    stage.files.sweep_orphans(now_ms() + 11 * 60 * 1000).await.unwrap();
    assert_eq!(names(folder.path()), [format!("avatars/{current}")]);
}

/// Notes one more holder, or one less.
async fn is_held(stage: &Stage, object: uuid::Uuid, holder: FileHolder, held: bool) {
    let mut tx = stage.files.db.begin().await.unwrap();
    match held {
        true => store::files::hold(&mut tx, [(object, holder)]).await.unwrap(),
        false => store::files::release(&mut tx, object, holder, now_ms()).await.unwrap(),
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn whatever_has_a_holder_stays_and_is_shown_to_whom_its_holder_shows_it() {
    let (stage, folder) = on_disk().await;
    let eve = UserId::fresh();
    let id = stage.uploaded("a.txt", "mine").await;
    let picture = avatar(&stage).await;
    let room = FileHolder::Conversation(group(&stage.files.db, &[stage.ann, stage.bob]).await);
    let of_ann = FileHolder::User(stage.ann);
    let reads = async |who| stage.files.file(who, id).await.is_ok();
    assert!(reads(stage.ann).await && !reads(stage.bob).await);

    for (holder, eve_too) in [(room, false), (of_ann, true)] {
        for object in [id.0, picture.0] {
            is_held(&stage, object, holder, true).await;
        }
        stage.files.sweep(later()).await.unwrap();
        assert_eq!(stage.files.sweep_orphans(later()).await.unwrap(), 0);
        assert!(reads(stage.bob).await);
        assert_eq!(reads(eve).await, eve_too);
        assert!(stage.files.avatar(stage.bob, picture).await.is_ok());
        assert_eq!(stage.files.avatar(eve, picture).await.is_ok(), eve_too);
    }
    for holder in [room, of_ann] {
        assert_eq!(names(folder.path()).len(), 2, "somebody holds both");
        for object in [id.0, picture.0] {
            is_held(&stage, object, holder, false).await;
        }
    }
    assert_eq!(
        stage.files.sweep(later()).await.unwrap(),
        1,
        "the file, as if it had never been sent"
    );
    assert_eq!(stage.files.sweep_orphans(later()).await.unwrap(), 1, "the picture");
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn a_wrong_database_costs_no_files() {
    let (stage, folder) = on_disk().await;
    let id = stage.uploaded("a.txt", "mine").await;
    stage.sent(id, &[stage.ann, stage.bob]).await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    // One with nobody in it, and one whose first person came after the files.
    for has_people in [false, true] {
        let db = fresh_sqlite().await;
        if has_people {
            person(&db, "carol").await;
            let came = store::sql::sql("UPDATE users SET created_at = ?").bind(now_ms());
            came.run(&*db).await.unwrap();
        }
        let storage = Storage::local(folder.path(), 0).unwrap();
        let there = Files::new(db.clone(), storage, config::Files::default());
        assert_eq!(there.sweep_orphans(later()).await.unwrap(), 0);
    }
    assert_eq!(names(folder.path()), [format!("files/{id}")]);
}
