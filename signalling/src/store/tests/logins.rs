//! Logins: one a device, and a refresh token that works once.

use super::{at_once, both, person};
use crate::domain::ids::{DeviceId, LoginId, UserId};
use crate::domain::login::{Device, DeviceKind};
use crate::store::logins::{self, Made, NewLogin, Proof, Tokens, Trade};
use crate::store::sql::Db;
use crate::store::users;

both! {
    a_login_tells_who_holds_it,
    signing_in_again_from_a_device_replaces_its_login,
    many_sign_ins_from_one_device_leave_one_login,
    a_refresh_token_works_once_even_when_used_at_once,
    the_former_access_token_ends_in_its_time_and_never_later_than_it_would_have,
    a_change_of_the_password_ends_the_former_access_token,
    a_login_ends_only_by_its_own_user,
    all_others_end_and_are_named,
    a_login_needs_the_password_it_was_proven_with,
    no_login_made_during_a_change_survives_it,
    logins_that_are_over_are_told_from_those_that_are_not,
    devices_are_known_by_their_owner_and_the_oldest_are_forgotten,
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
        marks: vec![[7; 32]],
        at: 5,
    }
}

/// What `person` stores for everybody.
fn proof() -> Proof {
    Proof { stored_hash: "hash".into(), renewed_hash: None }
}

async fn create(db: &Db, new: &NewLogin) -> Option<LoginId> {
    match logins::create(db, new, &proof()).await.unwrap() {
        Made::Replacing(former) => former,
        Made::Disproved => panic!("the password was right"),
    }
}

async fn sign_in(db: &Db, user: UserId) -> NewLogin {
    let new = login(user, DeviceId::fresh());
    assert_eq!(create(db, &new).await, None);
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
    assert_eq!(create(db, &first).await, None);
    assert_eq!(create(db, &bobs).await, None, "a shared device holds both");
    assert_eq!(create(db, &second).await, Some(first.id));
    assert!(logins::holder(db, first.id).await.unwrap().is_none());
    assert!(logins::holder(db, second.id).await.unwrap().is_some());
    assert!(logins::holder(db, bobs.id).await.unwrap().is_some());
}

async fn many_sign_ins_from_one_device_leave_one_login(db: &Db) {
    let (ann, device) = (person(db, "ann").await, DeviceId::fresh());
    let tries = (0..8).map(|_| {
        let (db, new) = (db.clone(), login(ann, device));
        async move { create(&db, &new).await }
    });
    let replaced = at_once(tries).await.into_iter().flatten().count();
    assert_eq!(replaced, 7, "each but the first is told whom it replaced");
    assert_eq!(logins::list(db, ann).await.unwrap().len(), 1);
}

/// The trade of the refresh token of [`tokens`]`(used)` for `tokens(new)`, at 9.
fn trade(used: u8, new: u8) -> Trade {
    let (used, new, salt) = ([used + 100; 32], tokens(new), [new; 32]);
    Trade { used, new, salt, at: 9, former_access_until: 69 }
}

async fn a_refresh_token_works_once_even_when_used_at_once(db: &Db) {
    let ann = person(db, "ann").await;
    let id = sign_in(db, ann).await.id;
    let tries = (2..10).map(|n| {
        let db = db.clone();
        async move { (n, logins::rotate(&db, id, &trade(1, n)).await.unwrap()) }
    });
    let winners: Vec<u8> =
        at_once(tries).await.into_iter().filter_map(|(n, won)| won.then_some(n)).collect();
    let [winner] = winners[..] else { panic!("{winners:?} all won") };
    let holder = logins::holder(db, id).await.unwrap().unwrap();
    assert_eq!((holder.access_hash, holder.last_seen_at), (vec![winner; 32], 9));
    let rotation = logins::rotation(db, id).await.unwrap().unwrap();
    assert_eq!(rotation.former_refresh_hash, Some(vec![101; 32]));
    assert_eq!((rotation.salt, rotation.rotated_at), (Some(vec![winner; 32]), Some(9)));
    assert!(!logins::rotate(db, id, &trade(1, 1)).await.unwrap());
    assert!(logins::rotate(db, id, &trade(winner, 1)).await.unwrap());
}

async fn the_former_access_token_ends_in_its_time_and_never_later_than_it_would_have(db: &Db) {
    let id = sign_in(db, person(db, "ann").await).await.id;
    let former = async || logins::holder(db, id).await.unwrap().unwrap().former_access;
    assert_eq!(former().await, None);
    assert!(logins::rotate(db, id, &trade(1, 2)).await.unwrap());
    assert_eq!(former().await, Some((vec![1; 32], 69)));
    let later = Trade { former_access_until: 130, ..trade(2, 3) };
    assert!(logins::rotate(db, id, &later).await.unwrap());
    assert_eq!(former().await, Some((vec![2; 32], 100)), "it would have expired at 100");
    logins::end_grace(db, id).await.unwrap();
    assert_eq!(former().await, None);
}

async fn a_change_of_the_password_ends_the_former_access_token(db: &Db) {
    let ann = person(db, "ann").await;
    let id = sign_in(db, ann).await.id;
    assert!(logins::rotate(db, id, &trade(1, 2)).await.unwrap());
    logins::change_password(db, ann, id, "hash", "other", 9).await.unwrap().unwrap();
    assert_eq!(logins::holder(db, id).await.unwrap().unwrap().former_access, None);
}

async fn a_login_ends_only_by_its_own_user(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let id = sign_in(db, ann).await.id;
    assert!(!logins::delete(db, bob, id, id, 9).await.unwrap());
    assert!(logins::delete(db, ann, id, id, 9).await.unwrap());
    assert!(!logins::delete(db, ann, id, id, 9).await.unwrap());
    assert!(!logins::rotate(db, id, &trade(1, 2)).await.unwrap());
}

async fn all_others_end_and_are_named(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let (kept, bobs) = (sign_in(db, ann).await.id, sign_in(db, bob).await.id);
    let mut others = vec![sign_in(db, ann).await.id, sign_in(db, ann).await.id];
    let changed = logins::change_password(db, ann, kept, "hash", "other", 9).await.unwrap();
    let mut ended = changed.unwrap();
    others.sort();
    ended.sort();
    assert_eq!(ended, others);
    assert_eq!(logins::list(db, ann).await.unwrap()[0].id, kept);
    assert_eq!(logins::list(db, bob).await.unwrap()[0].id, bobs);
}

async fn a_login_needs_the_password_it_was_proven_with(db: &Db) {
    let ann = person(db, "ann").await;
    let kept = sign_in(db, ann).await.id;
    users::set_password_hash(db, ann, "other").await.unwrap();
    let new = login(ann, DeviceId::fresh());
    assert_eq!(logins::create(db, &new, &proof()).await.unwrap(), Made::Disproved);
    let change = logins::change_password(db, ann, kept, "hash", "third", 9).await.unwrap();
    assert_eq!(change, None, "neither does a change survive another one");

    let proof = Proof { stored_hash: "other".into(), renewed_hash: Some("third".into()) };
    assert_eq!(logins::create(db, &new, &proof).await.unwrap(), Made::Replacing(None));
    assert_eq!(users::password_hash(db, ann).await.unwrap().as_deref(), Some("third"));
    logins::delete(db, ann, kept, kept, 9).await.unwrap();
    let change = logins::change_password(db, ann, kept, "third", "fourth", 9).await.unwrap();
    assert_eq!(change, None, "a login that is over changes nothing");
}

/// However a change and sign-ins with the old password fall, no login but the asking one is left.
async fn no_login_made_during_a_change_survives_it(db: &Db) {
    let ann = person(db, "ann").await;
    let kept = sign_in(db, ann).await.id;
    let tries = (0..9).map(|n| {
        let db = db.clone();
        async move {
            if n == 4 {
                logins::change_password(&db, ann, kept, "hash", "other", 9).await.unwrap();
            } else {
                logins::create(&db, &login(ann, DeviceId::fresh()), &proof()).await.unwrap();
            }
        }
    });
    at_once(tries).await;
    let left: Vec<_> = logins::list(db, ann).await.unwrap().iter().map(|l| l.id).collect();
    assert_eq!(left, [kept]);
}

async fn logins_that_are_over_are_told_from_those_that_are_not(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let (anns, bobs) = (sign_in(db, ann).await.id, sign_in(db, bob).await.id);
    let all = [anns, bobs, LoginId::fresh()];
    let mut valid = logins::valid(db, &all, 199).await.unwrap();
    valid.sort();
    let mut both = vec![anns, bobs];
    both.sort();
    assert_eq!(valid, both);
    assert_eq!(logins::valid(db, &all, 200).await.unwrap(), [], "the refresh tokens have expired");
    logins::delete(db, ann, anns, anns, 9).await.unwrap();
    assert_eq!(logins::valid(db, &all, 199).await.unwrap(), [bobs]);
}

async fn devices_are_known_by_their_owner_and_the_oldest_are_forgotten(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    for n in 0..70 {
        let new = NewLogin { marks: vec![[n; 32]], at: n.into(), ..login(ann, DeviceId::fresh()) };
        create(db, &new).await;
    }
    assert!(logins::knows(db, ann, &[69; 32]).await.unwrap());
    assert!(!logins::knows(db, ann, &[0; 32]).await.unwrap());
    assert!(!logins::knows(db, bob, &[69; 32]).await.unwrap());
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
