//! Groups: creating, inviting, leaving, owning.

use std::collections::HashSet;

use crate::clock::now_ms;
use crate::conversations::{self, must_be_member, tell_all, tell_line, write_line};
use crate::domain::conversation::{Conversation, GROUP_MEMBERS_MAX, Kind, Role};
use crate::domain::frame::ServerFrame;
use crate::domain::ids::{ConversationId, UserId};
use crate::domain::login::Caller;
use crate::domain::message::{Message, SystemEvent, SystemKind};
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::text;
use crate::node::Node;
use crate::notice::Notice;
use crate::store::sql::{On, Tx, retry};
use crate::store::{self, conversations as rows};

/// A group of the caller and some of their contacts.
pub async fn create(
    node: &Node,
    caller: Caller,
    title: &str,
    members: &[UserId],
) -> Result<Conversation> {
    let title = text::line(title, text::TITLE_CHARS_MAX, "title")?;
    let others = invitable(&node.db, caller.user, members).await?;
    if others.len() + 1 > GROUP_MEMBERS_MAX {
        return Err(Refusal { field: Some("member_ids"), ..Code::TooLarge.into() });
    }
    let (id, now) = (ConversationId::fresh(), now_ms());
    let mut all = vec![(caller.user, Role::Owner)];
    all.extend(others.iter().map(|user| (*user, Role::Member)));
    let event = SystemEvent {
        kind: SystemKind::Created,
        actor_id: caller.user,
        user_ids: others,
        title: Some(title.clone()),
    };
    let line = retry(|| async {
        let mut tx = node.db.begin().await?;
        rows::create_group(&mut tx, id, caller.app, &title, now).await?;
        rows::add_members(&mut tx, id, &all, now).await?;
        let line = write_line(&mut tx, id, event.clone()).await?;
        tx.commit().await?;
        Ok::<_, store::sql::Error>(line)
    })
    .await?;
    let joined = all.into_iter().map(|(user, _)| user).collect();
    changed(node, id, joined, vec![], line).await?;
    conversations::get(node, caller, id).await
}

/// Any member brings own contacts in.
pub async fn invite(
    node: &Node,
    caller: Caller,
    id: ConversationId,
    users: &[UserId],
) -> Result<Conversation> {
    must_be_member(node, caller.user, id).await?;
    let outcome = retry(|| async {
        let (mut tx, group) = lock(node, id).await?;
        rows::role_of(&mut tx, id, caller.user).await?.ok_or(Code::NotMember)?;
        let invited = invitable(&mut tx, caller.user, users).await?;
        if invited.is_empty() {
            return Err(Refusal::invalid("user_ids"));
        }
        let inside: HashSet<_> = rows::member_ids(&mut tx, id).await?.into_iter().collect();
        let fresh: Vec<_> = invited.iter().copied().filter(|u| !inside.contains(u)).collect();
        if fresh.is_empty() {
            return Err(Code::AlreadyMember.into());
        }
        if group.member_count as usize + fresh.len() > GROUP_MEMBERS_MAX {
            return Err(Refusal { field: Some("user_ids"), ..Code::TooLarge.into() });
        }
        let rows: Vec<_> = fresh.iter().map(|user| (*user, Role::Member)).collect();
        rows::add_members(&mut tx, id, &rows, now_ms()).await?;
        let event = event(SystemKind::Invited, caller, fresh.clone());
        let line = write_line(&mut tx, id, event).await?;
        tx.commit().await?;
        Ok::<_, Refusal>((fresh, line))
    });
    let (joined, line) = outcome.await?;
    changed(node, id, joined, vec![], line).await?;
    conversations::get(node, caller, id).await
}

/// Oneself: leave. Somebody else: the owner removes them. An owner who leaves hands the group to whoever has been
/// in longest.
pub async fn remove(node: &Node, caller: Caller, id: ConversationId, user: UserId) -> Result<()> {
    must_be_member(node, caller.user, id).await?;
    let outcome = retry(|| async {
        let (mut tx, _) = lock(node, id).await?;
        let mine = rows::role_of(&mut tx, id, caller.user).await?.ok_or(Code::NotMember)?;
        if user != caller.user && mine != Role::Owner {
            return Err(Code::NotOwner.into());
        }
        if !rows::remove_member(&mut tx, id, user).await? {
            return Err(Code::NotFound.into());
        }
        if user == caller.user
            && mine == Role::Owner
            && let Some(heir) = rows::eldest(&mut tx, id, user).await?
        {
            rows::set_role(&mut tx, id, heir, Role::Owner).await?;
        }
        let kind = if user == caller.user { SystemKind::Left } else { SystemKind::Removed };
        let line = write_line(&mut tx, id, event(kind, caller, vec![user])).await?;
        tx.commit().await?;
        Ok::<_, Refusal>(line)
    });
    let line = outcome.await?;
    changed(node, id, vec![], vec![user], line).await
}

pub async fn hand_over(
    node: &Node,
    caller: Caller,
    id: ConversationId,
    to: UserId,
) -> Result<Conversation> {
    must_be_member(node, caller.user, id).await?;
    let outcome = retry(|| async {
        let (mut tx, _) = lock(node, id).await?;
        must_own(&mut tx, caller, id).await?;
        rows::role_of(&mut tx, id, to).await?.ok_or(Refusal::invalid("user_id"))?;
        rows::set_role(&mut tx, id, caller.user, Role::Member).await?;
        rows::set_role(&mut tx, id, to, Role::Owner).await?;
        let line = write_line(&mut tx, id, event(SystemKind::Owner, caller, vec![to])).await?;
        tx.commit().await?;
        Ok::<_, Refusal>(line)
    });
    let line = outcome.await?;
    changed(node, id, vec![], vec![], line).await?;
    conversations::get(node, caller, id).await
}

pub async fn rename(
    node: &Node,
    caller: Caller,
    id: ConversationId,
    title: &str,
) -> Result<Conversation> {
    let title = text::line(title, text::TITLE_CHARS_MAX, "title")?;
    must_be_member(node, caller.user, id).await?;
    let outcome = retry(|| async {
        let (mut tx, _) = lock(node, id).await?;
        must_own(&mut tx, caller, id).await?;
        rows::set_title(&mut tx, id, &title).await?;
        let event = SystemEvent {
            title: Some(title.clone()),
            ..event(SystemKind::Renamed, caller, vec![])
        };
        let line = write_line(&mut tx, id, event).await?;
        tx.commit().await?;
        Ok::<_, Refusal>(line)
    });
    let line = outcome.await?;
    changed(node, id, vec![], vec![], line).await?;
    conversations::get(node, caller, id).await
}

/// Ends the group for everybody.
pub async fn dissolve(node: &Node, caller: Caller, id: ConversationId) -> Result<()> {
    must_be_member(node, caller.user, id).await?;
    let outcome = retry(|| async {
        let (mut tx, _) = lock(node, id).await?;
        must_own(&mut tx, caller, id).await?;
        let members = rows::member_ids(&mut tx, id).await?;
        rows::remove_all_members(&mut tx, id).await?;
        tx.commit().await?;
        Ok::<_, Refusal>(members)
    });
    let left = outcome.await?;
    node.bus.to_users(left.clone(), ServerFrame::ConversationRemoved { conversation_id: id });
    node.bus.publish(Notice::Members { conversation: id, joined: vec![], left });
    Ok(())
}

/// Begins a change of a group with the group locked, so that membership changes one after the other.
async fn lock(node: &Node, id: ConversationId) -> Result<(Tx, rows::Stored)> {
    let mut tx = node.db.begin().await?;
    let group = rows::lock(&mut tx, id).await?.filter(|c| c.kind == Kind::Group);
    Ok((tx, group.ok_or(Code::NotFound)?))
}

async fn must_own(tx: &mut Tx, caller: Caller, id: ConversationId) -> Result<()> {
    match rows::role_of(tx, id, caller.user).await? {
        Some(Role::Owner) => Ok(()),
        Some(Role::Member) => Err(Code::NotOwner.into()),
        None => Err(Code::NotMember.into()),
    }
}

/// Those of `users` whom the caller may bring into a group or its call: contacts, each once, not the caller.
pub async fn invitable<'c>(
    on: impl Into<On<'c>>,
    caller: UserId,
    users: &[UserId],
) -> Result<Vec<UserId>> {
    if users.len() > GROUP_MEMBERS_MAX {
        return Err(Refusal { field: Some("user_ids"), ..Code::TooLarge.into() });
    }
    let mut wanted: Vec<_> = users.iter().copied().filter(|u| *u != caller).collect();
    wanted.sort();
    wanted.dedup();
    let open: HashSet<_> = store::contacts::open_bonds(on, caller).await?.into_iter().collect();
    match wanted.iter().all(|user| open.contains(user)) {
        true => Ok(wanted),
        false => Err(Code::NotContacts.into()),
    }
}

fn event(kind: SystemKind, caller: Caller, user_ids: Vec<UserId>) -> SystemEvent {
    SystemEvent { kind, actor_id: caller.user, user_ids, title: None }
}

/// Tells everybody concerned of a committed change: listeners first, so that those who joined hear the line.
async fn changed(
    node: &Node,
    id: ConversationId,
    joined: Vec<UserId>,
    left: Vec<UserId>,
    line: Message,
) -> Result<()> {
    node.bus.to_users(left.clone(), ServerFrame::ConversationRemoved { conversation_id: id });
    node.bus.publish(Notice::Members { conversation: id, joined, left });
    tell_line(node, line);
    tell_all(node, id).await
}
