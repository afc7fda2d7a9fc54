//! Who brings or reads a file, and from where, if that is known.

use crate::domain::ids::UserId;
use crate::domain::network::Network;
use crate::shares::Holder;

#[derive(Clone, Copy, Debug)]
pub struct Client {
    pub user: UserId,
    pub network: Option<Network>,
}

impl From<UserId> for Client {
    fn from(user: UserId) -> Self {
        Client { user, network: None }
    }
}

impl From<Client> for Holder {
    fn from(client: Client) -> Self {
        Holder { person: Some(client.user), network: client.network }
    }
}
