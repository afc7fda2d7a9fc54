//! The sockets of this node: who is connected, what they listen to, and how notices reach them.
//!
//! No I/O and no clock: `now` is given, frames go into mailboxes.

mod held;
mod mailbox;
mod outbox;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::Notify;

pub use held::Held;
pub use mailbox::{Attachment, Close, Mailbox, Next, RESUME_MS};

use crate::domain::frame::{Payload, ServerFrame};
use crate::domain::ids::{ConversationId, LoginId, SocketId, UserId};
use crate::domain::user::Availability;
use crate::notice::Notice;

/// Sockets of one login; opening one more closes the oldest. Tabs share a login.
pub const SOCKETS_PER_LOGIN_MAX: usize = 8;

#[derive(Debug, Default)]
pub struct Hub {
    rooms: RwLock<Rooms>,
    /// What goes on under logins besides sockets.
    holds: Arc<held::Holds>,
    /// Rung when notices may have been lost, membership among them.
    pub synced: Notify,
}

#[derive(Debug, Default)]
struct Rooms {
    mailboxes: HashMap<SocketId, Arc<Mailbox>>,
    people: HashMap<UserId, Here>,
    /// Which people of this node listen to a conversation.
    listeners: HashMap<ConversationId, HashSet<UserId>>,
    readings: u64,
}

/// Somebody with at least one socket on this node.
#[derive(Debug, Default)]
struct Here {
    mailboxes: Vec<Arc<Mailbox>>,
    conversations: HashSet<ConversationId>,
    /// Readings of the list of conversations under way.
    readings: HashSet<u64>,
    /// Who joined (true) or left since the first of them began: the lists may be older than that.
    changed: HashMap<ConversationId, bool>,
}

/// A list of somebody's conversations that is being read from the store, and may be old when it arrives.
#[derive(Debug)]
#[must_use = "a reading that never ends remembers every change"]
pub struct Reading {
    user: UserId,
    number: u64,
}

impl Hub {
    /// Registers a new socket. The caller reads the person's conversations next, and hands them to
    /// [`Hub::listen`]: registering first means that nothing can fall between.
    pub fn open(&self, user: UserId, login: LoginId) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::new(user, login));
        let mut rooms = self.write();
        let here = rooms.people.entry(user).or_default();
        let same_login = here.mailboxes.iter().filter(|m| m.login == login && !m.is_closed());
        if same_login.clone().count() >= SOCKETS_PER_LOGIN_MAX
            && let Some(oldest) = same_login.min_by_key(|m| m.id)
        {
            oldest.close(Close::Replaced);
        }
        here.mailboxes.push(mailbox.clone());
        rooms.mailboxes.insert(mailbox.id, mailbox.clone());
        mailbox
    }

    /// Goes on with a socket whose connection broke, or is believed alive but was replaced.
    pub fn resume(
        &self,
        id: SocketId,
        user: UserId,
        login: LoginId,
        seen: u64,
        now: i64,
    ) -> Option<(Arc<Mailbox>, Attachment)> {
        let rooms = self.read(); // held until it is connected: a sweep must not remove it in between
        let mailbox = rooms.mailboxes.get(&id)?.clone();
        if mailbox.user != user || mailbox.login != login {
            return None;
        }
        let attachment = mailbox.resume(seen, now)?;
        Some((mailbox, attachment))
    }

    /// Begins to read somebody's conversations; changes from now on are held against what is read.
    pub fn reading(&self, user: UserId) -> Reading {
        let mut rooms = self.write();
        rooms.readings += 1;
        let number = rooms.readings;
        if let Some(here) = rooms.people.get_mut(&user) {
            here.readings.insert(number);
        }
        Reading { user, number }
    }

    /// Subscribes a person who is here to the conversations that were read, besides those already heard.
    pub fn listen(
        &self,
        reading: Reading,
        conversations: impl IntoIterator<Item = ConversationId>,
    ) {
        let mut rooms = self.write();
        let Some(here) = rooms.people.get_mut(&reading.user) else { return };
        if let Some(current) = here.end(&reading, conversations) {
            rooms.listen(reading.user, current);
        }
    }

    /// Replaces what a person who is here listens to by what was read.
    pub fn relisten(&self, reading: Reading, conversations: Vec<ConversationId>) {
        let mut rooms = self.write();
        let Some(here) = rooms.people.get_mut(&reading.user) else { return };
        let Some(current) = here.end(&reading, conversations) else { return };
        let left: Vec<_> = here.conversations.difference(&current).copied().collect();
        here.conversations.retain(|id| current.contains(id));
        for id in left {
            rooms.unlisten(id, reading.user);
        }
        rooms.listen(reading.user, current);
    }

    /// The connection of a mailbox ended. Returns the mailbox if that was the end of the socket too.
    pub fn detach(&self, mailbox: &Arc<Mailbox>, attachment: Attachment, now: i64) -> bool {
        if !mailbox.detach(attachment, now) {
            return false;
        }
        let over = mailbox.is_over(now);
        if over {
            self.write().remove(mailbox);
        }
        over
    }

    /// Forgets sockets that nobody resumed in time, or that were given up while away, and returns them.
    pub fn sweep(&self, now: i64) -> Vec<Arc<Mailbox>> {
        let mut over: Vec<_> =
            self.read().mailboxes.values().filter(|m| m.is_over(now)).cloned().collect();
        if over.is_empty() {
            return over;
        }
        let mut rooms = self.write();
        over.retain(|m| m.is_over(now)); // somebody may have resumed since
        for mailbox in &over {
            rooms.remove(mailbox);
        }
        over
    }

    /// Hands a notice to everybody on this node whom it concerns.
    pub fn deliver(&self, notice: &Notice) {
        match notice {
            Notice::Conversation { id, frame } => self.read().to_conversation(*id, frame),
            Notice::Users { ids, frame } => self.read().to_users(ids, frame),
            Notice::Socket { id, frame } => {
                if let Some(mailbox) = self.read().mailboxes.get(id) {
                    mailbox.push(frame.clone());
                }
            }
            Notice::OtherSockets { user, but, frame } => {
                self.read().to_others(*user, *but, frame);
            }
            // for no socket
            Notice::Calls(_) | Notice::GroupCalls(_) => {}
            Notice::Members { conversation, joined, left } => {
                self.write().change_members(*conversation, joined, left);
            }
            Notice::LoginsEnded { ids } => {
                self.close_where(Close::LoginEnded, |m| ids.contains(&m.login));
                self.holds.end(ids);
            }
            Notice::Sync => self.synced.notify_one(),
        }
    }

    /// Begins something under a login that ends when the login does. The caller looks the login up again next:
    /// registering first means that nothing can fall between.
    pub fn hold(&self, login: LoginId) -> Held {
        self.holds.hold(login)
    }

    /// Every login that a socket or something else on this node lives by.
    pub fn logins(&self) -> Vec<LoginId> {
        let mut logins: HashSet<_> = self.read().mailboxes.values().map(|m| m.login).collect();
        logins.extend(self.holds.logins());
        logins.into_iter().collect()
    }

    /// Tells everybody to sync. What they listen to must be right by now, or they would miss what comes after.
    pub fn tell_to_sync(&self) {
        self.read().to_all(&ServerFrame::Sync.into());
    }

    pub fn close_all(&self, why: Close) {
        self.close_where(why, |_| true);
    }

    pub fn people(&self) -> Vec<UserId> {
        self.read().people.keys().copied().collect()
    }

    /// What somebody on this node listens to.
    pub fn conversations_of(&self, user: UserId) -> HashSet<ConversationId> {
        let rooms = self.read();
        rooms.people.get(&user).map(|here| here.conversations.clone()).unwrap_or_default()
    }

    /// Returns whether a socket is on this node and not broken.
    pub fn is_connected(&self, id: SocketId) -> bool {
        self.socket(id).is_some_and(|mailbox| mailbox.broken_since().is_none())
    }

    pub fn socket(&self, id: SocketId) -> Option<Arc<Mailbox>> {
        self.read().mailboxes.get(&id).cloned()
    }

    /// How a person is over their devices on this node.
    pub fn availability(&self, user: UserId) -> Availability {
        let rooms = self.read();
        let mailboxes = rooms.people.get(&user).into_iter().flat_map(|here| &here.mailboxes);
        mailboxes.map(|m| m.availability()).fold(Availability::Offline, Availability::nearest)
    }

    /// Whether any socket of this person is on this node.
    pub fn is_here(&self, user: UserId) -> bool {
        self.read().people.contains_key(&user)
    }

    pub fn socket_count(&self) -> usize {
        self.read().mailboxes.len()
    }

    fn close_where(&self, why: Close, which: impl Fn(&Mailbox) -> bool) {
        for mailbox in self.read().mailboxes.values().filter(|m| which(m)) {
            mailbox.close(why);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Rooms> {
        self.rooms.read().expect("nothing panics under this lock")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rooms> {
        self.rooms.write().expect("nothing panics under this lock")
    }
}

impl Rooms {
    fn to_conversation(&self, id: ConversationId, frame: &Payload) {
        for user in self.listeners.get(&id).into_iter().flatten() {
            self.to_user(*user, frame);
        }
    }

    fn to_users(&self, ids: &[UserId], frame: &Payload) {
        for user in ids {
            self.to_user(*user, frame);
        }
    }

    fn to_user(&self, user: UserId, frame: &Payload) {
        for mailbox in self.people.get(&user).into_iter().flat_map(|here| &here.mailboxes) {
            mailbox.push(frame.clone());
        }
    }

    fn to_others(&self, user: UserId, but: SocketId, frame: &Payload) {
        let mailboxes = self.people.get(&user).into_iter().flat_map(|here| &here.mailboxes);
        for mailbox in mailboxes.filter(|m| m.id != but) {
            mailbox.push(frame.clone());
        }
    }

    fn to_all(&self, frame: &Payload) {
        for mailbox in self.mailboxes.values() {
            mailbox.push(frame.clone());
        }
    }

    fn change_members(&mut self, id: ConversationId, joined: &[UserId], left: &[UserId]) {
        for (users, is_member) in [(joined, true), (left, false)] {
            for user in users {
                let Some(here) = self.people.get_mut(user) else { continue };
                if !here.readings.is_empty() {
                    here.changed.insert(id, is_member);
                }
                if is_member {
                    self.listen(*user, HashSet::from([id]));
                } else {
                    here.conversations.remove(&id);
                    self.unlisten(id, *user);
                }
            }
        }
    }

    fn listen(&mut self, user: UserId, conversations: HashSet<ConversationId>) {
        let Some(here) = self.people.get_mut(&user) else { return };
        for id in conversations {
            here.conversations.insert(id);
            self.listeners.entry(id).or_default().insert(user);
        }
    }

    fn remove(&mut self, mailbox: &Arc<Mailbox>) {
        self.mailboxes.remove(&mailbox.id);
        let Some(here) = self.people.get_mut(&mailbox.user) else { return };
        here.mailboxes.retain(|m| m.id != mailbox.id);
        if here.mailboxes.is_empty() {
            let here = self.people.remove(&mailbox.user).expect("found above");
            for id in here.conversations {
                self.unlisten(id, mailbox.user);
            }
        }
    }

    fn unlisten(&mut self, id: ConversationId, user: UserId) {
        if let Some(listeners) = self.listeners.get_mut(&id) {
            listeners.remove(&user);
            if listeners.is_empty() {
                self.listeners.remove(&id);
            }
        }
    }
}

impl Here {
    /// Ends a reading: what was read, corrected by what changed meanwhile. None for a reading that began
    /// before the person went and came back: there is a newer one.
    fn end(
        &mut self,
        reading: &Reading,
        conversations: impl IntoIterator<Item = ConversationId>,
    ) -> Option<HashSet<ConversationId>> {
        if !self.readings.remove(&reading.number) {
            return None;
        }
        let mut current: HashSet<_> = conversations.into_iter().collect();
        for (id, is_member) in &self.changed {
            if *is_member {
                current.insert(*id);
            } else {
                current.remove(id);
            }
        }
        if self.readings.is_empty() {
            self.changed.clear();
        }
        Some(current)
    }
}

#[cfg(test)]
mod tests;
