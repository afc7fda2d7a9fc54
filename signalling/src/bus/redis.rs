//! Notices between nodes over Redis pub/sub, on one channel.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use redis::Client;
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Notice;
use crate::domain::ids::NodeId;
use crate::hub::Hub;

const CHANNEL: &str = "beckon:notices";
/// Notices waiting for Redis; more are dropped, and a `Sync` follows when it answers again.
const WAITING_MAX: usize = 8192;
/// Notices sent in one round trip.
const PIPELINE_MAX: usize = 256;
const RETRY: Duration = Duration::from_millis(500);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

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
        hub: Arc<Hub>,
        node: NodeId,
        stop: CancellationToken,
    ) -> Link {
        let (waiting, queue) = mpsc::channel(WAITING_MAX);
        let publisher = Publisher { client: client.clone(), node, queue };
        tokio::spawn(stop.clone().run_until_cancelled_owned(publisher.run()));
        tokio::spawn(stop.run_until_cancelled_owned(subscribe(client, hub, node)));
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
            match self.client.get_multiplexed_async_connection().await {
                Ok(connection) => {
                    let _ = self.publish_all(connection, lost).await;
                    tracing::warn!("redis went away: notices reach this node only");
                }
                Err(error) => tracing::debug!(%error, "redis is away"),
            }
            lost = true;
            tokio::time::sleep(RETRY).await;
            while self.queue.try_recv().is_ok() {} // stale: a sync replaces them
        }
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
        while self.queue.recv_many(&mut batch, PIPELINE_MAX).await > 0 {
            let mut pipeline = redis::pipe();
            for text in batch.drain(..) {
                pipeline.publish(CHANNEL, text).ignore();
            }
            pipeline.query_async::<()>(&mut redis).await?;
        }
        Ok(())
    }
}

async fn subscribe(client: Client, hub: Arc<Hub>, node: NodeId) {
    let mut was_away = false;
    loop {
        if let Ok(mut subscription) = client.get_async_pubsub().await
            && subscription.subscribe(CHANNEL).await.is_ok()
        {
            if was_away {
                tracing::info!("redis is back");
                hub.deliver(&Notice::Sync);
            }
            let mut messages = subscription.on_message();
            while let Some(message) = messages.next().await {
                receive(&hub, node, message.get_payload_bytes());
            }
        }
        was_away = true;
        tokio::time::sleep(RETRY).await;
    }
}

fn receive(hub: &Hub, node: NodeId, bytes: &[u8]) {
    match serde_json::from_slice::<Envelope<Notice>>(bytes) {
        Ok(envelope) if envelope.from == node => {} // delivered when it was published
        Ok(envelope) => hub.deliver(&envelope.notice),
        Err(error) => tracing::warn!(%error, "a notice of another version was skipped"),
    }
}
