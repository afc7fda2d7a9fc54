//! Set-up and reading over REST: people, contacts, groups, histories.

use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::{Client, Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::Uuid;

/// What the protocol lets a group hold.
pub(super) const GROUP_MEMBERS_MAX: u32 = 500;

/// Requests under way at a time: enough to keep password hashing busy, not so many that they time out.
const CONCURRENCY: usize = 8;

/// How often a request that was told to slow down is sent again.
const ATTEMPTS_MAX: u32 = 20;

/// A registered user, signed in.
#[derive(Clone)]
pub(super) struct Person {
    http: Client,
    url: String,
    user_id: String,
    pub(super) token: String,
}

/// A group and the state it was in when the load began.
pub(super) struct Conversation {
    pub(super) id: String,
    pub(super) last_seq: u64,
    pub(super) last_ver: u64,
    owner: Person,
}

/// A message as history tells it.
#[derive(Debug, Deserialize)]
pub(super) struct Recorded {
    pub(super) seq: u64,
    pub(super) client_msg_id: Uuid,
}

/// Registers `count` people under names that no earlier run used.
pub(super) async fn register(url: &str, count: u32) -> anyhow::Result<Vec<Person>> {
    let http = Client::builder().timeout(Duration::from_secs(60)).build()?;
    let run = &Uuid::new_v4().simple().to_string()[..12];
    stream::iter(0..count)
        .map(|index| Person::register(http.clone(), url, format!("bench-{run}-{index}")))
        .buffered(CONCURRENCY)
        .try_collect()
        .await
        .context("registering the people")
}

/// Opens one group for every `count`th person, who owns it; everybody is in exactly one.
pub(super) async fn open_groups(
    people: &[Person],
    count: u32,
) -> anyhow::Result<Vec<Conversation>> {
    stream::iter(0..count as usize)
        .map(|first| {
            let members = people.iter().skip(first).step_by(count as usize).cloned().collect();
            open_group(members)
        })
        .buffered(CONCURRENCY)
        .try_collect()
        .await
        .context("opening the groups")
}

/// Reads the counters anew, once nothing but the load will move them.
pub(super) async fn refresh(groups: &mut [Conversation]) -> anyhow::Result<()> {
    for group in groups {
        let counters: Counters = group.owner.get(&format!("conversations/{}", group.id)).await?;
        (group.last_seq, group.last_ver) = (counters.last_seq, counters.last_ver);
    }
    Ok(())
}

impl Conversation {
    /// Every message since the load began, read change by change; a missing `ver` is an error.
    pub(super) async fn history(&self) -> anyhow::Result<Vec<Recorded>> {
        let (mut messages, mut ver) = (Vec::new(), self.last_ver);
        loop {
            let path = format!("conversations/{}/changes?after_ver={ver}&limit=100", self.id);
            let page: Changes = self.owner.get(&path).await.context("reading the changes")?;
            for change in page.changes {
                ver += 1;
                anyhow::ensure!(
                    change.ver == ver,
                    "the history jumps from ver {} to {}",
                    ver - 1,
                    change.ver
                );
                messages.extend(change.message);
            }
            if !page.more {
                return Ok(messages);
            }
        }
    }
}

async fn open_group(members: Vec<Person>) -> anyhow::Result<Conversation> {
    let (owner, others) = members.split_first().context("a group of nobody")?;
    owner.ask(Method::PATCH, "me", json!({"direct_add": true})).await?;
    for other in others {
        other.ask(Method::POST, "contact-requests", json!({"user_id": owner.user_id})).await?;
    }
    let ids: Vec<_> = others.iter().map(|other| &other.user_id).collect();
    let group =
        owner.ask(Method::POST, "groups", json!({"title": "Benchmark", "member_ids": ids})).await?;
    let id = group["id"].as_str().context("a group without an id")?.to_owned();
    Ok(Conversation { id, last_seq: 0, last_ver: 0, owner: owner.clone() })
}

impl Person {
    async fn register(http: Client, url: &str, name: String) -> anyhow::Result<Self> {
        let mut person =
            Self { http, url: url.to_owned(), user_id: String::new(), token: String::new() };
        let account = json!({"name": name, "password": "bench password"});
        let signed_in: SignedIn =
            serde_json::from_value(person.ask(Method::POST, "users", account).await?)?;
        (person.user_id, person.token) = (signed_in.user.id, signed_in.access_token);
        Ok(person)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        Ok(serde_json::from_value(self.ask(Method::GET, path, Value::Null).await?)?)
    }

    /// One request, patient with a server that says when to come back.
    async fn ask(&self, method: Method, path: &str, body: Value) -> anyhow::Result<Value> {
        for _ in 0..ATTEMPTS_MAX {
            let mut request =
                self.http.request(method.clone(), format!("{}/api/v1/{path}", self.url));
            if !self.token.is_empty() {
                request = request.bearer_auth(&self.token);
            }
            if !body.is_null() {
                request = request.json(&body);
            }
            let answer = request.send().await?;
            let status = answer.status();
            let value: Value = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
            match status {
                _ if status.is_success() => return Ok(value),
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    let wait = value["retry_after_ms"].as_u64().unwrap_or(500).min(5_000);
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                }
                _ => bail!("{method} {path} was refused with {status}: {value}"),
            }
        }
        bail!("{method} {path} was told to slow down {ATTEMPTS_MAX} times")
    }
}

#[derive(Deserialize)]
struct SignedIn {
    user: User,
    access_token: String,
}

#[derive(Deserialize)]
struct User {
    id: String,
}

#[derive(Deserialize)]
struct Counters {
    last_seq: u64,
    last_ver: u64,
}

#[derive(Deserialize)]
struct Changes {
    changes: Vec<Change>,
    more: bool,
}

#[derive(Deserialize)]
struct Change {
    ver: u64,
    message: Option<Recorded>,
}
