//! Notices between nodes over Redis pub/sub, on one channel.

use std::time::Duration;

use futures_util::StreamExt;
use redis::Client;
use redis::aio::{MultiplexedConnection, PubSub};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::delivery::Delivery;
use crate::domain::ids::NodeId;
use crate::notice::Notice;

const CHANNEL: &str = "beckon:notices";
/// Notices waiting for Redis; more are dropped, and a `Sync` follows when it answers again.
const WAITING_MAX: usize = 8192;
/// Notices sent in one round trip.
const PIPELINE_MAX: usize = 256;
const RETRY: Duration = Duration::from_millis(500);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// A Redis that goes silent is noticed within this and [`ANSWER_WITHIN`].
const PING_EVERY: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub(super) struct Link {
    node: NodeId,
    waiting: mpsc::Sender<String>,
}

#[derive(Serialize, Deserialize)]
struct Envelope<N> {
    from: NodeId,
    notice: N,
}

impl Link {
    pub(super) fn start(
        client: Client,
        here: Delivery,
        node: NodeId,
        stop: CancellationToken,
    ) -> Link {
        let (waiting, queue) = mpsc::channel(WAITING_MAX);
        let publisher = Publisher { client: client.clone(), node, queue };
        tokio::spawn(stop.clone().run_until_cancelled_owned(publisher.run()));
        tokio::spawn(stop.run_until_cancelled_owned(subscribe(client, here, node)));
        Link { node, waiting }
    }

    pub(super) fn send(&self, notice: &Notice) {
        let envelope = Envelope { from: self.node, notice };
        let text = serde_json::to_string(&envelope).expect("notices have only text keys");
        if self.waiting.try_send(text).is_err() {
            metrics::counter!("beckon_bus_dropped_total").increment(1);
        }
    }
}

struct Publisher {
    client: Client,
    node: NodeId,
    queue: mpsc::Receiver<String>,
}

impl Publisher {
    async fn run(mut self) {
        let mut lost = false;
        loop {
            match self.connect().await {
                Ok(connection) => {
                    let _ = self.publish_all(connection, lost).await;
                    tracing::warn!("redis went away: notices reach this node only");
                }
                Err(error) if !lost => {
                    tracing::warn!(%error, "redis does not answer: notices reach this node only");
                }
                Err(error) => tracing::debug!(%error, "redis is away"),
            }
            lost = true;
            tokio::time::sleep(RETRY).await;
            while self.queue.try_recv().is_ok() {} // stale: a sync replaces them
        }
    }

    async fn connect(&self) -> redis::RedisResult<MultiplexedConnection> {
        let connecting = self.client.get_multiplexed_async_connection();
        timeout(CONNECT_WITHIN, connecting).await.unwrap_or_else(|_| Err(silent()))
    }

    async fn publish_all(
        &mut self,
        mut redis: MultiplexedConnection,
        lost: bool,
    ) -> redis::RedisResult<()> {
        redis.set_response_timeout(ANSWER_WITHIN);
        if lost {
            let sync = Envelope { from: self.node, notice: Notice::Sync };
            let text = serde_json::to_string(&sync).expect("notices have only text keys");
            redis::cmd("PUBLISH").arg(CHANNEL).arg(text).query_async::<()>(&mut redis).await?;
        }
        let mut batch = Vec::with_capacity(PIPELINE_MAX);
        loop {
            let queued = timeout(PING_EVERY, self.queue.recv_many(&mut batch, PIPELINE_MAX)).await;
            let mut pipeline = redis::pipe();
            for text in batch.drain(..) {
                pipeline.publish(CHANNEL, text).ignore();
            }
            match queued {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                // nothing to say: is it still there to hear the next?
                Err(_) => {
                    pipeline.cmd("PING").ignore();
                }
            }
            pipeline.query_async::<()>(&mut redis).await?;
        }
    }
}

async fn subscribe(client: Client, here: Delivery, node: NodeId) {
    let mut was_away = false;
    loop {
        if let Ok(subscription) = subscription(&client).await {
            if was_away {
                tracing::info!("redis is back");
                here.deliver(&Notice::Sync);
            }
            listen(subscription, &here, node).await;
        }
        was_away = true;
        tokio::time::sleep(RETRY).await;
    }
}

async fn subscription(client: &Client) -> redis::RedisResult<PubSub> {
    let subscribing = async {
        let mut subscription = client.get_async_pubsub().await?;
        subscription.subscribe(CHANNEL).await?;
        Ok(subscription)
    };
    timeout(CONNECT_WITHIN, subscribing).await.unwrap_or_else(|_| Err(silent()))
}

/// Hands on what comes, until the connection ends or goes silent: a Redis that was cut off sends nothing, and neither
/// does one with nothing to say, so it is asked.
async fn listen(subscription: PubSub, here: &Delivery, node: NodeId) {
    let (mut sink, mut messages) = subscription.split();
    let hearing = async {
        while let Some(message) = messages.next().await {
            receive(here, node, message.get_payload_bytes());
        }
    };
    let asking = async {
        loop {
            tokio::time::sleep(PING_EVERY).await;
            let answer = timeout(ANSWER_WITHIN, sink.ping::<redis::Value>()).await;
            if !matches!(answer, Ok(Ok(_))) {
                return;
            }
        }
    };
    tokio::select! {
        () = hearing => {}
        () = asking => {}
    }
}

fn silent() -> redis::RedisError {
    (redis::ErrorKind::Io, "redis does not answer").into()
}

fn receive(here: &Delivery, node: NodeId, bytes: &[u8]) {
    match serde_json::from_slice::<Envelope<Notice>>(bytes) {
        Ok(envelope) if envelope.from == node => {} // delivered when it was published
        Ok(envelope) => here.deliver(&envelope.notice),
        Err(error) => tracing::warn!(%error, "a notice of another version was skipped"),
    }
}
