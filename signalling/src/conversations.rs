//! Conversations as their members see them, and opening one-to-one ones.

use std::collections::HashMap;

use uuid::Uuid;

use crate::clock::now_ms;
use crate::domain::contact::Reach;
use crate::domain::conversation::{
    Conversation, Kind, Member, Progress, Receipt, Role, SHARED_RECEIPTS_MEMBERS_MAX, Writing,
};
use crate::domain::cursor::Cursor;
use crate::domain::frame::ServerFrame;
use crate::domain::ids::{ClientMsgId, ConversationId, MessageId, UserId};
use crate::domain::login::Caller;
use crate::domain::message::{Body, Message, SystemEvent, SystemKind};
use crate::domain::refusal::{Code, Result};
use crate::domain::user::{Presence, Profile};
use crate::node::Node;
use crate::notice::Notice;
use crate::paging;
use crate::store::conversations::Place;
use crate::store::frozen::Frozen;
use crate::store::messages::{Author, NewMessage, Sent};
use crate::store::sql::{Tx, retry};
use crate::store::{self, conversations as rows};
use crate::{people, presence};

/// Conversations in one page of the list.
pub const PAGE_MAX: i64 = 200;
/// Members in one page.
pub const MEMBERS_PAGE_MAX: i64 = 200;

/// Newest first; the cursor leads to what remains.
pub async fn list(
    node: &Node,
    caller: Caller,
    before: Cursor,
    limit: i64,
) -> Result<(Vec<Conversation>, Option<Cursor>)> {
    let cursor =
        |place: &Place| Cursor { at: place.conversation.updated_at, id: place.conversation.id.0 };
    let find = |before, limit| rows::places_of(&node.db, caller.user, before, limit);
    let (places, next) = paging::page(before, limit, cursor, find).await?;
    Ok((views(node, caller.user, places).await?, next))
}

pub async fn get(node: &Node, caller: Caller, id: ConversationId) -> Result<Conversation> {
    let place = rows::place(&node.db, id, caller.user).await?.ok_or(Code::NotMember)?;
    view(node, place).await
}

pub async fn members(
    node: &Node,
    caller: Caller,
    id: ConversationId,
    after: Option<UserId>,
    limit: i64,
) -> Result<(Vec<Member>, bool)> {
    let place = rows::place(&node.db, id, caller.user).await?.ok_or(Code::NotMember)?;
    let mut found = rows::members(&node.db, id, after, limit + 1).await?;
    let more = found.len() as i64 > limit;
    found.truncate(limit as usize);
    let ids: Vec<_> = found.iter().map(|m| m.user).collect();
    if place.writing == Writing::Withheld {
        for frozen in store::frozen::of(&node.db, caller.user, &ids).await? {
            for member in found.iter_mut().filter(|member| member.user == frozen.seen) {
                (member.received_seq, member.read_seq) = (frozen.received_seq, frozen.read_seq);
            }
        }
    }
    let mut profiles = people::profiles(node, caller.user, &ids).await?;
    let member = |m: rows::MemberRow| {
        Some(Member {
            user: profiles.remove(&m.user)?,
            role: m.role,
            joined_at: m.joined_at,
            read_seq: m.read_seq,
            received_seq: m.received_seq,
        })
    };
    Ok((found.into_iter().filter_map(member).collect(), more))
}

pub async fn must_be_member(node: &Node, user: UserId, id: ConversationId) -> Result<Role> {
    Ok(rows::role_of(&node.db, id, user).await?.ok_or(Code::NotMember)?)
}

/// The one-to-one conversation with a contact, opened if there is none yet.
pub async fn direct(node: &Node, caller: Caller, peer: UserId) -> Result<Conversation> {
    people::reachable(node, caller, peer).await?;
    if let Some(id) = rows::direct_of(&node.db, caller.user, peer).await? {
        return get(node, caller, id).await;
    }
    let reach = store::contacts::bond(&node.db, caller.user, peer).await?.may_reach()?;
    let id = open_direct(node, caller, peer, reach).await?;
    get(node, caller, id).await
}

/// A committed opening of a one-to-one conversation, to be told.
pub struct Opened {
    pub id: ConversationId,
    line: Message,
}

/// Opens a one-to-one conversation, unless it is open, and writes its first line. Whoever blocked the caller hears nothing.
pub async fn open_direct(
    node: &Node,
    caller: Caller,
    peer: UserId,
    reach: Reach,
) -> Result<ConversationId> {
    let opened = retry(|| async {
        let mut tx = node.db.begin().await?;
        // whoever opens the same one at the same moment waits here, and finds it then
        store::users::lock_pair(&mut tx, caller.user, peer).await?;
        let opened = put_direct(&mut tx, caller, peer, SystemKind::Created, reach).await?;
        if reach == Reach::InVain {
            rows::set_writing(&mut tx, opened.id, caller.user, Writing::Withheld).await?;
            rows::set_writing(&mut tx, opened.id, peer, Writing::Closed).await?;
        }
        tx.commit().await?;
        Ok::<_, store::sql::Error>(opened)
    })
    .await?;
    let id = opened.id;
    match reach {
        Reach::Them => tell_opened(node, opened, [caller.user, peer]).await?,
        Reach::InVain => tell_opened(node, opened, [caller.user]).await?,
    }
    Ok(id)
}

/// [`open_direct`] as part of another act, which has locked the two people.
pub async fn put_direct(
    tx: &mut Tx,
    caller: Caller,
    peer: UserId,
    line: SystemKind,
    reach: Reach,
) -> store::sql::Result<Opened> {
    let id = match rows::direct_of(&mut *tx, caller.user, peer).await? {
        Some(id) => id,
        None => {
            let (id, now) = (ConversationId::fresh(), now_ms());
            rows::create_direct(tx, id, caller.app, caller.user, peer, now).await?;
            let both = [(caller.user, Role::Member), (peer, Role::Member)];
            rows::add_members(tx, id, &both, now).await?;
            id
        }
    };
    let event =
        SystemEvent { kind: line, actor_id: caller.user, user_ids: vec![peer], title: None };
    let author = match reach {
        Reach::Them => Author::Server,
        Reach::InVain => Author::ServerInVain,
    };
    let line = write_line_as(tx, id, event, author).await?;
    Ok(Opened { id, line })
}

/// Tells people of their conversation.
pub async fn tell_opened(
    node: &Node,
    opened: Opened,
    people: impl IntoIterator<Item = UserId>,
) -> Result<()> {
    let Opened { id, line } = opened;
    let joined: Vec<_> = people.into_iter().collect();
    let notice = Notice::Members { conversation: id, joined: joined.clone(), left: vec![] };
    node.bus.publish(notice);
    tell_line(node, line);
    for user in joined {
        tell_one(node, id, user).await?;
    }
    Ok(())
}

/// Writes a system line in a transaction that also does what the line tells.
pub async fn write_line(
    tx: &mut Tx,
    id: ConversationId,
    event: SystemEvent,
) -> store::sql::Result<Message> {
    write_line_as(tx, id, event, Author::Server).await
}

async fn write_line_as(
    tx: &mut Tx,
    id: ConversationId,
    event: SystemEvent,
    author: Author,
) -> store::sql::Result<Message> {
    let line = NewMessage {
        id: MessageId::fresh(),
        conversation: id,
        sender: event.actor_id,
        client_msg_id: ClientMsgId(Uuid::now_v7()),
        body: Body::System { event },
        at: now_ms(),
        author,
    };
    match store::messages::append(tx, std::slice::from_ref(&line)).await?.pop() {
        Some(Sent::New { message, .. } | Sent::Again { message, .. }) => Ok(message),
        Some(Sent::Refused(_)) | None => Err(store::sql::Error::Missing),
    }
}

/// Tells the members of a committed system line.
pub fn tell_line(node: &Node, line: Message) {
    let frame = ServerFrame::Message { message: line.clone() }.into();
    node.bus.publish(Notice::of_message(&line, frame));
}

/// Tells one member what the conversation looks like to them now.
pub async fn tell_one(node: &Node, id: ConversationId, member: UserId) -> Result<()> {
    if let Some(place) = rows::place(&node.db, id, member).await? {
        let conversation = view(node, place).await?;
        node.bus.to_users([member], ServerFrame::Conversation { conversation });
    }
    Ok(())
}

/// Tells every member what the conversation looks like to them now. For a group of any size that takes two queries.
pub async fn tell_all(node: &Node, id: ConversationId) -> Result<()> {
    let places = rows::places_in(&node.db, id).await?;
    if places.iter().any(|place| place.conversation.kind == Kind::Direct) {
        for place in places {
            let member = place.member;
            let conversation = view(node, place).await?;
            node.bus.to_users([member], ServerFrame::Conversation { conversation });
        }
        return Ok(());
    }
    let last = by_conversation(store::messages::newest(&node.db, [id]).await?);
    let around = Around { last, ..Around::default() };
    for place in places {
        let member = place.member;
        let conversation = around.view(member, place);
        node.bus.to_users([member], ServerFrame::Conversation { conversation });
    }
    Ok(())
}

/// Notes how far somebody has come; only what moves forward is told, to those who may know.
pub async fn advance(
    node: &Node,
    user: UserId,
    id: ConversationId,
    progress: Progress,
) -> Result<Receipt> {
    let place = rows::place(&node.db, id, user).await?.ok_or(Code::NotMember)?;
    let to = progress.clamped(place.conversation.last_seq);
    let receipt = Receipt {
        conversation_id: id,
        user_id: user,
        received_seq: to.received_seq.max(place.received_seq),
        read_seq: to.read_seq.max(place.read_seq),
    };
    if (receipt.received_seq, receipt.read_seq) == (place.received_seq, place.read_seq) {
        return Ok(receipt);
    }
    rows::advance(&node.db, id, user, to).await?;
    let frame = ServerFrame::Receipt(receipt);
    let is_shared = match place.conversation.kind {
        Kind::Group => place.conversation.member_count <= SHARED_RECEIPTS_MEMBERS_MAX,
        // whom I block does not see me read, and who blocks me is told nothing
        Kind::Direct => place.writing == Writing::Open,
    };
    match is_shared {
        true => node.bus.to_conversation(id, frame),
        false => node.bus.to_users([user], frame),
    }
    Ok(receipt)
}

/// Marks a message that is no news to somebody as read, unless older ones still wait.
pub async fn read_next(node: &Node, user: UserId, id: ConversationId, seq: i64) -> Result<()> {
    let place = rows::place(&node.db, id, user).await?.ok_or(Code::NotMember)?;
    if place.read_seq + 1 == seq {
        advance(node, user, id, Progress { received_seq: seq, read_seq: seq }).await?;
    }
    Ok(())
}

async fn view(node: &Node, place: Place) -> Result<Conversation> {
    let member = place.member;
    views(node, member, vec![place]).await?.pop().ok_or(Code::NotFound.into())
}

/// Everything a list of conversations shows, in a fixed number of queries.
async fn views(node: &Node, me: UserId, places: Vec<Place>) -> Result<Vec<Conversation>> {
    let ids: Vec<_> = places.iter().map(|p| p.conversation.id).collect();
    let peers: Vec<_> = places.iter().filter_map(|p| p.conversation.peer_of(me)).collect();
    let in_vain = places.iter().filter(|p| p.writing == Writing::Withheld);
    let peers_in_vain: Vec<_> = in_vain.filter_map(|p| p.conversation.peer_of(me)).collect();
    let directs = places.iter().filter(|p| p.conversation.kind == Kind::Direct);
    let around = Around {
        last: by_conversation(store::messages::newest(&node.db, ids).await?),
        cursors: rows::cursors_in(&node.db, directs.map(|p| p.conversation.id)).await?,
        profiles: people::profiles(node, me, &peers).await?,
        presences: presence::of(node, me, &peers).await?,
        frozen: store::frozen::of(&node.db, me, &peers_in_vain).await?,
    };
    Ok(places.into_iter().map(|place| around.view(me, place)).collect())
}

/// What belongs to a list of conversations and is read for all of them at once.
#[derive(Default)]
struct Around {
    last: HashMap<ConversationId, Message>,
    cursors: Vec<(ConversationId, UserId, i64, i64)>,
    profiles: HashMap<UserId, Profile>,
    presences: Vec<Presence>,
    /// Whoever blocked me, as they were then.
    frozen: Vec<Frozen>,
}

impl Around {
    fn view(&self, me: UserId, place: Place) -> Conversation {
        let Place { conversation: c, role, writing, read_seq, received_seq, .. } = place;
        let peer = c.peer_of(me);
        let theirs = peer.map(|peer| {
            if let Some(frozen) = self.frozen.iter().find(|frozen| frozen.seen == peer) {
                return (frozen.received_seq, frozen.read_seq);
            }
            let cursor = self.cursors.iter().find(|(id, user, ..)| *id == c.id && *user == peer);
            cursor.map_or((0, 0), |(_, _, received, read)| (*received, *read))
        });
        Conversation {
            id: c.id,
            kind: c.kind,
            title: c.title,
            peer: peer.and_then(|peer| self.profiles.get(&peer).cloned()),
            role,
            writable: writing.is_allowed(),
            member_count: c.member_count,
            last_seq: c.last_seq,
            last_ver: c.last_ver,
            read_seq,
            received_seq,
            unread: (c.last_seq - read_seq).max(0),
            peer_read_seq: theirs.map(|(_, read)| read),
            peer_received_seq: theirs.map(|(received, _)| received),
            last_message: self.last.get(&c.id).cloned().map(|message| message.seen_by(me)),
            presence: peer
                .and_then(|peer| self.presences.iter().find(|p| p.user_id == peer).cloned()),
            created_at: c.created_at,
            updated_at: c.updated_at,
        }
    }
}

fn by_conversation(messages: Vec<Message>) -> HashMap<ConversationId, Message> {
    messages.into_iter().map(|m| (m.conversation_id, m)).collect()
}
