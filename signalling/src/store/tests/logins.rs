//! Logins: one a device, and a refresh token that works once.

use super::{at_once, both, person};
use crate::domain::ids::{DeviceId, LoginId, UserId};
use crate::domain::login::{Device, DeviceKind};
use crate::store::logins::{self, NewLogin, Tokens};
use crate::store::sql::Db;
use crate::store::users;

both! {
    a_login_tells_who_holds_it,
    signing_in_again_from_a_device_replaces_its_login,
    many_sign_ins_from_one_device_leave_one_login,
    a_refresh_token_works_once_even_when_used_at_once,
    a_login_ends_only_by_its_own_user,
    all_others_end_and_are_named,
    devices_are_listed_by_last_use,
}

fn tokens(n: u8) -> Tokens {
    Tokens {
        access_hash: [n; 32],
        access_expires_at: 100,
        refresh_hash: [n + 100; 32],
        refresh_expires_at: 200,
    }
}

fn login(user: UserId, device: DeviceId) -> NewLogin {
    NewLogin {
        id: LoginId::fresh(),
        user,
        device: Device { id: Some(device), kind: DeviceKind::Ios, name: "安's phone".into() },
        device_id: device,
        address: "2001:db8::1".into(),
        tokens: tokens(1),
        at: 5,
    }
}

async fn sign_in(db: &Db, user: UserId) -> NewLogin {
    let new = login(user, DeviceId::fresh());
    assert_eq!(logins::create(db, &new).await.unwrap(), None);
    new
}

async fn a_login_tells_who_holds_it(db: &Db) {
    let ann = person(db, "ann").await;
    let new = sign_in(db, ann).await;
    let holder = logins::holder(db, new.id).await.unwrap().unwrap();
    assert_eq!((holder.login, holder.user, holder.disabled), (new.id, ann, false));
    assert_eq!((holder.access_hash, holder.refresh_hash), (vec![1; 32], vec![101; 32]));
    assert_eq!((holder.access_expires_at, holder.refresh_expires_at), (100, 200));
    assert_eq!(holder.app, users::by_id(db, ann).await.unwrap().unwrap().app);
    assert!(logins::holder(db, LoginId::fresh()).await.unwrap().is_none());
}

async fn signing_in_again_from_a_device_replaces_its_login(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let device = DeviceId::fresh();
    let (first, second, bobs) = (login(ann, device), login(ann, device), login(bob, device));
    assert_eq!(logins::create(db, &first).await.unwrap(), None);
    assert_eq!(logins::create(db, &bobs).await.unwrap(), None, "a shared device holds both");
    assert_eq!(logins::create(db, &second).await.unwrap(), Some(first.id));
    assert!(logins::holder(db, first.id).await.unwrap().is_none());
    assert!(logins::holder(db, second.id).await.unwrap().is_some());
    assert!(logins::holder(db, bobs.id).await.unwrap().is_some());
}

async fn many_sign_ins_from_one_device_leave_one_login(db: &Db) {
    let (ann, device) = (person(db, "ann").await, DeviceId::fresh());
    let tries = (0..8).map(|_| {
        let (db, new) = (db.clone(), login(ann, device));
        async move { logins::create(&db, &new).await.unwrap() }
    });
    let replaced = at_once(tries).await.into_iter().flatten().count();
    assert_eq!(replaced, 7, "each but the first is told whom it replaced");
    assert_eq!(logins::list(db, ann).await.unwrap().len(), 1);
}

async fn a_refresh_token_works_once_even_when_used_at_once(db: &Db) {
    let ann = person(db, "ann").await;
    let id = sign_in(db, ann).await.id;
    let tries = (2..10).map(|n| {
        let db = db.clone();
        async move { (n, logins::rotate(&db, id, [101; 32], &tokens(n), 9).await.unwrap()) }
    });
    let winners: Vec<u8> =
        at_once(tries).await.into_iter().filter_map(|(n, won)| won.then_some(n)).collect();
    let [winner] = winners[..] else { panic!("{winners:?} all won") };
    let holder = logins::holder(db, id).await.unwrap().unwrap();
    assert_eq!((holder.access_hash, holder.last_seen_at), (vec![winner; 32], 9));
    assert!(!logins::rotate(db, id, [101; 32], &tokens(1), 9).await.unwrap());
    assert!(logins::rotate(db, id, [winner + 100; 32], &tokens(1), 9).await.unwrap());
}

async fn a_login_ends_only_by_its_own_user(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let id = sign_in(db, ann).await.id;
    assert!(!logins::delete(db, bob, id).await.unwrap());
    assert!(logins::delete(db, ann, id).await.unwrap());
    assert!(!logins::delete(db, ann, id).await.unwrap());
    assert!(!logins::rotate(db, id, [101; 32], &tokens(2), 9).await.unwrap());
}

async fn all_others_end_and_are_named(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let (kept, bobs) = (sign_in(db, ann).await.id, sign_in(db, bob).await.id);
    let mut others = vec![sign_in(db, ann).await.id, sign_in(db, ann).await.id];
    let mut ended = logins::delete_all_but(db, ann, kept).await.unwrap();
    others.sort();
    ended.sort();
    assert_eq!(ended, others);
    assert_eq!(logins::list(db, ann).await.unwrap()[0].id, kept);
    assert_eq!(logins::list(db, bob).await.unwrap()[0].id, bobs);
}

async fn devices_are_listed_by_last_use(db: &Db) {
    let ann = person(db, "ann").await;
    let (old, new) = (sign_in(db, ann).await, sign_in(db, ann).await);
    logins::touch(db, old.id, 50).await.unwrap();
    let list = logins::list(db, ann).await.unwrap();
    assert_eq!(list.iter().map(|l| l.id).collect::<Vec<_>>(), [old.id, new.id]);
    assert_eq!((&list[0].device, list[0].address.as_str()), (&old.device, "2001:db8::1"));
    assert_eq!((list[0].created_at, list[0].last_seen_at), (5, 50));
}
