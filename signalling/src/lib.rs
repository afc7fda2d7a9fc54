//! Beckon's signalling: people, conversations and calls, and the doors to them.

pub mod accounts;
mod admin;
mod board;
pub mod bus;
pub mod cache;
pub mod calls;
pub mod chat;
mod check;
pub mod clock;
pub mod config;
pub mod contacts;
pub mod conversations;
pub mod domain;
pub mod durable;
pub mod files;
pub mod group_calls;
pub mod groups;
pub mod http;
pub mod hub;
pub mod ice;
pub mod json;
pub mod limits;
mod livekit;
pub mod media;
pub mod metrics;
pub mod node;
mod nodes;
pub mod notice;
mod opening;
mod pace;
mod paging;
pub mod passwords;
pub mod people;
pub mod places;
pub mod presence;
mod readiness;
pub mod rooms;
pub mod shares;
mod sockets;
mod start_error;
pub mod store;
mod upkeep;
pub mod words;
pub mod works;
mod ws;

use std::sync::Arc;
use std::time::Duration;

use beckon_sfu_api::MediaNode;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

pub use admin::{Admin, RoleSet};
pub use check::check;
pub use config::Config;
pub use http::{Arrival, openapi};
pub use readiness::{Ready, Unready};
pub use start_error::StartError;
pub use store::sql::Exclusive;

use crate::bus::Bus;
use crate::cache::Cache;
use crate::calls::facts::Facts;
use crate::calls::state::Calls;
use crate::chat::lanes::Lanes;
use crate::domain::ids::NodeId;
use crate::files::{Files, Storage};
use crate::group_calls::state::GroupCalls;
use crate::hub::{Close, Hub};
use crate::ice::{Ice, Revoke};
use crate::limits::RateLimits;
use crate::node::Node;
use crate::passwords::Passwords;
use crate::readiness::Readiness;
use crate::rooms::Rooms;
use crate::rooms::keys::Keys;
use crate::works::Works;

/// Signalling, started: its doors are in [`Signalling::router`].
pub struct Signalling {
    node: Arc<Node>,
}

impl Signalling {
    /// Opens the store (and brings its schema up to date), the cache and the bus. Without a media node there are no
    /// rooms. `relay` is told who must not relay any more.
    pub async fn start(
        id: NodeId,
        config: Config,
        media: Option<Arc<dyn MediaNode>>,
        relay: Option<Revoke>,
    ) -> Result<Signalling, StartError> {
        if let Some(error) = check(&config).into_iter().next() {
            return Err(error);
        }
        let db = opening::open_store(&config).await?;
        let redis = match config.redis_url.expose_secret() {
            "" => None,
            url => Some(redis::Client::open(url).map_err(StartError::RedisUrl)?),
        };
        let passwords = Passwords::new(&config.accounts).map_err(StartError::Settings)?;
        let (hub, stop) = (Arc::new(Hub::default()), CancellationToken::new());
        let cache = Cache::new(id, redis.clone());
        let bus = match redis {
            None => Bus::local(hub.clone()),
            Some(client) => Bus::redis(hub.clone(), client, id, stop.clone()),
        };
        let storage = Storage::local(&opening::objects(&config), config.files.disk_reserve_bytes)
            .map_err(StartError::DataDir)?;
        let keys = Keys::load(&config).map_err(StartError::RoomKey)?;
        let ice = Ice::new(config.calls.clone(), relay);
        let node = Arc::new(Node {
            id,
            calls: Calls::new(Facts::load(&db).await.map_err(StartError::Database)?),
            rooms: Arc::new(Rooms::new(&config.rooms, keys, ice.clone(), media, stop.clone())),
            ice,
            group_calls: GroupCalls::default(),
            files: Files::new(db.clone(), storage, config.files.clone()),
            lanes: Lanes::new(db.clone(), bus.clone(), config.limits.sends_waiting),
            limits: RateLimits::new(&config.limits, cache.clone()),
            sockets: sockets::shares(&config.limits),
            db,
            cache,
            hub,
            bus,
            passwords,
            works: Works::default(),
            readiness: Readiness::default(),
            config,
            stop,
        });
        upkeep::start(&node);
        Ok(Signalling { node })
    }

    /// Everything under `/api` and `/rtc`.
    pub fn router(&self) -> axum::Router {
        let doors = http::router(self.node.clone()).merge(livekit::router(self.node.clone()));
        http::around(doors, self.node.clone())
    }

    /// Whether requests can be served, within a second: draining, or without a database that reads and writes, a node
    /// is not ready. Redis being away is no reason: the node goes on alone.
    pub async fn ready(&self) -> Result<Ready, Unready> {
        if self.node.stop.is_cancelled() {
            return Err(Unready::Draining);
        }
        self.node.readiness.check(&self.node.db).await
    }

    /// Shows what is measured by looking and not by counting, to be called before each look at the metrics.
    pub fn observe(&self) {
        self.node.db.observe();
        self.node.lanes.observe();
        self.node.files.observe();
        self.node.cache.observe();
    }

    /// Sends sockets away to reconnect elsewhere and finishes what was promised, within `limit`.
    pub async fn drain(&self, limit: Duration) {
        self.node.files.drain();
        calls::stop(&self.node).await;
        group_calls::stop(&self.node).await;
        self.node.stop.cancel();
        self.node.cache.leave().await;
        self.node.hub.close_all(Close::Restart);
        let quiet = async {
            self.node.sockets.idle().await;
            self.node.files.idle().await;
            self.node.works.wait().await;
            self.node.lanes.flush().await;
        };
        if tokio::time::timeout(limit, quiet).await.is_err() {
            tracing::warn!("not everything was finished in time");
        }
    }
}

/// Claims the database for this process, if only one may serve from it. Held as long as it serves.
pub fn claim(config: &Config) -> Result<Exclusive, StartError> {
    std::fs::create_dir_all(&config.data_dir).map_err(StartError::DataDir)?;
    store::sql::claim(&opening::database_url(config)).map_err(StartError::Database)
}

/// Brings the schema of a database up to date.
pub async fn migrate(config: &Config) -> Result<(), StartError> {
    opening::open_store(config).await.map(drop)
}
