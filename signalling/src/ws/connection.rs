//! A greeted socket, as its frames see it.

use std::sync::Arc;

use crate::domain::login::Caller;
use crate::domain::refusal::Lang;
use crate::hub::Mailbox;
use crate::node::Node;

pub(super) struct Connection {
    pub(super) node: Arc<Node>,
    pub(super) caller: Caller,
    pub(super) lang: Lang,
    pub(super) mailbox: Arc<Mailbox>,
}
