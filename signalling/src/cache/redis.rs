//! The few things asked of Redis. Every call is bounded in time, and a Redis that failed is left alone for a
//! moment, so that its absence costs a request nothing.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, FromRedisValue, RedisError, RedisResult};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::PRESENCE_LIFE;
use super::nodes::NODES;
use crate::clock::{now_ms, ticks_ms};
use crate::domain::ids::{NodeId, UserId};
use crate::domain::user::Availability;

const ANSWER_WITHIN: Duration = Duration::from_millis(500);
/// After a failure nothing is asked for this long.
const REST_MS: i64 = 1_000;

#[derive(Clone)]
pub(super) struct Redis {
    client: Client,
    connection: Arc<Mutex<Arc<OnceCell<ConnectionManager>>>>,
    /// In ticks.
    resting_until: Arc<AtomicI64>,
}

impl Redis {
    pub(super) fn new(client: Client) -> Redis {
        Redis { client, connection: Arc::default(), resting_until: Arc::default() }
    }

    pub(super) fn is_down(&self) -> bool {
        ticks_ms() < self.resting_until.load(Ordering::Relaxed)
    }

    pub(super) async fn ask<T: FromRedisValue>(&self, command: Cmd) -> RedisResult<T> {
        if self.is_down() {
            return Err(away());
        }
        let answer = tokio::time::timeout(ANSWER_WITHIN, async {
            let mut connection = self.connect().await?;
            command.query_async(&mut connection).await
        });
        self.judge(answer.await.unwrap_or_else(|_| Err(away())))
    }

    pub(super) async fn ask_all<T: FromRedisValue>(
        &self,
        pipeline: redis::Pipeline,
    ) -> RedisResult<T> {
        if self.is_down() {
            return Err(away());
        }
        let answer = tokio::time::timeout(ANSWER_WITHIN, async {
            let mut connection = self.connect().await?;
            pipeline.query_async(&mut connection).await
        });
        self.judge(answer.await.unwrap_or_else(|_| Err(away())))
    }

    fn judge<T>(&self, answer: RedisResult<T>) -> RedisResult<T> {
        if let Err(error) = &answer {
            tracing::warn!(%error, "redis does not answer: this node goes on alone");
            metrics::counter!("beckon_redis_failures_total").increment(1);
            self.resting_until.store(ticks_ms() + REST_MS, Ordering::Relaxed);
            // one that went silent would stay so until the kernel gives it up, a quarter of an hour later
            *self.lock() = Arc::default();
        }
        answer
    }

    async fn connect(&self) -> RedisResult<ConnectionManager> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(ANSWER_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN));
        let connect = || ConnectionManager::new_with_config(self.client.clone(), config);
        let connection = self.lock().clone();
        connection.get_or_try_init(connect).await.cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Arc<OnceCell<ConnectionManager>>> {
        self.connection.lock().expect("nothing panics under this lock")
    }

    pub(super) async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let mut command = redis::cmd("GET");
        command.arg(key);
        let text: Option<String> = self.ask(command).await.ok()?;
        serde_json::from_str(&text?).ok()
    }

    pub(super) async fn set_json<T: Serialize>(&self, key: &str, value: &T, life: Duration) {
        let text = serde_json::to_string(value).expect("cached values have only text keys");
        let mut command = redis::cmd("SET");
        command.arg(key).arg(text).arg("PX").arg(life.as_millis() as u64);
        let _ = self.ask::<()>(command).await;
    }

    /// Reads and deletes in one step.
    pub(super) async fn take_json<T: DeserializeOwned>(&self, key: &str) -> RedisResult<Option<T>> {
        let mut command = redis::cmd("GETDEL");
        command.arg(key);
        let text: Option<String> = self.ask(command).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// All values of a hash, as far as they can be read.
    pub(super) async fn read_all_of<T: DeserializeOwned>(&self, key: String) -> Vec<T> {
        let mut command = redis::cmd("HVALS");
        command.arg(key);
        let values: Vec<String> = self.ask(command).await.unwrap_or_default();
        values.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
    }

    /// One hash a person, one field a node; it counts while the node lives. The time after the state is for nodes of
    /// former versions.
    pub(super) async fn set_presence(&self, user: UserId, node: NodeId, state: Availability) {
        let word = match state {
            Availability::Online => "online",
            Availability::Away => "away",
            Availability::Offline => return self.unset_presence(user, node).await,
        };
        let life = PRESENCE_LIFE.as_millis() as i64;
        let mut pipeline = redis::pipe();
        pipeline
            .hset(presence_key(user), node.to_string(), format!("{word}:{}", now_ms() + life))
            .ignore()
            .pexpire(presence_key(user), life)
            .ignore()
            .sadd(NODES, node.to_string())
            .ignore()
            .sadd(people_key(node), user.to_string())
            .ignore()
            .pexpire(people_key(node), life)
            .ignore();
        let _ = self.ask_all::<()>(pipeline).await;
    }

    async fn unset_presence(&self, user: UserId, node: NodeId) {
        let mut pipeline = redis::pipe();
        pipeline
            .hdel(presence_key(user), node.to_string())
            .ignore()
            .srem(people_key(node), user.to_string())
            .ignore();
        let _ = self.ask_all::<()>(pipeline).await;
    }

    /// Takes everybody off a node, and says who was on it.
    pub(super) async fn take_people(&self, node: NodeId) -> Vec<UserId> {
        let mut command = redis::cmd("SMEMBERS");
        command.arg(people_key(node));
        let people: Vec<String> = self.ask(command).await.unwrap_or_default();
        let people: Vec<_> = people.iter().filter_map(|id| id.parse().ok().map(UserId)).collect();
        for user in &people {
            self.unset_presence(*user, node).await;
        }
        people
    }

    /// How people are on all nodes but `but`; `None` when Redis is away.
    pub(super) async fn presences(
        &self,
        users: &[UserId],
        but: NodeId,
    ) -> Option<Vec<Availability>> {
        let mut pipeline = redis::pipe();
        pipeline.smembers(NODES);
        for user in users {
            pipeline.hgetall(presence_key(*user));
        }
        let mut answers = self.ask_all::<Vec<redis::Value>>(pipeline).await.ok()?.into_iter();
        let nodes: HashSet<String> = redis::from_redis_value(answers.next()?).ok()?;
        let but = but.to_string();
        let state = |fields: redis::Value| {
            let fields: Vec<(String, String)> = redis::from_redis_value(fields).unwrap_or_default();
            fields
                .iter()
                .filter(|(node, _)| *node != but && nodes.contains(node))
                .map(|(_, value)| parse_presence(value))
                .fold(Availability::Offline, Availability::nearest)
        };
        Some(answers.map(state).collect())
    }
}

fn parse_presence(value: &str) -> Availability {
    match value.split(':').next() {
        Some("online") => Availability::Online,
        Some("away") => Availability::Away,
        _ => Availability::Offline,
    }
}

fn people_key(node: NodeId) -> String {
    format!("beckon:people_on:{node}")
}

fn presence_key(user: UserId) -> String {
    format!("beckon:presence:{user}")
}

fn away() -> RedisError {
    (redis::ErrorKind::Io, "redis is away").into()
}
