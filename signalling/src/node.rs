//! One running process: the parts that every use case works with.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::bus::Bus;
use crate::cache::Cache;
use crate::calls::state::Calls;
use crate::chat::lanes::Lanes;
use crate::config::Config;
use crate::domain::ids::NodeId;
use crate::files::state::Files;
use crate::group_calls::state::GroupCalls;
use crate::hub::Hub;
use crate::ice::Ice;
use crate::limits::RateLimits;
use crate::passwords::Passwords;
use crate::readiness::Readiness;
use crate::rooms::Rooms;
use crate::shares::Shares;
use crate::store::sql::Db;
use crate::works::Works;

pub struct Node {
    pub id: NodeId,
    pub config: Config,
    pub db: Db,
    pub cache: Cache,
    pub hub: Arc<Hub>,
    pub bus: Bus,
    pub lanes: Lanes,
    pub calls: Calls,
    pub rooms: Arc<Rooms>,
    pub group_calls: GroupCalls,
    pub ice: Ice,
    pub limits: RateLimits,
    pub passwords: Passwords,
    pub files: Files,
    /// Acts that write and are under way.
    pub works: Works,
    pub readiness: Readiness,
    /// A place for each open connection, greeted or not.
    pub sockets: Shares,
    /// Cancelled when the process drains.
    pub stop: CancellationToken,
}
