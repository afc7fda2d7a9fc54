//! Names, passwords and texts in whatever script and form.

use axum::http::Method;
use serde_json::{Value, json};

use crate::stage::{PASSWORD, Stage};

#[tokio::test]
async fn names_of_any_script_register_and_are_found() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    for name in
        ["สมชาย", "प्रिया", "முருகன்", "សុខា", "محمد", "מֹשֶׁה", "Ξένια", "ជា_2", "علی\u{200c}رضا"]
    {
        let who = stage.registers(name).await;
        assert_eq!(who["user"]["nickname"], who["user"]["name"], "{name}");
        stage.post("logins", json!({"name": name, "password": PASSWORD})).await.ok();
        let query: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let found = stage.get(&format!("users?name={query}")).by(&alice).await.ok();
        assert_eq!(found["users"][0]["id"], who["user"]["id"], "{name}");
    }
}

#[tokio::test]
async fn names_that_differ_in_case_or_form_only_are_one() {
    let stage = Stage::new().await;
    for (name, same) in [
        ("Σωκράτης", "ΣΩΚΡΆΤΗΣ"),
        ("straße", "STRASSE"),
        ("cafe\u{301}", "CAFÉ"),
        ("ann李", "ＡＮＮ李"),
    ] {
        let who = stage.registers(name).await;
        let again = json!({"name": same, "password": PASSWORD});
        assert_eq!(
            stage.post("users", again.clone()).await.is_refused(409, "name_taken")["field"],
            "name"
        );
        assert_eq!(stage.post("logins", again).await.ok()["user"]["id"], who["user"]["id"]);
    }
}

#[tokio::test]
async fn a_password_is_right_in_whatever_form_it_is_typed() {
    let stage = Stage::new().await;
    let decomposed = "pa\u{308}ssword \u{ff11}";
    stage.post("users", json!({"name": "alice", "password": decomposed})).await.ok();
    for typed in [decomposed, "pässword 1", "pässword \u{ff11}"] {
        stage.post("logins", json!({"name": "alice", "password": typed})).await.ok();
    }
    let wrong = json!({"name": "alice", "password": "password 1"});
    stage.post("logins", wrong).await.is_refused(401, "wrong_credentials");
}

#[tokio::test]
async fn what_nobody_can_see_is_neither_a_name_nor_a_title() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    for unseen in [
        "\u{200b}\u{200b}\u{200b}",
        "\u{feff}",
        "\u{3164}\u{3164}\u{3164}",
        "\u{301}\u{301}\u{301}",
        "\u{fe0f}",
        "\u{2800}",
        "\u{2060} \u{ad}",
    ] {
        for (method, path, body) in [
            (Method::PATCH, "me", json!({"nickname": unseen})),
            (
                Method::POST,
                "users",
                json!({"name": "bob", "password": PASSWORD, "nickname": unseen}),
            ),
            (Method::POST, "users", json!({"name": unseen, "password": PASSWORD})),
            (Method::POST, "groups", json!({"title": unseen, "member_ids": []})),
        ] {
            let answer = stage.ask(method, path).json(&body).by(&alice).await;
            answer.is_refused(400, "invalid");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_understood_is_named_with_its_place() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    for (path, body, field) in [
        ("users", r#"["somebody", "correct horse"]"#, Value::Null),
        ("logins", r#"["alice", "correct horse"]"#, Value::Null),
        (
            "users",
            r#"{"name": "bob", "password": "correct horse", "device": [null, "web", "x"]}"#,
            json!("device"),
        ),
        ("groups", r#"["a title", []]"#, Value::Null),
        ("groups", r#"{"title": ["a"], "member_ids": []}"#, json!("title")),
        ("groups", r#"{"title": "a", "member_ids": [7]}"#, json!("member_ids[0]")),
        ("groups", r#"{"title": "half \ud83d", "member_ids": []}"#, json!("title")),
    ] {
        let error = stage.ask(Method::POST, path).body(body).by(&alice).await;
        let error = error.is_refused(400, "malformed");
        assert_eq!(error["field"], field, "{body}");
        assert!(error["detail"].as_str().unwrap().contains("column"), "{error}");
    }
}
