//! A bounded pool of which every person and every network has a share, so that nobody can take it all.
//!
//! A [`Share`] belongs to the work it was taken for: move it into the task or the blocking closure that does the
//! work, so that a client that hangs up gives nothing back before the work has ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Notify, oneshot};

use crate::domain::ids::UserId;
use crate::domain::network::Network;
use crate::domain::refusal::{Code, Refusal};

/// How much there is, and how much of it one may hold.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub all: usize,
    pub person: usize,
    pub network: usize,
}

/// Those in line of one person, and of all people together; one more is refused.
const WAITING_PER_PERSON: usize = 8;
const WAITING_MAX: usize = 256;

/// Whose share it is. What is not known is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    pub person: Option<UserId>,
    pub network: Option<Network>,
}

impl Holder {
    pub fn new(person: UserId, network: Network) -> Holder {
        Holder { person: Some(person), network: Some(network) }
    }

    pub fn network(network: Network) -> Holder {
        Holder { person: None, network: Some(network) }
    }
}

impl From<UserId> for Holder {
    fn from(person: UserId) -> Self {
        Holder { person: Some(person), network: None }
    }
}

/// Why there is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The person, or the network, holds what it may.
    Own,
    /// Others hold everything.
    All,
}

impl From<Full> for Refusal {
    fn from(_: Full) -> Self {
        Code::Busy.into()
    }
}

/// The pool; clones share it.
#[derive(Clone)]
pub struct Shares(Arc<Inner>);

struct Inner {
    pool: Mutex<Pool>,
    idle: Notify,
}

struct Pool {
    bounds: Bounds,
    free: usize,
    standings: HashMap<Key, Standing>,
    waiting: Vec<Waiter>,
    /// Counts what was handed out.
    turn: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Person(UserId),
    Network(Network),
}

struct Standing {
    held: usize,
    /// When it was last served, or appeared.
    turn: u64,
}

struct Waiter {
    holder: Holder,
    go: oneshot::Sender<Share>,
}

/// One place in the pool, until dropped.
pub struct Share {
    shares: Shares,
    holder: Holder,
}

impl Shares {
    pub fn new(bounds: Bounds) -> Shares {
        let pool = Pool {
            bounds,
            free: bounds.all,
            standings: HashMap::new(),
            waiting: Vec::new(),
            turn: 0,
        };
        Shares(Arc::new(Inner { pool: Mutex::new(pool), idle: Notify::new() }))
    }

    /// A share if there is one at once.
    pub fn take_now(&self, holder: Holder) -> Result<Share, Full> {
        let mut pool = self.lock();
        if !pool.may_hold(holder) {
            return Err(Full::Own);
        }
        if pool.free == 0 {
            return Err(Full::All);
        }
        pool.hold(holder);
        Ok(Share { shares: self.clone(), holder })
    }

    /// A share in fair turn: whose network, then who themselves, was served longest ago comes first. Refused when
    /// too many wait already.
    pub async fn take(&self, holder: Holder) -> Result<Share, Full> {
        let waited = {
            let mut pool = self.lock();
            pool.forget_gone();
            let nobody_waits = pool.waiting.is_empty();
            if nobody_waits && pool.free > 0 && pool.may_hold(holder) {
                pool.hold(holder);
                return Ok(Share { shares: self.clone(), holder });
            }
            pool.queue(holder)?
        };
        self.serve();
        waited.await.map_err(|_| Full::All)
    }

    /// Waits until nobody holds anything.
    pub async fn idle(&self) {
        loop {
            let freed = self.0.idle.notified();
            if self.is_idle() {
                return;
            }
            freed.await;
        }
    }

    /// Whether nobody holds anything.
    pub fn is_idle(&self) -> bool {
        let pool = self.lock();
        pool.free == pool.bounds.all
    }

    /// Hands what is free to those in line.
    fn serve(&self) {
        loop {
            let next = self.lock().next();
            let Some(Waiter { holder, go }) = next else { return };
            // A waiter that went away meanwhile drops its share, which gives it back.
            let _ = go.send(Share { shares: self.clone(), holder });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.0.pool.lock().expect("no panic while locked")
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let idle = self.shares.lock().give_back(self.holder);
        if idle {
            self.shares.0.idle.notify_waiters();
        }
        self.shares.serve();
    }
}

impl Pool {
    fn bound(&self, key: Key) -> usize {
        match key {
            Key::Person(_) => self.bounds.person,
            Key::Network(_) => self.bounds.network,
        }
    }

    fn may_hold(&self, holder: Holder) -> bool {
        keys(holder).all(|key| {
            self.standings.get(&key).is_none_or(|standing| standing.held < self.bound(key))
        })
    }

    fn hold(&mut self, holder: Holder) {
        self.free -= 1;
        self.turn += 1;
        for key in keys(holder) {
            let standing = self.standings.entry(key).or_insert(Standing { held: 0, turn: 0 });
            standing.held += 1;
            standing.turn = self.turn;
        }
    }

    /// Tells whether nobody holds anything now.
    fn give_back(&mut self, holder: Holder) -> bool {
        self.free += 1;
        for key in keys(holder) {
            let standing = self.standings.get_mut(&key).expect("kept while something is held");
            standing.held -= 1;
            self.forget_idle(key);
        }
        self.free == self.bounds.all
    }

    fn queue(&mut self, holder: Holder) -> Result<oneshot::Receiver<Share>, Full> {
        let own = self.waiting.iter().filter(|waiter| waiter.holder == holder).count();
        if own >= WAITING_PER_PERSON {
            return Err(Full::Own);
        }
        // A network has a share of the line as well.
        let from_there = |waiter: &&Waiter| waiter.holder.network == holder.network;
        let crowd = self.waiting.iter().filter(from_there).count();
        if holder.network.is_some() && crowd >= WAITING_MAX / 4 {
            return Err(Full::Own);
        }
        if self.waiting.len() >= WAITING_MAX {
            return Err(Full::All);
        }
        let turn = self.turn;
        for key in keys(holder) {
            self.standings.entry(key).or_insert(Standing { held: 0, turn });
        }
        let (go, waited) = oneshot::channel();
        self.waiting.push(Waiter { holder, go });
        Ok(waited)
    }

    /// Takes the waiter whose turn it is out of the line, holding a share for it.
    fn next(&mut self) -> Option<Waiter> {
        self.forget_gone();
        if self.free == 0 {
            return None;
        }
        let fits = |(_, waiter): &(usize, &Waiter)| self.may_hold(waiter.holder);
        let rank = |(at, waiter): &(usize, &Waiter)| (self.turns(waiter.holder), *at);
        let (at, _) = self.waiting.iter().enumerate().filter(fits).min_by_key(rank)?;
        let waiter = self.waiting.remove(at);
        self.hold(waiter.holder);
        Some(waiter)
    }

    /// When the network and the person were last served.
    fn turns(&self, holder: Holder) -> (u64, u64) {
        let turn = |key| self.standings.get(&key).map_or(0, |standing| standing.turn);
        (
            holder.network.map_or(0, |network| turn(Key::Network(network))),
            holder.person.map_or(0, |person| turn(Key::Person(person))),
        )
    }

    /// Lets those out of the line who no longer wait.
    fn forget_gone(&mut self) {
        let gone: Vec<_> = self.waiting.extract_if(.., |waiter| waiter.go.is_closed()).collect();
        for key in gone.iter().flat_map(|waiter| keys(waiter.holder)) {
            self.forget_idle(key);
        }
    }

    fn forget_idle(&mut self, key: Key) {
        let waits = self.waiting.iter().any(|waiter| keys(waiter.holder).any(|its| its == key));
        if !waits && self.standings.get(&key).is_some_and(|standing| standing.held == 0) {
            self.standings.remove(&key);
        }
    }
}

fn keys(holder: Holder) -> impl Iterator<Item = Key> {
    let person = holder.person.map(Key::Person);
    person.into_iter().chain(holder.network.map(Key::Network))
}

#[cfg(test)]
#[path = "shares_tests.rs"]
mod tests;
