//! Contacts: two sides make a bond, and every change of a list has the next version.

use std::collections::BTreeSet;

use super::{at_once, both, person};
use crate::domain::contact::{Bond, Side};
use crate::domain::ids::UserId;
use crate::domain::refusal::Refusal;
use crate::store::contacts;
use crate::store::sql::{Db, retry};

both! {
    two_sides_make_a_bond,
    versions_strictly_increase_under_concurrency,
    a_list_syncs_from_any_version_with_what_was_deleted,
    a_person_who_changes_is_new_in_the_lists_of_others,
    a_block_shows_in_the_list_of_blocks,
    a_bond_is_open_only_from_both_sides,
    only_contacts_have_remarks,
    people_who_add_each_other_at_once_both_succeed,
}

const CONTACT: Side = Side { contact: true, blocked: false };
const FORMER: Side = Side { contact: false, blocked: false };
const BLOCKED: Side = Side { contact: true, blocked: true };

async fn set(db: &Db, owner: UserId, peer: UserId, side: Side) -> i64 {
    retry(|| async {
        let mut tx = db.begin().await?;
        let ver = contacts::set_side(&mut tx, owner, peer, side).await?;
        tx.commit().await?;
        Ok::<_, crate::store::sql::Error>(ver)
    })
    .await
    .unwrap()
}

async fn two_sides_make_a_bond(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let stranger = person(db, "eve").await;
    set(db, ann, bob, CONTACT).await;
    set(db, bob, ann, BLOCKED).await;
    let bond = Bond { mine: CONTACT, theirs: BLOCKED };
    assert_eq!(contacts::bond(db, ann, bob).await.unwrap(), bond);
    let mirrored = Bond { mine: BLOCKED, theirs: CONTACT };
    assert_eq!(contacts::bond(db, bob, ann).await.unwrap(), mirrored);
    assert_eq!(contacts::bond(db, ann, stranger).await.unwrap(), Bond::default());

    let sides = contacts::sides(db, ann, [bob, stranger]).await.unwrap();
    assert_eq!(sides.iter().map(|e| (e.peer, e.side)).collect::<Vec<_>>(), [(bob, CONTACT)]);
}

async fn versions_strictly_increase_under_concurrency(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let sets = (0..20).map(|n| {
        let (db, peer) = (db.clone(), UserId::fresh());
        async move {
            let peer = if n % 2 == 0 { bob } else { peer };
            set(&db, ann, peer, CONTACT).await
        }
    });
    let vers: BTreeSet<i64> = at_once(sets).await.into_iter().collect();
    assert_eq!(vers, (1..=20).collect());
    assert_eq!(set(db, bob, ann, CONTACT).await, 1, "everybody has a counter of their own");
}

async fn a_list_syncs_from_any_version_with_what_was_deleted(db: &Db) {
    let ann = person(db, "ann").await;
    let peers: Vec<_> = (0..4).map(|_| UserId::fresh()).collect();
    for peer in &peers {
        set(db, ann, *peer, CONTACT).await;
    }
    set(db, ann, peers[1], FORMER).await;
    let since = async |after, limit| {
        let entries = contacts::since(db, ann, after, limit).await.unwrap();
        entries.iter().map(|e| (e.ver, e.peer, e.side.contact)).collect::<Vec<_>>()
    };
    let all = [(1, peers[0], true), (3, peers[2], true), (4, peers[3], true), (5, peers[1], false)];
    assert_eq!(since(0, 10).await, all);
    assert_eq!(since(0, 2).await, all[..2]);
    assert_eq!(since(3, 10).await, all[2..]);
    assert_eq!(since(5, 10).await, []);
}

async fn a_person_who_changes_is_new_in_the_lists_of_others(db: &Db) {
    let (ann, bob, eve) =
        (person(db, "ann").await, person(db, "bob").await, person(db, "eve").await);
    for (owner, peer) in [(ann, bob), (ann, eve), (eve, bob)] {
        set(db, owner, peer, CONTACT).await;
    }
    retry(|| async {
        let mut tx = db.begin().await?;
        contacts::touch(&mut tx, bob, &[ann, eve]).await?;
        tx.commit().await?;
        Ok::<_, crate::store::sql::Error>(())
    })
    .await
    .unwrap();
    for (owner, ver) in [(ann, 3), (eve, 2)] {
        let entries = contacts::since(db, owner, ver - 1, 10).await.unwrap();
        assert_eq!(entries.iter().map(|e| (e.ver, e.peer)).collect::<Vec<_>>(), [(ver, bob)]);
    }
}

/// All pages, of one block each.
async fn blocked(db: &Db, owner: UserId) -> Vec<UserId> {
    let (mut all, mut before) = (vec![], i64::MAX);
    while let [(id, ver)] = contacts::blocked(db, owner, before, 1).await.unwrap()[..] {
        all.push(id);
        before = ver;
    }
    all
}

async fn a_block_shows_in_the_list_of_blocks(db: &Db) {
    let (ann, bob, eve) =
        (person(db, "ann").await, person(db, "bob").await, person(db, "eve").await);
    set(db, ann, bob, BLOCKED).await;
    set(db, ann, eve, Side { contact: false, blocked: true }).await;
    assert_eq!(blocked(db, ann).await, [eve, bob], "newest first");
    set(db, ann, bob, CONTACT).await;
    assert_eq!(blocked(db, ann).await, [eve]);
    assert_eq!(blocked(db, bob).await, []);
}

async fn a_bond_is_open_only_from_both_sides(db: &Db) {
    let ann = person(db, "ann").await;
    let (mut open, mut peers) = (BTreeSet::new(), vec![]);
    for mine in [CONTACT, FORMER, BLOCKED] {
        for theirs in [CONTACT, FORMER, BLOCKED] {
            let peer = person(db, &format!("peer{}", peers.len())).await;
            peers.push(peer);
            set(db, ann, peer, mine).await;
            set(db, peer, ann, theirs).await;
            if (Bond { mine, theirs }).is_open() {
                open.insert(peer);
            }
        }
    }
    let found: BTreeSet<_> = contacts::open_bonds(db, ann).await.unwrap().into_iter().collect();
    assert_eq!(found, open);
    assert_eq!(open.len(), 1);
}

async fn only_contacts_have_remarks(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let remark = async |text: Option<&str>| {
        let mut tx = db.begin().await.unwrap();
        let set = contacts::set_remark(&mut tx, ann, bob, text).await.unwrap();
        tx.commit().await.unwrap();
        set
    };
    assert!(!remark(Some("Bobby")).await);
    let ver = set(db, ann, bob, CONTACT).await;
    assert!(remark(Some("Bobby 🐻")).await);
    let changed = contacts::since(db, ann, ver, 10).await.unwrap();
    assert_eq!(changed.len(), 1, "a remark is a change of the list");
    assert_eq!(changed[0].remark.as_deref(), Some("Bobby 🐻"));
    assert!(remark(None).await);
    assert_eq!(contacts::since(db, ann, 0, 10).await.unwrap()[0].remark, None);
    set(db, ann, bob, FORMER).await;
    assert!(!remark(Some("Bobby")).await);
}

async fn people_who_add_each_other_at_once_both_succeed(db: &Db) {
    let (ann, bob) = (person(db, "ann").await, person(db, "bob").await);
    let both_sides = (0..10).map(|n| {
        let db = db.clone();
        let (one, other) = if n % 2 == 0 { (ann, bob) } else { (bob, ann) };
        async move {
            retry(|| async {
                let mut tx = db.begin().await?;
                contacts::set_side(&mut tx, one, other, CONTACT).await?;
                contacts::set_side(&mut tx, other, one, CONTACT).await?;
                tx.commit().await?;
                Ok::<_, Refusal>(()) // as in use cases: a deadlock is still recognised
            })
            .await
        }
    });
    for added in at_once(both_sides).await {
        added.unwrap();
    }
    assert!(contacts::bond(db, ann, bob).await.unwrap().is_open());
}
