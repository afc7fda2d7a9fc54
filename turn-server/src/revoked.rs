//! Who was sent away, and may not come back under the same name.

use std::collections::{HashSet, VecDeque};

/// Beyond this the oldest are forgotten: their names end by themselves.
const REVOKED_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Revoked {
    people: HashSet<Box<str>>,
    oldest: VecDeque<Box<str>>,
}

impl Revoked {
    pub(crate) fn add(&mut self, person: &str) {
        if self.people.insert(person.into()) {
            self.oldest.push_back(person.into());
        }
        if self.oldest.len() > REVOKED_MAX
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.people.remove(&oldest);
        }
    }

    pub(crate) fn contains(&self, person: &str) -> bool {
        self.people.contains(person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut revoked = Revoked::default();
        for person in 0..=REVOKED_MAX {
            revoked.add(&person.to_string());
            revoked.add(&person.to_string());
        }
        assert!(!revoked.contains("0") && revoked.contains("1"));
        assert_eq!((revoked.people.len(), revoked.oldest.len()), (REVOKED_MAX, REVOKED_MAX));
    }
}
