//! The calls that live on this node, and those just over: of two people, or of many.

use std::collections::HashMap;
use std::hash::Hash;

use crate::domain::ids::CallId;
use crate::domain::refusal::{Code, Result};

/// A call as a board holds it.
pub trait Entry {
    /// What is in one live call at most: a person, or a conversation.
    type Occupied: Copy + Eq + Hash;

    /// Calls of a board, those just over among them; one more is refused with `busy`.
    const MAX: usize;
    /// What the metrics call them.
    const KIND: &'static str;

    fn id(&self) -> CallId;
    fn occupied(&self) -> impl Iterator<Item = Self::Occupied>;
    fn is_live(&self) -> bool;
}

pub struct Board<E: Entry> {
    calls: HashMap<CallId, E>,
    live_of: HashMap<E::Occupied, CallId>,
}

impl<E: Entry> Default for Board<E> {
    fn default() -> Self {
        Board { calls: HashMap::new(), live_of: HashMap::new() }
    }
}

impl<E: Entry> Board<E> {
    /// Takes a new call in. Whoever calls has looked for what it occupies: see [`Board::live_of`].
    pub fn insert(&mut self, entry: E) -> Result<&mut E> {
        if self.calls.len() >= E::MAX {
            metrics::counter!("beckon_limited_total", "what" => E::KIND).increment(1);
            return Err(Code::Busy.into());
        }
        let id = entry.id();
        if self.calls.contains_key(&id) {
            return Err(Code::CallOver.into()); // live ones were found before
        }
        self.live_of.extend(entry.occupied().map(|occupied| (occupied, id)));
        Ok(self.calls.entry(id).insert_entry(entry).into_mut())
    }

    pub fn get(&self, id: CallId) -> Option<&E> {
        self.calls.get(&id)
    }

    pub fn get_mut(&mut self, id: CallId) -> Option<&mut E> {
        self.calls.get_mut(&id)
    }

    /// The live call that somebody or a conversation is in.
    pub fn live_of(&self, occupied: E::Occupied) -> Option<&E> {
        self.calls.get(self.live_of.get(&occupied)?)
    }

    pub fn is_live(&self, id: CallId) -> bool {
        self.get(id).is_some_and(E::is_live)
    }

    pub fn live(&self) -> impl Iterator<Item = &E> {
        self.calls.values().filter(|entry| entry.is_live())
    }

    /// Of all calls, those just over among them.
    pub fn ids(&self) -> Vec<CallId> {
        self.calls.keys().copied().collect()
    }

    /// The call is over: what it occupied may be in another one.
    pub fn release(&mut self, id: CallId) {
        let Some(entry) = self.calls.get(&id) else { return };
        for occupied in entry.occupied() {
            if self.live_of.get(&occupied) == Some(&id) {
                self.live_of.remove(&occupied);
            }
        }
    }

    pub fn forget(&mut self, id: CallId) {
        self.release(id);
        self.calls.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call of some people, which is live as long as it has a number.
    #[derive(Debug)]
    struct Few(CallId, Vec<u8>, bool);

    impl Entry for Few {
        type Occupied = u8;
        const MAX: usize = 3;
        const KIND: &'static str = "few";

        fn id(&self) -> CallId {
            self.0
        }

        fn occupied(&self) -> impl Iterator<Item = u8> {
            self.1.iter().copied()
        }

        fn is_live(&self) -> bool {
            self.2
        }
    }

    #[test]
    fn whoever_is_released_may_be_in_another_call() {
        let mut board = Board::default();
        let (first, second) = (CallId::fresh(), CallId::fresh());
        board.insert(Few(first, vec![1, 2], true)).unwrap();
        assert_eq!(board.live_of(2).map(Few::id), Some(first));
        board.release(first);
        assert!(board.live_of(2).is_none() && board.get(first).is_some(), "it is remembered");
        board.insert(Few(second, vec![2, 3], true)).unwrap();
        board.forget(first);
        assert_eq!(board.live_of(2).map(Few::id), Some(second), "and nobody else is released");
    }

    #[test]
    fn a_board_has_room_for_so_many_and_each_id_once() {
        let mut board = Board::default();
        let ids = [CallId::fresh(), CallId::fresh(), CallId::fresh()];
        board.insert(Few(ids[0], vec![1], false)).unwrap();
        let again = board.insert(Few(ids[0], vec![2], true)).unwrap_err();
        assert_eq!(again.code, Code::CallOver);
        board.insert(Few(ids[1], vec![2], true)).unwrap();
        board.insert(Few(ids[2], vec![3], true)).unwrap();
        let full = board.insert(Few(CallId::fresh(), vec![4], true)).unwrap_err();
        assert_eq!(full.code, Code::Busy);
        assert_eq!(board.live().count(), 2, "one is over");
    }
}
