//! What the server itself does in rooms: for group calls, and for whoever administers them.

use std::collections::HashSet;
use std::time::Duration;

use beckon_sfu_api::Source;
use tokio::sync::{broadcast, oneshot};

use super::info::ParticipantInfo;
use super::room::Input;
use super::token::{self, Claims, Grants};
use super::{Announced, RoomNotice};
use crate::clock::now_ms;
use crate::domain::ids::LoginId;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::node::Node;

/// Rooms announced and not closed.
const ANNOUNCED_MAX: usize = 100_000;

/// Which of a participant's tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrackSelector {
    Source(Source),
    Track(String),
}

/// Who may come into which room, and for how long the token is good.
#[derive(Clone, Debug)]
pub struct Pass {
    pub room: String,
    pub identity: String,
    pub name: String,
    pub life: Duration,
}

/// Where a room is, and the token that lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub url: String,
    pub token: String,
}

/// Makes a room known before anybody comes. Only such a room can be entered with our own tickets, and whoever is
/// removed from it stays out; [`close`] ends that.
pub fn announce(node: &Node, room: &str, participants_max: usize) -> Result<()> {
    if node.rooms.media.is_none() {
        return Err(Code::Unavailable.into());
    }
    let mut board = node.rooms.board();
    if board.announced.len() >= ANNOUNCED_MAX {
        return Err(Code::Busy.into());
    }
    board
        .announced
        .entry(room.to_owned())
        .or_insert_with(|| Announced { participants_max, removed: HashSet::new() });
    Ok(())
}

/// Lets somebody into an announced room, also after they were removed. `own_url` is where the one who asks reached
/// us, for when no public address is configured.
pub fn ticket(node: &Node, own_url: &str, pass: Pass) -> Ticket {
    if let Some(announced) = node.rooms.board().announced.get_mut(&pass.room) {
        announced.removed.remove(&pass.identity);
    }
    let now = now_ms() / 1000;
    let claims = Claims {
        sub: pass.identity,
        name: pass.name,
        nbf: Some(now.into()),
        exp: Some((now + pass.life.as_secs() as i64).into()),
        video: Grants {
            room: pass.room,
            room_join: true,
            room_must_exist: Some(true),
            ..Grants::default()
        },
        ..Claims::default()
    };
    let url = match node.rooms.config.url.as_str() {
        "" => own_url,
        url => url,
    };
    Ticket { url: url.to_owned(), token: token::mint(node.rooms.keys.own(), claims) }
}

/// The same token, which ends with a login. One of a node with other keys stays as it is.
pub fn under_login(node: &Node, token: String, login: LoginId) -> String {
    let keys = &node.rooms.keys;
    let Ok(claims) = token::verify(keys, &token, now_ms() / 1000) else { return token };
    match keys.find(&claims.iss) {
        Some(key) => token::mint(key, Claims { login: Some(login), ..claims }),
        None => token,
    }
}

/// What happens in this node's rooms from now on. A listener that is too slow misses some (`Lagged`) and then asks
/// for the [`participants`].
pub fn notices(node: &Node) -> broadcast::Receiver<RoomNotice> {
    node.rooms.notices.subscribe()
}

/// Mutes tracks of a participant, who hears of it and may unmute them again. Having none is no error.
pub async fn mute(node: &Node, room: &str, identity: &str, which: TrackSelector) -> Result<()> {
    let identity = identity.to_owned();
    ask(node, room, |answer| Input::Mute { identity, which, answer }).await?
}

/// Sends somebody out of a room, and keeps them out if it was announced.
pub async fn remove(node: &Node, room: &str, identity: &str) -> Result<()> {
    let mut announced = false;
    if let Some(room) = node.rooms.board().announced.get_mut(room) {
        room.removed.insert(identity.to_owned());
        announced = true;
    }
    let identity = identity.to_owned();
    match ask(node, room, |answer| Input::Remove { identity, answer }).await {
        Ok(done) if !announced => done,
        // whoever is not there now will not come in later
        Ok(_) => Ok(()),
        Err(_) if announced => Ok(()),
        Err(refusal) => Err(refusal),
    }
}

/// Takes an announcement back: no ticket lets in any more, and whoever is inside stays until the room is closed.
pub fn withdraw(node: &Node, room: &str) {
    node.rooms.board().announced.remove(room);
}

/// Ends a room for everybody. An announced one is forgotten.
pub async fn close(node: &Node, room: &str) {
    withdraw(node, room);
    // a room that is not there is closed
    let _ = ask(node, room, |answer| Input::Close { answer }).await;
}

/// Everybody in a room whom the others can see; empty if there is no such room.
pub async fn participants(node: &Node, room: &str) -> Vec<ParticipantInfo> {
    ask(node, room, |answer| Input::List { answer }).await.unwrap_or_default()
}

async fn ask<T>(
    node: &Node,
    room: &str,
    input: impl FnOnce(oneshot::Sender<T>) -> Input,
) -> Result<T> {
    let gone = || Refusal::from(Code::NotFound);
    let room = node.rooms.find(room).ok_or_else(gone)?;
    let (answer, answered) = oneshot::channel();
    room.send(input(answer)).await.map_err(|_| gone())?;
    answered.await.map_err(|_| gone())
}
