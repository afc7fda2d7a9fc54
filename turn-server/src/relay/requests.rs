//! Requests: who may ask, what is asked, and how it is answered.

use std::time::Instant;

use rtc_stun::attributes::{ATTR_NONCE, ATTR_REALM, ATTR_XORMAPPED_ADDRESS};
use rtc_stun::message::*;
use rtc_stun::textattrs::TextAttribute;

use super::Relay;
use super::authentication::Authentic;
use crate::allocation::Allocation;
use crate::answer::Answer;
use crate::client::Client;
use crate::opening::RelayKey;
use crate::outbox::{Outbox, To};
use crate::refusal::Refusal;
use crate::request::{Request, Unreadable};
use crate::wire::{self, TransactionId};

/// The outcome of a request that is accepted.
pub(super) enum Outcome {
    Answer(Answer),
    /// The same, and repeated if the request is retransmitted.
    Remember(Answer),
    /// The answer comes with the relay socket.
    Later,
}

impl Relay {
    /// Handles a STUN message that is no Send indication.
    pub(super) fn message(&mut self, now: Instant, client: Client, bytes: &[u8], out: &mut Outbox) {
        let kind = wire::kind(bytes);
        if kind.class != CLASS_REQUEST || !is_understood(kind.method) {
            self.stats.discarded += 1;
            return;
        }
        match Request::read(bytes) {
            Ok(request) if kind.method == METHOD_BINDING => {
                self.binding(now, client, &request, out);
            }
            Ok(request) => self.request(now, client, &request, out),
            Err(Unreadable::Discard) => self.stats.discarded += 1,
            Err(Unreadable::Broken) => {
                let Some(transaction) = wire::transaction(bytes) else { return };
                self.refuse_stranger(
                    now,
                    client,
                    kind.method,
                    transaction,
                    &Refusal::BadRequest,
                    out,
                );
            }
        }
    }

    /// RFC 8489, 2: where the client is seen.
    fn binding(&mut self, now: Instant, client: Client, request: &Request, out: &mut Outbox) {
        let transaction = request.transaction();
        if let Err(refusal) = request.check_known() {
            self.refuse_stranger(now, client, METHOD_BINDING, transaction, &refusal, out);
            return;
        }
        let answer = |relay: &mut Relay| {
            relay.stats.bindings += 1;
            Answer::success(METHOD_BINDING, transaction)
                .with_address(ATTR_XORMAPPED_ADDRESS, client.address)
        };
        self.answer_stranger(now, client, answer, out);
    }

    fn request(&mut self, now: Instant, client: Client, request: &Request, out: &mut Outbox) {
        let (method, transaction) = (request.method(), request.transaction());
        let authentic = match self.authenticate(now, client, request) {
            Ok(authentic) => authentic,
            Err(refusal) => {
                self.refuse_stranger(now, client, method, transaction, &refusal, out);
                return;
            }
        };
        if let Some(answer) = self.answers.recall(&(client, transaction)) {
            out.datagram(To::Client(client), answer);
            return;
        }
        let outcome = self.perform(now, client, request, &authentic, out);
        let (answer, is_kept) = match outcome {
            Ok(Outcome::Answer(answer)) => (answer, false),
            Ok(Outcome::Remember(answer)) => (answer, true),
            Ok(Outcome::Later) => return,
            Err(refusal) => {
                self.stats.count(&refusal);
                (Answer::refusal(method, transaction, &refusal), false)
            }
        };
        let answer = answer.seal(Some(&authentic.key));
        if is_kept && !client.is_stream() {
            self.answers.remember(now, (client, transaction), &answer);
        }
        out.datagram(To::Client(client), &answer);
    }

    fn perform(
        &mut self,
        now: Instant,
        client: Client,
        request: &Request,
        authentic: &Authentic,
        out: &mut Outbox,
    ) -> Result<Outcome, Refusal> {
        request.check_known()?;
        match request.method() {
            METHOD_ALLOCATE => self.begin_allocate(now, client, request, authentic, out),
            METHOD_REFRESH => self.refresh(now, client, request, authentic, out),
            METHOD_CREATE_PERMISSION => self.create_permission(now, client, request, authentic),
            _ => self.channel_bind(now, client, request, authentic),
        }
    }

    /// The client's allocation, if it was made under the same name (RFC 8656, 5).
    pub(super) fn own(
        &self,
        now: Instant,
        client: &Client,
        authentic: &Authentic,
    ) -> Result<(RelayKey, &Allocation), Refusal> {
        let (key, allocation) = self.live(now, client).ok_or(Refusal::AllocationMismatch)?;
        if allocation.username != authentic.username {
            return Err(Refusal::WrongCredentials);
        }
        Ok((key, allocation))
    }

    fn refuse_stranger(
        &mut self,
        now: Instant,
        client: Client,
        method: Method,
        transaction: TransactionId,
        refusal: &Refusal,
        out: &mut Outbox,
    ) {
        self.stats.count(refusal);
        let answer = |relay: &mut Relay| {
            let answer = Answer::refusal(method, transaction, refusal);
            if refusal.is_challenge() { relay.challenge(now, client, answer) } else { answer }
        };
        self.answer_stranger(now, client, answer, out);
    }

    /// What the client needs to authenticate the next time.
    fn challenge(&self, now: Instant, client: Client, answer: Answer) -> Answer {
        let realm = self.shared.credentials.realm().to_owned();
        let nonce = self.shared.nonces.make(now, client.address);
        let text = |attr, text| TextAttribute { attr, text };
        answer.with(&text(ATTR_REALM, realm)).with(&text(ATTR_NONCE, nonce))
    }
}

fn is_understood(method: Method) -> bool {
    let methods = [
        METHOD_BINDING,
        METHOD_ALLOCATE,
        METHOD_REFRESH,
        METHOD_CREATE_PERMISSION,
        METHOD_CHANNEL_BIND,
    ];
    methods.contains(&method)
}
