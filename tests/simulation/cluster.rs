//! The server side: the real store, and nodes made of the real hub and mailboxes behind a model of the socket door.

use std::{collections::BTreeMap, sync::Arc};

use beckon_signalling::{
    domain::{
        conversation::{Progress, Receipt, Role},
        frame::{Payload, ServerFrame},
        ids::{AppId, ClientMsgId, ConversationId, LoginId, MessageId, SocketId, UserId},
        message::{Ack, Body, Change, ChangeKind, Message},
    },
    hub::{Attachment, Hub, Mailbox, Next, Reading},
    notice::Notice,
    store::{
        conversations,
        messages::{self, Author, NewMessage, Sent},
        sql::Db,
    },
};
use futures_util::FutureExt;
use tempfile::TempDir;
use uuid::Uuid;

use crate::network::{LinkId, Time};

/// Changes in one answer; small, so that clients have to page.
const PAGE: i64 = 20;

/// Messages in one commit; small, so that there are many.
pub(crate) const GROUP: usize = 16;

/// One store for all runs; each has a conversation of its own.
pub(crate) struct Store {
    db: Db,
    _folder: TempDir,
}

impl Store {
    pub(crate) async fn create() -> Self {
        let folder = TempDir::with_prefix("beckon-simulation-").expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        Self { db: Db::open(&url).await.expect("a store"), _folder: folder }
    }

    pub(crate) async fn open_conversation(&self, users: &[UserId]) -> ConversationId {
        let id = ConversationId::fresh();
        let members: Vec<_> = users.iter().map(|&user| (user, Role::Member)).collect();
        let mut tx = self.db.begin().await.expect("a transaction");
        conversations::create_group(&mut tx, id, AppId::DEFAULT, "Simulation", 0)
            .await
            .expect("a group");
        conversations::add_members(&mut tx, id, &members, 0).await.expect("members");
        tx.commit().await.expect("a commit");
        id
    }

    /// Lets somebody in or out and tells what they are now.
    pub(crate) async fn change_member(&self, id: ConversationId, user: UserId) -> bool {
        let mut tx = self.db.begin().await.expect("a transaction");
        let joins = !conversations::remove_member(&mut tx, id, user).await.expect("a removal");
        if joins {
            let member = [(user, Role::Member)];
            conversations::add_members(&mut tx, id, &member, 0).await.expect("a member");
        }
        tx.commit().await.expect("a commit");
        joins
    }

    pub(crate) async fn conversations_of(&self, user: UserId) -> Vec<ConversationId> {
        conversations::ids_of(&self.db, user).await.expect("a list")
    }

    pub(crate) async fn append(&self, batch: &[NewMessage]) -> Vec<Sent> {
        messages::append_all(&self.db, batch).await.expect("a commit")
    }

    /// A page of (ver, seq, client id), and whether more follows.
    pub(crate) async fn changes(
        &self,
        id: ConversationId,
        after_ver: i64,
    ) -> (Vec<(i64, i64, Uuid)>, bool) {
        let changes = messages::changes(&self.db, id, after_ver, PAGE).await.expect("changes");
        let more = changes.len() as i64 == PAGE;
        let brief = |change: Change| match change.what {
            ChangeKind::Message { message } => (change.ver, message.seq, message.client_msg_id.0),
            ChangeKind::Recall { .. } | ChangeKind::Unknown => unreachable!("nobody recalls here"),
        };
        (changes.into_iter().map(brief).collect(), more)
    }

    /// Moves a reader forward and returns the receipt that members are told, if it moved at all.
    pub(crate) async fn read(
        &self,
        id: ConversationId,
        user: UserId,
        read_seq: i64,
    ) -> Option<Receipt> {
        let before = self.place(id, user).await;
        let to =
            Progress { received_seq: read_seq, read_seq }.clamped(before.conversation.last_seq);
        conversations::advance(&self.db, id, user, to).await.expect("a receipt");
        let after = self.place(id, user).await;
        assert!(after.read_seq >= before.read_seq, "a receipt moved back");
        assert!(
            after.read_seq <= after.received_seq
                && after.received_seq <= after.conversation.last_seq
        );
        let receipt = Receipt {
            conversation_id: id,
            user_id: user,
            received_seq: after.received_seq,
            read_seq: after.read_seq,
        };
        (after.read_seq > before.read_seq).then_some(receipt)
    }

    pub(crate) async fn cursors(&self, id: ConversationId) -> Vec<(UserId, i64)> {
        let cursors = conversations::cursors_in(&self.db, [id]).await.expect("cursors");
        cursors.into_iter().map(|(_, user, _, read)| (user, read)).collect()
    }

    async fn place(&self, id: ConversationId, user: UserId) -> conversations::Place {
        conversations::place(&self.db, id, user).await.expect("a place").expect("a member")
    }
}

/// Who wants to know that a message is committed.
pub(crate) enum Asker {
    Socket(Arc<Mailbox>),
    Post { client: usize },
}

/// One process.
#[derive(Default)]
pub(crate) struct Node {
    pub(crate) hub: Arc<Hub>,
    pub(crate) doors: BTreeMap<LinkId, Door>,
    /// Messages in line for the next commit.
    pub(crate) waiting: Vec<(NewMessage, Asker)>,
    /// Counts restarts, so that what was planned for an earlier life is not done in this one.
    pub(crate) life: u32,
    pub(crate) down: bool,
}

/// The server's end of a connection.
pub(crate) struct Door {
    pub(crate) user: UserId,
    pub(crate) login: LoginId,
    pub(crate) mailbox: Option<(Arc<Mailbox>, Attachment)>,
    /// Nothing is written before the welcome.
    pub(crate) welcomed: bool,
    /// The reader does not read before this.
    pub(crate) stalled_until: Time,
}

/// What a door writes to its connection.
pub(crate) enum Written {
    Frame(String),
    Close,
}

impl Node {
    /// Registers a fresh socket; the welcome follows once the person's conversations are known.
    pub(crate) fn hello(&mut self, link: LinkId) -> Option<Reading> {
        let door = self.doors.get_mut(&link)?;
        door.mailbox = Some((self.hub.open(door.user, door.login), 0));
        Some(self.hub.reading(door.user))
    }

    /// Subscribes a fresh socket and returns its welcome; whatever happens from here on reaches it.
    pub(crate) fn listen(
        &mut self,
        link: LinkId,
        reading: Reading,
        conversations: Vec<ConversationId>,
    ) -> Option<String> {
        self.hub.listen(reading, conversations);
        let door = self.doors.get_mut(&link)?;
        door.welcome(false, 0)
    }

    /// Goes on with a former socket and returns its welcome; none when a fresh one has to be made.
    pub(crate) fn resume(&mut self, link: LinkId, id: &str, n: u64, now: Time) -> Option<String> {
        let door = self.doors.get_mut(&link)?;
        let id = SocketId(id.parse().expect("an id we gave out"));
        door.mailbox = Some(self.hub.resume(id, door.user, door.login, n, now)?);
        door.welcome(true, n)
    }

    /// The connection ended, as far as the server can tell.
    pub(crate) fn hang_up(&mut self, link: LinkId, now: Time) {
        if let Some(Door { mailbox: Some((mailbox, attachment)), .. }) = self.doors.remove(&link) {
            self.hub.detach(&mailbox, attachment, now);
        }
    }

    /// Everything that the doors write now.
    pub(crate) fn write(&mut self, now: Time) -> Vec<(LinkId, Written)> {
        let mut written = Vec::new();
        for (&link, door) in &self.doors {
            let Some((mailbox, attachment)) = &door.mailbox else { continue };
            if now < door.stalled_until || !door.welcomed {
                continue;
            }
            while let Some(next) = mailbox.next(*attachment, 32).now_or_never() {
                match next {
                    Next::Frames(frames) => {
                        let texts =
                            frames.into_iter().map(|(n, frame)| Written::Frame(frame.numbered(n)));
                        written.extend(texts.map(|text| (link, text)));
                    }
                    Next::Close(_) => {
                        written.push((link, Written::Close));
                        break;
                    }
                }
            }
        }
        for (link, what) in &written {
            if matches!(what, Written::Close) {
                self.hang_up(*link, now);
            }
        }
        written
    }

    /// Dies with everything that is not in the store.
    pub(crate) fn die(&mut self) -> Vec<LinkId> {
        let links = self.doors.keys().copied().collect();
        *self = Self { life: self.life + 1, down: true, ..Self::default() };
        links
    }
}

impl Door {
    /// The welcome stands outside of the socket's numbers: it carries the last one that was seen.
    fn welcome(&mut self, recovered: bool, n: u64) -> Option<String> {
        let (mailbox, _) = self.mailbox.as_ref()?;
        let (user_id, login_id) = (self.user, self.login);
        let socket_id = mailbox.id;
        let welcome = ServerFrame::Welcome {
            socket_id,
            recovered,
            user_id,
            login_id,
            server_time: 0,
            client_min: 1,
            calls: vec![],
            group_calls: vec![],
        };
        self.welcomed = true;
        Some(Payload::from(welcome).numbered(n))
    }
}

pub(crate) fn new_message(
    conversation: ConversationId,
    sender: UserId,
    id: Uuid,
    at: Time,
) -> NewMessage {
    NewMessage {
        id: MessageId::fresh(),
        conversation,
        sender,
        client_msg_id: ClientMsgId(id),
        body: Body::Text { text: String::from("hi") },
        at,
        author: Author::Member,
    }
}

/// The notice to the members and the ack to the sender, as a commit makes them.
pub(crate) fn outcome(sent: &Sent) -> (Option<Notice>, Ack) {
    match sent {
        Sent::New { message, .. } => {
            let frame = ServerFrame::Message { message: message.clone() }.into();
            (Some(Notice::Conversation { id: message.conversation_id, frame }), ack(message, false))
        }
        Sent::Again { message, .. } => (None, ack(message, true)),
        Sent::Refused(code) => panic!("a member was refused: {code:?}"),
    }
}

fn ack(message: &Message, dup: bool) -> Ack {
    Ack {
        client_msg_id: message.client_msg_id,
        msg_id: message.id,
        conversation_id: message.conversation_id,
        seq: message.seq,
        ver: message.ver,
        at: message.at,
        dup,
        peer_online: None,
    }
}
