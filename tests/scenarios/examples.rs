//! What `examples/` holds, against a real node.

use serde_json::json;

use crate::stage::Stage;

#[path = "../../examples/echo_bot.rs"]
mod echo_bot;

use echo_bot::Bot;

#[tokio::test]
async fn the_echo_bot_becomes_a_contact_and_answers() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let url = stage.first().url();
    let bot = Bot::sign_in(&url, "echo", "a long password").await.unwrap();
    let running = tokio::spawn(async { panic!("the bot has ended: {:?}", bot.run().await) });
    let found = alice.get("/users?name=echo").await.ok();
    let echo = &found["users"][0]["id"];
    alice.post("/contact-requests", json!({ "user_id": echo })).await.ok();
    let accepted = |frame: &serde_json::Value| frame["contact"]["user"]["id"] == *echo;
    alice.notices_that("contact", accepted).await;
    let direct = alice.post("/conversations/direct", json!({ "user_id": echo })).await;
    let room = crate::stage::Room::of(&direct.ok());
    alice.says("is anybody there?", &room).await;
    let from_the_bot = |frame: &serde_json::Value| frame["message"]["sender_id"] == *echo;
    let answer = alice.notices_that("message", |frame| {
        from_the_bot(frame) && frame["message"]["body"]["type"] == "text"
    });
    assert_eq!(answer.await["message"]["body"]["text"], "is anybody there?");
    running.abort();
    // Whoever has the name already is signed in.
    Bot::sign_in(&url, "echo", "a long password").await.unwrap();
}
