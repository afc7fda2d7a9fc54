//! Wrong passwords: who is slowed down by them, and who never is.

use serde_json::{Value, json};

use crate::stage::{Answer, HOME, PASSWORD, Stage, device};

const TRIES: u32 = 5;

async fn stage() -> Stage {
    Stage::with(|config| config.limits.sign_ins_per_minute = TRIES).await
}

async fn tries(stage: &Stage, name: &str, password: &str, from: &str) -> Answer {
    stage.post("logins", json!({"name": name, "password": password})).from(from).await
}

/// Guesses until nothing more is taken; how many were.
async fn guesses(stage: &Stage, name: &str, from: &str) -> u32 {
    for taken in 0..200 {
        let answer = tries(stage, name, "a wrong guess", from).await;
        if answer.status == 429 {
            assert!(answer.is_refused(429, "slow_down")["retry_after_ms"].as_u64().unwrap() > 0);
            return taken;
        }
        answer.is_refused(401, "wrong_credentials");
    }
    panic!("guessed without end");
}

#[tokio::test]
async fn nobody_is_locked_out_by_the_guesses_of_others() {
    let stage = stage().await;
    let phone = device();
    let account = json!({"name": "alice", "password": PASSWORD, "device": phone});
    stage.post("users", account).await.ok();
    assert_eq!(guesses(&stage, "alice", "203.0.113.9").await, TRIES);
    // also where she has never been
    tries(&stage, "alice", PASSWORD, "192.0.2.7").await.ok();

    // behind the same address as she: her device is known, and so is she from home when they guess there
    let from_phone = json!({"name": "alice", "password": PASSWORD, "device": phone});
    stage.post("logins", from_phone.clone()).from("203.0.113.9").await.ok();
    assert_eq!(
        guesses(&stage, "alice", HOME).await,
        TRIES * 2,
        "a known network has tries of its own"
    );
    stage.post("logins", from_phone).await.ok();
}

#[tokio::test]
async fn a_device_and_a_network_are_known_from_before_devices_were_remembered() {
    let stage = stage().await;
    let phone = device();
    stage.post("users", json!({"name": "alice", "password": PASSWORD, "device": phone})).await.ok();
    stage.edit("DELETE FROM known_devices").await;
    guesses(&stage, "alice", "203.0.113.9").await;
    let login = json!({"name": "alice", "password": PASSWORD, "device": phone});
    stage.post("logins", login).from("203.0.113.9").await.ok();
}

#[tokio::test]
async fn who_knows_the_password_is_never_slowed_down() {
    let stage = stage().await;
    stage.registers("alice").await;
    for _ in 0..TRIES * 10 {
        tries(&stage, "alice", PASSWORD, "203.0.113.9").await.ok();
    }
}

#[tokio::test]
async fn guesses_at_many_names_from_one_network_end_too() {
    let stage = stage().await;
    let mut taken = 0;
    for name in 0..100 {
        let address = format!("2001:db8:1:2::{name:x}");
        taken += u32::from(
            tries(&stage, &format!("name{name}"), "a wrong guess", &address).await.status == 401,
        );
    }
    assert_eq!(taken, TRIES * 4);
    // and a /48 full of networks
    for network in 0..400 {
        let address = format!("2001:db8:7:{network:x}::1");
        taken += u32::from(
            tries(&stage, &format!("name{network}"), "a wrong guess", &address).await.status == 401,
        );
    }
    assert_eq!(taken, TRIES * 4 + TRIES * 4 * 8);
}

#[tokio::test]
async fn one_network_registers_few_people_a_minute() {
    let stage = stage().await;
    let mut registered = 0;
    for n in 0..50 {
        let account = json!({"name": format!("person{n}"), "password": PASSWORD});
        let from = format!("2001:db8:1:2:{n:x}::1");
        registered += u32::from(stage.post("users", account).from(&from).await.status == 201);
    }
    assert!((TRIES..=TRIES + 1).contains(&registered), "{registered}");
}

#[tokio::test]
async fn refreshing_is_limited_by_network() {
    let stage = Stage::new().await;
    let token = "0".repeat(96);
    let mut limited = false;
    for _ in 0..400 {
        let answer =
            stage.post("logins/refresh", json!({"refresh_token": token})).from("203.0.113.9");
        limited |= answer.await.status == 429;
    }
    assert!(limited);
    let elsewhere: Value = stage.registers("alice").await;
    let refresh = json!({"refresh_token": elsewhere["refresh_token"]});
    stage.post("logins/refresh", refresh).await.ok();
}
