//! Answers that are repeated when a request is retransmitted: over UDP a client repeats a request whose answer was lost
//! (RFC 8489, 6.3.1).

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::wire::TransactionId;

/// No client retransmits for longer (RFC 8489, 6.3.1).
const ANSWER_LIFE: Duration = Duration::from_secs(40);

/// Beyond this the oldest are forgotten; a retransmitted request is then handled again.
const ANSWERS_MAX: usize = 4096;

type Question = (Client, TransactionId);

/// Answers to requests that are not idempotent: Allocate, and the Refresh that deletes an allocation.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    given: HashMap<Question, Box<[u8]>>,
    oldest: VecDeque<(Instant, Question)>,
}

impl Answers {
    pub(crate) fn remember(&mut self, now: Instant, question: Question, answer: &[u8]) {
        self.forget_before(now);
        if self.given.len() >= ANSWERS_MAX {
            self.forget_oldest();
        }
        if self.given.insert(question, answer.into()).is_none() {
            self.oldest.push_back((now + ANSWER_LIFE, question));
        }
    }

    pub(crate) fn recall(&self, question: &Question) -> Option<&[u8]> {
        self.given.get(question).map(AsRef::as_ref)
    }

    pub(crate) fn forget_before(&mut self, now: Instant) {
        while self.oldest.front().is_some_and(|(until, _)| *until <= now) {
            self.forget_oldest();
        }
        if self.given.is_empty() {
            self.given.shrink_to_fit();
            self.oldest.shrink_to_fit();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, question)) = self.oldest.pop_front() {
            self.given.remove(&question);
        }
    }
}
