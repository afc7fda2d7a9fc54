//! Letting people in: what their token allows, and whether there is room.

use tokio::sync::oneshot;

use super::not_admitted::NotAdmitted;
use super::room::Input;
use super::seat::Seat;
use super::token::{self, Claims};
use super::{Entrance, Rooms, logins, terms};
use crate::clock::now_ms;
use crate::domain::ids::LoginId;
use crate::node::Node;

/// Identities, and names of people, rooms and tracks.
pub(super) const NAME_BYTES_MAX: usize = 256;
/// How often a join starts over because the room ended in the same moment.
const TRIES: usize = 3;

/// A token that was found good, for one identity in one room.
#[derive(Clone, Debug)]
pub struct Admission {
    pub(super) claims: Claims,
    /// Grows with every request: of two with the same identity the later one counts, whichever socket is open first.
    pub(super) number: u64,
}

impl Admission {
    /// The login that the token was made for.
    pub fn login(&self) -> Option<LoginId> {
        self.claims.login
    }
}

/// Looks at a token, and at the room it is for. `room` is what the request itself names, if anything.
pub fn admit(
    node: &Node,
    token: Option<&str>,
    room: Option<&str>,
) -> Result<Admission, NotAdmitted> {
    let token = token.ok_or(NotAdmitted::NoToken)?;
    let claims = token::verify(&node.rooms.keys, token, now_ms() / 1000);
    let claims = claims.map_err(NotAdmitted::Token)?;
    may_join(&claims, room)?;
    terms::check(&claims, &node.rooms.config)?;
    announced_for(&node.rooms, &claims)?;
    Ok(Admission { claims, number: node.rooms.next_number() })
}

/// Whether a join would succeed now.
pub async fn validate(node: &Node, admission: &Admission) -> Result<(), NotAdmitted> {
    node.rooms.may_open(&admission.claims.video.room)?;
    let Some(room) = node.rooms.find(&admission.claims.video.room) else { return Ok(()) };
    let (answer, answered) = oneshot::channel();
    let identity = admission.claims.sub.clone();
    if room.send(Input::Check { identity, answer }).await.is_err() {
        return Ok(()); // it has just ended, so a new one will be opened
    }
    answered.await.unwrap_or(Ok(()))
}

/// All that can be said about a join before there is a socket: nothing has happened yet in the room.
pub async fn expect(
    node: &Node,
    mut admission: Admission,
    entrance: &Entrance,
) -> Result<Admission, NotAdmitted> {
    let claims = &mut admission.claims;
    let (metadata, attributes) = (&entrance.metadata, &entrance.attributes);
    let changes = (!metadata.is_empty() && *metadata != claims.metadata)
        || attributes.iter().any(|(key, value)| claims.attributes.get(key) != Some(value));
    if changes {
        if claims.video.can_update_own_metadata != Some(true) {
            return Err(NotAdmitted::Denied("the token does not allow own metadata or attributes"));
        }
        claims.attributes.extend(attributes.clone());
        claims.attributes.retain(|_, value| !value.is_empty());
        if !metadata.is_empty() {
            claims.metadata.clone_from(metadata);
        }
        terms::check(claims, &node.rooms.config)?;
    }
    let (room, identity) = (&admission.claims.video.room, &admission.claims.sub);
    node.limits.join(room, identity).map_err(|_| NotAdmitted::TooOften)?;
    validate(node, &admission).await?;
    logins::check(node, &admission.claims).await?;
    Ok(admission)
}

/// Comes into a room, which is opened if need be, or goes on in it.
pub async fn join(
    node: &Node,
    admission: Admission,
    entrance: Entrance,
) -> Result<Seat, NotAdmitted> {
    for _ in 0..TRIES {
        let room = match &entrance.resume {
            None => node.rooms.find_or_open(&admission.claims)?,
            Some(_) => match node.rooms.find(&admission.claims.video.room) {
                Some(room) => room,
                None => return Ok(Seat::to_start_over(entrance.dialect)),
            },
        };
        let (answer, answered) = oneshot::channel();
        let coming = Box::new((admission.clone(), entrance.clone()));
        if room.send(Input::Enter { coming, room: room.clone(), answer }).await.is_err() {
            continue;
        }
        if let Ok(answer) = answered.await {
            return answer;
        }
    }
    Err(NotAdmitted::Busy)
}

fn may_join(claims: &Claims, room: Option<&str>) -> Result<(), NotAdmitted> {
    let grants = &claims.video;
    if !grants.room_join {
        return Err(NotAdmitted::Denied("the token does not let into rooms"));
    }
    if grants.room.is_empty() {
        return Err(NotAdmitted::Denied("the token names no room"));
    }
    if room.is_some_and(|room| !room.is_empty() && room != grants.room) {
        return Err(NotAdmitted::Denied("the token is for another room"));
    }
    let names = [&claims.sub, &claims.name, &grants.room];
    if names.iter().any(|name| name.len() > NAME_BYTES_MAX) {
        return Err(NotAdmitted::Denied("a name in the token is too long"));
    }
    if names.iter().any(|name| has_control_characters(name)) {
        return Err(NotAdmitted::Denied("a name in the token has control characters"));
    }
    Ok(())
}

/// Whether a name would break the line of whoever lists it, or end early where text ends with a zero.
pub(super) fn has_control_characters(name: &str) -> bool {
    name.chars().any(char::is_control)
}

fn announced_for(rooms: &Rooms, claims: &Claims) -> Result<(), NotAdmitted> {
    let board = rooms.board();
    match board.announced.get(&claims.video.room) {
        None if claims.video.room_must_exist == Some(true) => Err(NotAdmitted::NoRoom),
        Some(room) if room.removed.contains(&claims.sub) => {
            Err(NotAdmitted::Denied("removed from this room"))
        }
        _ => Ok(()),
    }
}
