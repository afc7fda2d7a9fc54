//! The audit: acts are noted with what they do, and read newest first.

use serde_json::json;

use super::{both, person};
use crate::domain::audit::{Act, Action, Actor, Noted, Target};
use crate::domain::ids::{LoginId, UserId};
use crate::domain::user::AccountRole;
use crate::store::sql::Db;
use crate::store::{audit, users};

both! {
    acts_are_read_newest_first_with_the_names_of_those_in_them,
    an_act_that_is_rolled_back_is_not_noted,
    old_acts_are_forgotten,
    a_role_is_everybodys_until_it_is_set,
}

fn act(actor: Actor, target: Target, at: i64) -> Act {
    Act { actor, action: Action::SetRole, target, detail: json!({"role": "admin"}), at }
}

async fn note(db: &Db, act: Act) {
    let mut tx = db.begin().await.unwrap();
    audit::note(&mut tx, &act).await.unwrap();
    tx.commit().await.unwrap();
}

async fn acts_are_read_newest_first_with_the_names_of_those_in_them(db: &Db) {
    let (ann, gone, login) = (person(db, "ann").await, UserId::fresh(), LoginId::fresh());
    note(db, act(Actor::Command, Target::User(ann), 86_400_000)).await;
    note(db, act(Actor::User(ann), Target::Login(login), 5)).await;
    note(db, act(Actor::User(gone), Target::User(gone), 1_700)).await;
    let lines = |acts: Vec<Noted>| acts.iter().map(Noted::to_string).collect::<Vec<_>>();
    let all = [
        "1970-01-02T00:00:00Z  command  set_role  user ann  {\"role\":\"admin\"}".to_owned(),
        format!("1970-01-01T00:00:01Z  user {gone}  set_role  user {gone}  {{\"role\":\"admin\"}}"),
        format!("1970-01-01T00:00:00Z  user ann  set_role  login {login}  {{\"role\":\"admin\"}}"),
    ];
    assert_eq!(lines(audit::newest(db, 9).await.unwrap()), all);
    assert_eq!(lines(audit::newest(db, 2).await.unwrap()), all[..2]);
}

async fn an_act_that_is_rolled_back_is_not_noted(db: &Db) {
    let mut tx = db.begin().await.unwrap();
    let ann = UserId::fresh();
    audit::note(&mut tx, &act(Actor::Command, Target::User(ann), 1)).await.unwrap();
    drop(tx);
    assert_eq!(audit::newest(db, 9).await.unwrap(), []);
}

async fn old_acts_are_forgotten(db: &Db) {
    let ann = person(db, "ann").await;
    for at in [10, 20, 30] {
        note(db, act(Actor::Command, Target::User(ann), at)).await;
    }
    assert_eq!(audit::forget(db, 20).await.unwrap(), 1);
    let left = audit::newest(db, 9).await.unwrap();
    assert_eq!(left.iter().map(|act| act.at).collect::<Vec<_>>(), [30, 20]);
}

async fn a_role_is_everybodys_until_it_is_set(db: &Db) {
    let ann = person(db, "ann").await;
    let role = async || users::by_id(db, ann).await.unwrap().unwrap().role;
    assert_eq!(role().await, AccountRole::User);
    for (former, new) in
        [(AccountRole::User, AccountRole::Admin), (AccountRole::Admin, AccountRole::User)]
    {
        let mut tx = db.begin().await.unwrap();
        assert_eq!(users::replace_role(&mut tx, ann, new).await.unwrap(), former);
        tx.commit().await.unwrap();
        assert_eq!(role().await, new);
    }
}
