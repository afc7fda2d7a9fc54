//! A bot that answers every text with the same text.
//!
//! ```sh
//! ./start                                   # in another terminal
//! cargo run --example echo_bot -- http://localhost:8080 echo 'a long password'
//! ```
//!
//! It registers if nobody has its name yet, accepts whoever asks to be its contact, and runs until its socket closes. A bot that must
//! not miss anything also stores the `ver` of each conversation and, after a new `welcome`, reads
//! `GET /api/v1/conversations/{id}/changes?after_ver=` (signalling/PROTOCOL.md, "The socket").

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use uuid::Uuid;

#[allow(dead_code, reason = "a test runs the bot from within itself")]
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, name, password] = &arguments[..] else {
        bail!("usage: echo_bot SERVER NAME PASSWORD");
    };
    Bot::sign_in(server, name, password).await?.run().await
}

/// Somebody who is signed in.
pub struct Bot {
    server: String,
    token: String,
    id: String,
    http: Client,
}

impl Bot {
    /// Registers, or signs in if the name is taken.
    pub async fn sign_in(server: &str, name: &str, password: &str) -> anyhow::Result<Bot> {
        let http = Client::new();
        let body = json!({ "name": name, "password": password });
        let post = |path: &str| http.post(format!("{server}/api/v1/{path}")).json(&body).send();
        let mut answer = post("users").await?;
        if answer.status() == StatusCode::CONFLICT {
            answer = post("logins").await?;
        }
        let signed_in: Value = answer.error_for_status()?.json().await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("no string");
        let (token, id) = (text(&signed_in["access_token"])?, text(&signed_in["user"]["id"])?);
        Ok(Bot { server: server.to_owned(), token, id, http })
    }

    /// Answers until the socket closes.
    pub async fn run(self) -> anyhow::Result<()> {
        let address = format!("{}/api/v1/ws", self.server.replacen("http", "ws", 1));
        let mut request = address.into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("authorization", format!("Bearer {}", self.token).parse()?);
        headers.insert("sec-websocket-protocol", "beckon.v1+json".parse()?);
        let (mut socket, _) = connect_async(request).await?;
        socket.send(Message::text(json!({ "type": "hello" }).to_string())).await?;
        while let Some(message) = socket.next().await {
            let Message::Text(text) = message? else { continue };
            let frame: Value = serde_json::from_str(&text)?;
            match frame["type"].as_str() {
                Some("message") => {
                    if let Some(answer) = self.answer(&frame["message"]) {
                        socket.send(Message::text(answer.to_string())).await?;
                    }
                }
                // Who asked while we were away is in no frame.
                Some("welcome") => self.accept_all().await?,
                Some("contact_request") => self.accept(&frame["request"]).await?,
                Some("error") => eprintln!("refused: {}", frame["error"]["message"]),
                // A client ignores what it does not know: newer servers say more.
                _ => {}
            }
        }
        Ok(())
    }

    /// The same text again, unless it was our own.
    fn answer(&self, message: &Value) -> Option<Value> {
        let (sender, body) = (message["sender_id"].as_str()?, &message["body"]);
        if sender == self.id || body["type"] != "text" {
            return None;
        }
        Some(json!({
            "type": "send",
            "conversation_id": message["conversation_id"],
            // Sent again after a broken connection, the same id makes no second message.
            "client_msg_id": Uuid::now_v7(),
            "body": { "type": "text", "text": body["text"] },
        }))
    }

    async fn accept_all(&self) -> anyhow::Result<()> {
        let path = format!("{}/api/v1/contact-requests?direction=incoming", self.server);
        let answer = self.http.get(path).bearer_auth(&self.token).send().await?;
        let listed: Value = answer.error_for_status()?.json().await?;
        for request in listed["requests"].as_array().into_iter().flatten() {
            self.accept(request).await?;
        }
        Ok(())
    }

    async fn accept(&self, request: &Value) -> anyhow::Result<()> {
        if request["to"]["id"] == self.id.as_str() && request["status"] == "pending" {
            let id = request["id"].as_str().context("a request without an id")?;
            let path = format!("{}/api/v1/contact-requests/{id}/accept", self.server);
            self.http.post(path).bearer_auth(&self.token).send().await?.error_for_status()?;
        }
        Ok(())
    }
}
