//! Fair queueing for connections: whoever asks for much waits for their own, not others for them.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;

use crate::domain::ids::UserId;
use crate::domain::network::Network;

/// Statements of one asker that wait at once: several clients with all that a socket may have under way.
const PER_ASKER_MAX: usize = 256;
/// Statements of everybody that wait at once: a hundred times what is served within the time that they may wait.
const ALL_MAX: usize = 16_384;

/// On whose behalf the database is asked; each has a line of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Asker {
    /// The node itself: commits of many people's messages, and upkeep.
    #[default]
    Node,
    /// Somebody who is not known yet.
    Network(Network),
    Person(UserId),
}

tokio::task_local! { static ASKER: Cell<Asker>; }

impl Asker {
    /// Runs `work` on behalf of this asker.
    pub async fn asks<T>(self, work: impl Future<Output = T>) -> T {
        ASKER.scope(Cell::new(self), work).await
    }

    /// From now on the current work is on behalf of this asker.
    pub fn is_known(self) {
        // outside of any scope it stays the node's
        let _ = ASKER.try_with(|asker| asker.set(self));
    }

    /// On whose behalf the current work is.
    pub fn current() -> Asker {
        ASKER.try_with(Cell::get).unwrap_or_default()
    }
}

/// As many turns at once as there are places; whoever waits is called in by turns of the askers.
#[derive(Clone)]
pub struct Turns {
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    free: usize,
    waiting: usize,
    /// Called before everybody else.
    urgent: VecDeque<oneshot::Sender<Turn>>,
    /// Never empty.
    lines: HashMap<Asker, VecDeque<oneshot::Sender<Turn>>>,
    /// Everybody with a line, once, in the order in which they are called.
    order: VecDeque<Asker>,
}

/// The right to use one place, until dropped.
pub struct Turn {
    /// None once the place was handed on.
    turns: Option<Turns>,
}

/// Too many are waiting already.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl Turns {
    pub fn new(places: u32) -> Turns {
        let lines = Lines { free: places as usize, ..Lines::default() };
        Turns { lines: Arc::new(Mutex::new(lines)) }
    }

    /// Waits for a turn of the current asker.
    pub async fn next(&self) -> Result<Turn, Full> {
        self.wait(|lines| lines.stand(Asker::current())).await
    }

    /// Waits for the very next turn that ends: for what watches over the rest.
    pub async fn first(&self) -> Result<Turn, Full> {
        self.wait(|lines| Ok(&mut lines.urgent)).await
    }

    async fn wait(
        &self,
        line: impl FnOnce(&mut Lines) -> Result<&mut VecDeque<oneshot::Sender<Turn>>, Full>,
    ) -> Result<Turn, Full> {
        let called = {
            let mut lines = self.lock();
            if lines.free > 0 {
                lines.free -= 1;
                return Ok(Turn { turns: Some(self.clone()) });
            }
            let (call, called) = oneshot::channel();
            line(&mut lines)?.push_back(call);
            lines.waiting += 1;
            called
        };
        called.await.map_err(|_| Full)
    }

    /// Hands a place on to whoever is next and still waits.
    fn pass_on(&self) {
        loop {
            let next = {
                let mut lines = self.lock();
                let Some(next) = lines.call() else {
                    lines.free += 1;
                    return;
                };
                next
            };
            match next.send(Turn { turns: Some(self.clone()) }) {
                Ok(()) => return,
                Err(mut unwanted) => unwanted.turns = None,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().expect("nothing panics under this lock")
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.pass_on();
        }
    }
}

impl Lines {
    /// The line of this asker, for one more.
    fn stand(&mut self, asker: Asker) -> Result<&mut VecDeque<oneshot::Sender<Turn>>, Full> {
        let standing = self.lines.get(&asker).map_or(0, VecDeque::len);
        let own_max = if asker == Asker::Node { ALL_MAX } else { PER_ASKER_MAX };
        if self.waiting >= ALL_MAX || standing >= own_max {
            return Err(Full);
        }
        if standing == 0 {
            self.order.push_back(asker);
        }
        Ok(self.lines.entry(asker).or_default())
    }

    fn call(&mut self) -> Option<oneshot::Sender<Turn>> {
        if let Some(next) = self.urgent.pop_front() {
            self.waiting -= 1;
            return Some(next);
        }
        let asker = self.order.pop_front()?;
        let line = self.lines.get_mut(&asker)?;
        let next = line.pop_front();
        match line.is_empty() {
            true => drop(self.lines.remove(&asker)),
            false => self.order.push_back(asker),
        }
        self.waiting -= 1;
        next
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    async fn tell(turns: Turns, who: Asker, told: Arc<Mutex<Vec<Asker>>>) {
        let turn = who.asks(turns.next()).await.unwrap();
        told.lock().unwrap().push(who);
        drop(turn);
    }

    #[tokio::test]
    async fn who_asks_once_waits_for_one_of_each_who_ask_much() {
        let turns = Turns::new(1);
        let busy = [1, 2, 3].map(|n| Asker::Person(UserId(uuid::Uuid::from_u128(n))));
        let rare = Asker::Person(UserId::fresh());
        let told = Arc::new(Mutex::new(Vec::new()));
        let held = turns.first().await.unwrap();
        let asked = (0..50).flat_map(|_| busy).chain([rare]);
        let asked: Vec<_> =
            asked.map(|who| Box::pin(tell(turns.clone(), who, told.clone()))).collect();
        let all = join_all(asked);
        tokio::pin!(all);
        assert!(futures_util::poll!(&mut all).is_pending());
        drop(held);
        all.await;
        let place = told.lock().unwrap().iter().position(|who| *who == rare);
        assert!(place <= Some(3), "called {place:?} times after others");
    }

    #[tokio::test]
    async fn a_turn_nobody_waits_for_any_more_goes_to_the_next() {
        let turns = Turns::new(1);
        let held = turns.next().await.unwrap();
        let mut gone = Box::pin(turns.next());
        let mut called = Box::pin(turns.next());
        let mut stays = Box::pin(turns.next());
        assert!(futures_util::poll!(&mut gone).is_pending());
        assert!(futures_util::poll!(&mut called).is_pending());
        assert!(futures_util::poll!(&mut stays).is_pending());
        drop(gone);
        drop(held);
        drop(called); // called in already, but never looked
        drop(stays.await.unwrap());
        assert_eq!(turns.lock().free, 1);
        assert_eq!(turns.lock().waiting, 0);
    }

    #[tokio::test]
    async fn the_urgent_comes_first_and_one_asker_has_a_share() {
        let turns = Turns::new(1);
        let held = turns.next().await.unwrap();
        let person = Asker::Person(UserId::fresh());
        let mut waiting: Vec<_> = Vec::new();
        for _ in 0..PER_ASKER_MAX {
            let mut one = Box::pin(person.asks(turns.next()));
            assert!(futures_util::poll!(&mut one).is_pending());
            waiting.push(one);
        }
        assert_eq!(person.asks(turns.next()).await.err(), Some(Full));
        let mut urgent = Box::pin(turns.first());
        assert!(futures_util::poll!(&mut urgent).is_pending());
        drop(held);
        assert!(futures_util::poll!(&mut urgent).is_ready());
    }
}
