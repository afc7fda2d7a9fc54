//! Users: names are taken once, and what is set is read back.

use std::collections::BTreeSet;

use super::{both, person, user};
use crate::domain::ids::{AppId, AvatarId, UserId};
use crate::domain::text;
use crate::domain::user::User;
use crate::store::sql::{Db, sql};
use crate::store::users;

both! {
    a_name_is_taken_once_whatever_its_case_and_width,
    names_that_fold_to_the_same_are_one_name,
    people_of_former_releases_are_found_as_before_and_by_their_folded_names,
    an_id_in_use_is_not_a_name_in_use,
    another_app_has_its_own_names,
    of_many_who_want_a_name_one_gets_it,
    what_is_set_is_read_back,
    of_many_pictures_at_once_each_replaces_another,
    users_are_found_by_any_number_of_ids,
    the_longest_allowed_texts_fit,
}

async fn a_name_is_taken_once_whatever_its_case_and_width(db: &Db) {
    let ann = user("Ann李");
    users::create(db, &ann, "hash").await.unwrap();
    for same in ["aNN李", "Ａｎｎ李", "ANN李"] {
        let again = users::create(db, &user(same), "hash").await.unwrap_err();
        assert!(users::name_taken(&again), "{same}: {again:?}");
        assert_eq!(users::by_name(db, AppId::DEFAULT, same).await.unwrap(), Some(ann.clone()));
    }
    users::create(db, &user("Änn李"), "hash").await.expect("another letter is another name");
    assert_eq!(users::by_name(db, AppId::DEFAULT, "Ann").await.unwrap(), None);
}

async fn names_that_fold_to_the_same_are_one_name(db: &Db) {
    for (name, same) in [("ΝΊΚΟΣ", "νίκος"), ("Weiß", "WEISS"), ("नेहा", "नेहा")]
    {
        let first = user(name);
        users::create(db, &first, "hash").await.unwrap();
        let again = users::create(db, &user(same), "hash").await.unwrap_err();
        assert!(users::name_taken(&again), "{same}: {again:?}");
        assert_eq!(users::by_name(db, AppId::DEFAULT, same).await.unwrap(), Some(first));
    }
}

async fn people_of_former_releases_are_found_as_before_and_by_their_folded_names(db: &Db) {
    // oldest first; the second and third were two people then
    let mut former = vec![];
    for (at, name) in ["Σωκράτης", "strasse", "straße", "Weiß"].into_iter().enumerate() {
        let person = User { created_at: at as i64, ..user(name) };
        users::create(db, &User { name: format!("someone{at}"), ..person.clone() }, "hash")
            .await
            .unwrap();
        sql("UPDATE users SET name = ?, name_key = ?, name_fold = NULL WHERE id = ?")
            .bind(name)
            .bind(text::name_key(name))
            .bind(person.id)
            .run(db)
            .await
            .unwrap();
        former.push(person);
    }
    for _ in 0..2 {
        users::fill_name_folds(db).await.unwrap(); // at every start, on every node
    }
    for (typed, found) in [
        ("σωκράτης", 0),
        ("ΣΩΚΡΆΤΗΣ", 0),
        ("strasse", 1),
        ("STRASSE", 1),
        ("straße", 2),
        ("Straße", 2),
        ("weiß", 3),
        ("WEISS", 3),
    ] {
        let who = users::by_name(db, AppId::DEFAULT, typed).await.unwrap().unwrap();
        assert_eq!(who.id, former[found].id, "{typed}");
    }
    let again = users::create(db, &user("WEISS"), "hash").await.unwrap_err();
    assert!(users::name_taken(&again), "{again:?}");
}

async fn an_id_in_use_is_not_a_name_in_use(db: &Db) {
    let ann = user("ann");
    users::create(db, &ann, "hash").await.unwrap();
    let same_id = users::create(db, &User { name: "bob".into(), ..ann }, "hash").await.unwrap_err();
    assert!(!users::name_taken(&same_id), "{same_id:?}");
}

async fn another_app_has_its_own_names(db: &Db) {
    let other = AppId::fresh();
    let (here, there) = (user("ann"), User { app: other, ..user("Ann") });
    users::create(db, &here, "hash").await.unwrap();
    users::create(db, &there, "hash").await.unwrap();
    assert_eq!(users::by_name(db, AppId::DEFAULT, "ann").await.unwrap(), Some(here));
    assert_eq!(users::by_name(db, other, "ann").await.unwrap(), Some(there));
}

async fn of_many_who_want_a_name_one_gets_it(db: &Db) {
    let tries = (0..12).map(|n| {
        let db = db.clone();
        let name = if n % 2 == 0 { "ann" } else { "ANN" };
        async move { users::create(&db, &user(name), "hash").await }
    });
    let (got, refused): (Vec<_>, Vec<_>) =
        super::at_once(tries).await.into_iter().partition(Result::is_ok);
    assert_eq!(got.len(), 1);
    assert!(refused.iter().all(|r| users::name_taken(r.as_ref().unwrap_err())), "{refused:?}");
}

async fn what_is_set_is_read_back(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let avatar = AvatarId::fresh();
    users::set_profile(db, ann, "Ännchen 👩‍🚀", true).await.unwrap();
    assert_eq!(replaced(db, ann, Some(avatar)).await, None);
    users::set_password_hash(db, ann, "other").await.unwrap();
    users::set_last_seen(db, ann, 99).await.unwrap();

    let read = users::by_id(db, ann).await.unwrap().unwrap();
    assert_eq!((read.nickname.as_str(), read.direct_add), ("Ännchen 👩‍🚀", true));
    assert_eq!(read.avatar, Some(avatar));
    assert_eq!(users::password_hash(db, ann).await.unwrap().as_deref(), Some("other"));
    assert_eq!(users::password_hash(db, bob).await.unwrap().as_deref(), Some("hash"));
    let mut seen = users::last_seen(db, [ann, bob]).await.unwrap();
    seen.sort();
    assert_eq!(seen, [(ann, 99), (bob, 1)]);

    assert_eq!(replaced(db, ann, None).await, Some(avatar));
    assert_eq!(users::by_id(db, ann).await.unwrap().unwrap().avatar, None);
    assert_eq!(users::by_id(db, UserId::fresh()).await.unwrap(), None);
}

/// The picture of `user` before `avatar`.
async fn replaced(db: &Db, user: UserId, avatar: Option<AvatarId>) -> Option<AvatarId> {
    let mut tx = db.begin().await.unwrap();
    let replaced = users::replace_avatar(&mut tx, user, avatar, 9).await.unwrap();
    tx.commit().await.unwrap();
    replaced
}

async fn of_many_pictures_at_once_each_replaces_another(db: &Db) {
    let ann = person(db, "ann").await;
    let given: BTreeSet<_> = (0..8).map(|_| AvatarId::fresh()).collect();
    let changes = given.iter().map(|avatar| {
        let (db, avatar) = (db.clone(), *avatar);
        async move { replaced(&db, ann, Some(avatar)).await }
    });
    let mut gone: BTreeSet<_> = super::at_once(changes).await.into_iter().flatten().collect();
    assert_eq!(gone.len(), 7, "one was the first");
    gone.extend(replaced(db, ann, None).await);
    assert_eq!(gone, given);
}

async fn users_are_found_by_any_number_of_ids(db: &Db) {
    let mut all = BTreeSet::new();
    for n in 0..5 {
        all.insert(person(db, &format!("user{n}")).await);
    }
    for n in 0..=5 {
        let some: BTreeSet<_> = all.iter().copied().take(n).collect();
        let found = users::by_ids(db, some.iter().copied()).await.unwrap();
        assert_eq!(found.iter().map(|user| user.id).collect::<BTreeSet<_>>(), some);
    }
}

async fn the_longest_allowed_texts_fit(db: &Db) {
    // 𠀀 takes four bytes, and NFKC makes eighteen characters of one ﷺ
    let name = text::name(&"𠀀".repeat(32)).unwrap();
    let wide = text::name(&"ﷺ".repeat(3)).unwrap();
    for name in [name, wide] {
        let longest = User { nickname: "𠀀".repeat(text::NICKNAME_CHARS_MAX), ..user(&name) };
        users::create(db, &longest, "hash").await.unwrap();
        assert_eq!(users::by_name(db, AppId::DEFAULT, &name).await.unwrap(), Some(longest));
    }
}
