//! A client as PROTOCOL.md asks for one: sends again what was not acked, resumes, and syncs by `ver` when it must.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use uuid::Uuid;

use crate::network::{LinkId, Time, Up};

/// Without an answer for this long a request is made again.
pub(crate) const PATIENCE: Time = 3_000;

/// What a client wants done after it was told something.
#[derive(Debug)]
pub(crate) enum Wish {
    Say(Up),
    /// Ask for the changes after what is known, over REST.
    Sync,
}

pub(crate) struct Client {
    pub(crate) link: Option<LinkId>,
    /// The socket to resume: its id and the newest `n` seen.
    socket: Option<(String, u64)>,
    welcomed: bool,
    resuming: bool,
    /// Messages by `seq`: their client ids.
    pub(crate) timeline: BTreeMap<i64, Uuid>,
    pub(crate) ver: i64,
    /// Sent and not acked, in the order of sending.
    pub(crate) unacked: Vec<Uuid>,
    pub(crate) acked: HashMap<Uuid, i64>,
    /// How far each user has read, as far as we were told.
    pub(crate) read: HashMap<String, i64>,
    /// How often the club was heard.
    pub(crate) probes: usize,
    pub(crate) syncing_since: Option<Time>,
    /// A gap was seen while a sync was under way: its answer may be too old.
    sync_again: bool,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self {
            link: None,
            socket: None,
            welcomed: false,
            resuming: false,
            timeline: BTreeMap::new(),
            ver: 0,
            unacked: Vec::new(),
            acked: HashMap::new(),
            read: HashMap::new(),
            probes: 0,
            syncing_since: None,
            sync_again: false,
        }
    }

    /// What to say first on a new connection.
    pub(crate) fn on_connected(&mut self, link: LinkId) -> Up {
        self.link = Some(link);
        self.welcomed = false;
        self.resuming = self.socket.is_some();
        match &self.socket {
            Some((socket_id, n)) => Up::Resume { socket_id: socket_id.clone(), n: *n },
            None => Up::Hello,
        }
    }

    pub(crate) fn on_disconnected(&mut self) {
        self.link = None;
        self.welcomed = false;
    }

    /// A page reload: only what a browser stores survives, the timeline and the unsent.
    pub(crate) fn forget_socket(&mut self) {
        self.socket = None;
        self.syncing_since = None;
        self.on_disconnected();
    }

    /// Whether frames other than the first may be said.
    pub(crate) fn is_live(&self) -> bool {
        self.link.is_some() && self.welcomed
    }

    pub(crate) fn write(&mut self, id: Uuid) -> Vec<Wish> {
        self.unacked.push(id);
        if self.is_live() { vec![Wish::Say(Up::Send { client_msg_id: id })] } else { vec![] }
    }

    pub(crate) fn on_frame(&mut self, frame: &Value) -> Vec<Wish> {
        let kind = frame["type"].as_str().expect("a type");
        if kind == "welcome" {
            return self.on_welcome(frame);
        }
        let n = frame["n"].as_u64().expect("every frame has a number");
        let (_, seen) = self.socket.as_mut().expect("a welcome comes first");
        assert_eq!(n, *seen + 1, "a frame is missing or doubled: {frame}");
        *seen = n;
        match kind {
            "ack" => self.on_ack(frame),
            "message" => self.on_message(&frame["message"]),
            "receipt" => self.on_receipt(frame),
            "sync" => self.want_sync(),
            "typing" => {
                self.probes += 1;
                vec![]
            }
            "error" => panic!("a correct client is never refused: {frame}"),
            _ => vec![],
        }
    }

    fn on_welcome(&mut self, frame: &Value) -> Vec<Wish> {
        self.welcomed = true;
        let id = frame["socket_id"].as_str().expect("a socket id").to_owned();
        let recovered = frame["recovered"] == true;
        assert!(self.resuming || !recovered, "nothing was asked to be recovered");
        let n = frame["n"].as_u64().expect("every frame has a number");
        let mut wishes = Vec::new();
        match &self.socket {
            Some(former) if recovered => assert_eq!(*former, (id, n), "recovered something else"),
            _ => {
                self.socket = Some((id, n));
                wishes = self.want_sync();
            }
        }
        wishes.extend(
            self.unacked.iter().map(|&client_msg_id| Wish::Say(Up::Send { client_msg_id })),
        );
        wishes
    }

    /// An ack over the socket or as the answer to a POST.
    pub(crate) fn on_ack(&mut self, ack: &Value) -> Vec<Wish> {
        let id: Uuid = ack["client_msg_id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let (seq, ver) = (ack["seq"].as_i64().expect("a seq"), ack["ver"].as_i64().expect("a ver"));
        self.unacked.retain(|unacked| *unacked != id);
        let first = *self.acked.entry(id).or_insert(seq);
        assert_eq!(first, seq, "one message was acked with two numbers");
        self.apply(seq, ver, id)
    }

    fn on_message(&mut self, message: &Value) -> Vec<Wish> {
        let id = message["client_msg_id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        self.apply(
            message["seq"].as_i64().expect("a seq"),
            message["ver"].as_i64().expect("a ver"),
            id,
        )
    }

    /// Puts a message into the timeline; what comes after a hole waits for the sync.
    fn apply(&mut self, seq: i64, ver: i64, id: Uuid) -> Vec<Wish> {
        let known = *self.timeline.entry(seq).or_insert(id);
        assert_eq!(known, id, "two messages have the number {seq}");
        match ver - self.ver {
            ..=0 => vec![],
            1 => {
                self.ver = ver;
                vec![]
            }
            _ => self.want_sync(),
        }
    }

    fn on_receipt(&mut self, receipt: &Value) -> Vec<Wish> {
        let user = receipt["user_id"].as_str().expect("a user").to_owned();
        self.on_read(user, receipt["read_seq"].as_i64().expect("a seq"));
        vec![]
    }

    /// Receipts are cumulative, so the highest one heard holds.
    pub(crate) fn on_read(&mut self, user: String, seq: i64) {
        let read = self.read.entry(user).or_default();
        *read = seq.max(*read);
    }

    fn want_sync(&mut self) -> Vec<Wish> {
        self.sync_again = self.syncing_since.is_some();
        if self.sync_again { vec![] } else { vec![Wish::Sync] }
    }

    /// A page of changes; `ver`s are dense from where we asked.
    pub(crate) fn on_changes(&mut self, changes: &[(i64, i64, Uuid)], more: bool) -> Vec<Wish> {
        self.syncing_since = None;
        for &(ver, seq, id) in changes {
            assert!(ver <= self.ver + 1, "the changes have a hole before {ver}");
            let wishes = self.apply(seq, ver, id);
            assert!(wishes.is_empty());
        }
        let again = std::mem::take(&mut self.sync_again);
        if more || again { vec![Wish::Sync] } else { vec![] }
    }
}
