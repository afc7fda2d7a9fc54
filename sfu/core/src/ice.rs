//! The ICE-lite agent of one connection (RFC 8445): answers checks, and learns its peer's addresses from them.
//!
//! It uses a path only once the peer has answered a check of ours there, which a lite agent need not do: otherwise a peer
//! could aim what it receives at anybody, by a check with a forged source. The first such check goes out with the answer to
//! the peer's, so that nothing waits for it.

mod paths;

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::distr::{Alphanumeric, SampleString};

use self::paths::Paths;
use crate::stats::Discard;
use crate::stun::{self, Check, Class, IceRole, Message};

/// RFC 8445, 5.3 asks for 24 bits of randomness at least.
const UFRAG_LEN: usize = 8;
/// RFC 8445, 5.3 asks for 128 bits of randomness at least; 24 letters and digits have 142.
const PWD_LEN: usize = 24;

/// Consent is asked for every six seconds at least (RFC 7675, 5.1): a path without a check for this long has
/// ended, if checks come from elsewhere.
const PATH_SILENCE_MAX: Duration = Duration::from_secs(10);

/// Of a peer-reflexive candidate, as RFC 8445, 5.1.2.1 computes it.
const PRIORITY: u32 = (110 << 24) | (65_535 << 8) | 255;
/// A check of ours but for its user name.
const CHECK_BYTES: usize = 76;

const UNKNOWN_ATTRIBUTE: u16 = 420;
const ROLE_CONFLICT: u16 = 487;

/// What one side puts into its description.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    pub ufrag: String,
    pub pwd: String,
}

impl IceCredentials {
    pub fn fresh() -> IceCredentials {
        let mut rng = rand::rng();
        IceCredentials {
            ufrag: Alphanumeric.sample_string(&mut rng, UFRAG_LEN),
            pwd: Alphanumeric.sample_string(&mut rng, PWD_LEN),
        }
    }
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceCredentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

/// The outcome of an authentic message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Whether its source is the address to send to, [`Ice::path`].
    pub chosen: bool,
}

/// One set of credentials: from the start or a restart until the next.
#[derive(Debug)]
struct Generation {
    local: IceCredentials,
    /// Unknown until the peer's description came; its checks may come before.
    remote: Option<IceCredentials>,
}

impl Generation {
    fn fresh() -> Generation {
        Generation { local: IceCredentials::fresh(), remote: None }
    }

    fn is_meant(&self, (to, from): (&str, &str)) -> bool {
        self.local.ufrag == to && self.remote.as_ref().is_none_or(|remote| remote.ufrag == from)
    }
}

/// The ICE-lite agent of one connection.
#[derive(Debug)]
pub struct Ice {
    current: Generation,
    /// From before a restart, until a pair of the current generation is nominated (RFC 8445, 9).
    previous: Option<Generation>,
    tie_breaker: u64,
    paths: Paths,
    /// Where to send.
    path: Option<SocketAddr>,
    /// Whether a check of the current generation chose the path.
    is_path_current: bool,
    /// When the last check came from the path's address.
    path_heard: Instant,
    /// When the last check came from any address.
    last_heard: Instant,
}

impl Ice {
    pub fn new(now: Instant) -> Ice {
        Ice {
            current: Generation::fresh(),
            previous: None,
            tie_breaker: rand::random(),
            paths: Paths::default(),
            path: None,
            is_path_current: false,
            path_heard: now,
            last_heard: now,
        }
    }

    pub fn local(&self) -> &IceCredentials {
        &self.current.local
    }

    /// Takes new local credentials and forgets the peer's. Those that are in use stay valid until the new pair is
    /// nominated, however often it restarts until then.
    pub fn restart(&mut self) {
        let replaced = std::mem::replace(&mut self.current, Generation::fresh());
        self.paths.restart();
        if std::mem::take(&mut self.is_path_current) || self.previous.is_none() {
            self.previous = Some(replaced);
        }
    }

    /// From the peer's description. After a restart comes [`restart`](Ice::restart) first, then this.
    pub fn set_remote(&mut self, ufrag: &str, pwd: &str) {
        self.current.remote = Some(IceCredentials { ufrag: ufrag.to_owned(), pwd: pwd.to_owned() });
    }

    pub fn remote_ufrag(&self) -> Option<&str> {
        self.current.remote.as_ref().map(|remote| &*remote.ufrag)
    }

    /// Whether a check for this ufrag is for us.
    pub fn accepts(&self, local_ufrag: &str) -> bool {
        self.generations().any(|generation| generation.local.ufrag == local_ufrag)
    }

    /// Handles a check, or the answer to one. What is to be sent back to `from` is appended to `out`; forged checks get no
    /// answer.
    pub fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        message: &Message<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Heard, Discard> {
        match message.class() {
            Class::Request => self.handle_check(now, from, message, out),
            Class::Success => self.handle_answer(now, from, message),
            Class::Error | Class::Indication => Err(Discard::Malformed),
        }
    }

    fn handle_answer(
        &mut self,
        now: Instant,
        from: SocketAddr,
        message: &Message<'_>,
    ) -> Result<Heard, Discard> {
        let remote = self.current.remote.as_ref().ok_or(Discard::UnknownUfrag)?;
        if !message.verified(&remote.pwd) {
            return Err(Discard::BadIntegrity);
        }
        let answer = self.paths.answer(from, message.transaction());
        let is_nominated = answer.ok_or(Discard::Stale)?;
        Ok(Heard { chosen: self.learn(now, from, is_nominated) })
    }

    fn handle_check(
        &mut self,
        now: Instant,
        from: SocketAddr,
        message: &Message<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Heard, Discard> {
        let username = message.username().ok_or(Discard::UnknownUfrag)?;
        let meant = self.generations().find(|generation| generation.is_meant(username));
        let local = &meant.ok_or(Discard::UnknownUfrag)?.local;
        if !message.verified(&local.pwd) {
            return Err(Discard::BadIntegrity);
        }
        let pwd = &local.pwd;
        if let Some(unknown) = message.unknown_required() {
            stun::write_error(out, message.transaction(), UNKNOWN_ATTRIBUTE, Some(unknown), pwd);
            return Err(Discard::Malformed);
        }
        if message.controlled() {
            // A lite agent is always the controlled one (RFC 8445, 6.1.1): the peer must switch.
            stun::write_error(out, message.transaction(), ROLE_CONFLICT, None, pwd);
            return Err(Discard::Malformed);
        }
        let start = out.len();
        stun::write_success(out, message.transaction(), from, pwd);
        self.last_heard = now;
        if self.current.local.ufrag != username.0 {
            return Ok(Heard { chosen: false });
        }
        let is_nominated = message.use_candidate();
        self.paths.heard(now, from, message.size(), is_nominated, self.path);
        self.paths.sent(from, out.len() - start);
        let is_answered = self.paths.is_answered(from);
        Ok(Heard { chosen: is_answered && self.learn(now, from, is_nominated) })
    }

    /// Counts what else came from an address, such as the first words of DTLS, while there is no path yet.
    pub fn received(&mut self, from: SocketAddr, bytes: usize) {
        if self.path.is_none() {
            self.paths.received(from, bytes);
        }
    }

    /// Appends a check of ours that is due to `out`, and returns where it is to go.
    pub fn poll_check(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<SocketAddr> {
        let Generation { local, remote } = &self.current;
        let remote = remote.as_ref()?;
        let username = (remote.ufrag.len() + 1 + local.ufrag.len()).next_multiple_of(4);
        let due = self.paths.due(now, CHECK_BYTES + username)?;
        let check = Check {
            transaction: &due.transaction,
            remote_ufrag: &remote.ufrag,
            local_ufrag: &local.ufrag,
            priority: PRIORITY,
            tie_breaker: self.tie_breaker,
            role: IceRole::Controlled,
            password: &remote.pwd,
        };
        stun::write_request(out, &check);
        Some(due.to)
    }

    /// Where to send: the first address from which the peer answered, then the one nominated last.
    pub fn path(&self) -> Option<SocketAddr> {
        self.path
    }

    /// When the last authentic check came. Checks continue as proof of consent (RFC 7675).
    pub fn last_heard(&self) -> Instant {
        self.last_heard
    }

    fn generations(&self) -> impl Iterator<Item = &Generation> {
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten()
    }

    /// Whether the path is where the check came from. A peer whose NAT gave it another port may not nominate
    /// again: its checks continue from there, and the old address falls silent.
    fn learn(&mut self, now: Instant, from: SocketAddr, nominated: bool) -> bool {
        if nominated {
            self.previous = None;
        } else if self.is_path_current {
            if self.path == Some(from) {
                self.path_heard = now;
                return false;
            }
            if now.saturating_duration_since(self.path_heard) < PATH_SILENCE_MAX {
                return false;
            }
        }
        self.is_path_current = true;
        self.path_heard = now;
        self.path = Some(from);
        true
    }
}

#[cfg(test)]
mod tests;
