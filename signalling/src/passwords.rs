//! Password hashing: argon2id, off the async threads, few at once, in memory that is used again.

use std::sync::{Arc, Mutex};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;

use crate::config::Accounts;
use crate::domain::refusal::{Refusal, Result};
use crate::domain::text;
use crate::shares::{Bounds, Holder, Shares};

/// Hashes running at once: each takes a core and [`Accounts::password_memory_kib`]. The others wait in fair turn.
const AT_ONCE_MAX: usize = 2;
const AT_ONCE: Bounds = Bounds { all: AT_ONCE_MAX, person: 1, network: AT_ONCE_MAX };
/// Bytes of salt and hash (RFC 9106, section 3.1).
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = Params::DEFAULT_OUTPUT_LEN;

#[derive(Clone)]
pub struct Passwords {
    hasher: Arc<Hasher>,
    running: Shares,
    /// What a wrong name is compared with, so that it takes as long as a wrong password.
    decoy: Arc<str>,
}

/// How a password compares with what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right in the form in which the first releases hashed it: this hash shall take its place.
    RightFormerly {
        renewed: String,
    },
}

impl Passwords {
    pub fn new(config: &Accounts) -> Result<Passwords> {
        let params = Params::new(config.password_memory_kib, config.password_passes, 1, None)
            .map_err(failed)?;
        let hasher = Hasher { params, spare: Mutex::default() };
        let decoy = hasher.hash("nobody has this password")?;
        Ok(Passwords {
            hasher: Arc::new(hasher),
            running: Shares::new(AT_ONCE),
            decoy: decoy.into(),
        })
    }

    /// What to store for a password that somebody has chosen.
    pub async fn hash(&self, password: &str, asks: Holder) -> Result<String> {
        let (hasher, password) = (self.hasher.clone(), text::password_form(password));
        self.work(asks, move || hasher.hash(&password)).await?
    }

    /// Compares with `stored`, or, when there is no such user, spends the same time and says no.
    pub async fn verify(
        &self,
        password: &str,
        stored: Option<String>,
        asks: Holder,
    ) -> Result<Verdict> {
        let (hasher, password) = (self.hasher.clone(), password.to_owned());
        let exists = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        let verdict = self.work(asks, move || hasher.compare(&password, &stored)).await??;
        Ok(if exists { verdict } else { Verdict::Wrong })
    }

    async fn work<T: Send + 'static>(
        &self,
        asks: Holder,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let share = self.running.take(asks).await?;
        let work = move || {
            let _held = share; // by the thread: a caller that goes away frees no core
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(Refusal::internal)
    }
}

struct Hasher {
    params: Params,
    /// Memory of hashes that are done: the allocator would keep it for each thread that ever hashed.
    spare: Mutex<Vec<Vec<Block>>>,
}

impl Hasher {
    fn hash(&self, password: &str) -> Result<String> {
        let salt: [u8; SALT_BYTES] = rand::random();
        let mut hash = [0; HASH_BYTES];
        self.fill(&self.params, password, &salt, &mut hash)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&self.params).map_err(failed)?,
            salt: Some(Salt::new(&salt).map_err(failed)?),
            hash: Some(Output::new(&hash).map_err(failed)?),
        };
        Ok(hash.to_string())
    }

    /// All forms are tried, so that the time tells nothing about what is stored.
    fn compare(&self, password: &str, stored: &str) -> Result<Verdict> {
        let current = text::password_form(password);
        let right = self.fits(&current, stored)?;
        let mut formerly = false;
        for form in text::former_password_forms(password) {
            formerly |= self.fits(&form, stored)?;
        }
        Ok(match (right, formerly) {
            (true, _) => Verdict::Right,
            (false, true) => Verdict::RightFormerly { renewed: self.hash(&current)? },
            (false, false) => Verdict::Wrong,
        })
    }

    fn fits(&self, password: &str, stored: &str) -> Result<bool> {
        let stored = PasswordHash::new(stored).map_err(failed)?;
        let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else { return Ok(false) };
        let params = Params::try_from(&stored).map_err(failed)?;
        let mut hash = vec![0; expected.len()];
        self.fill(&params, password, &salt, &mut hash)?;
        Ok(hash.ct_eq(expected.as_bytes()).into())
    }

    fn fill(&self, params: &Params, password: &str, salt: &[u8], into: &mut [u8]) -> Result<()> {
        let mut memory = self.spare().pop().unwrap_or_default();
        memory.resize(params.block_count().max(memory.len()), Block::default());
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let done =
            argon2.hash_password_into_with_memory(password.as_bytes(), salt, into, &mut memory);
        memory.truncate(self.params.block_count()); // another setting of former times may have needed more
        memory.shrink_to_fit();
        self.spare().push(memory);
        done.map_err(failed)
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.spare.lock().expect("nothing panics under this lock")
    }
}

fn failed(error: impl std::fmt::Display) -> Refusal {
    Refusal::internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::UserId;

    fn quick() -> Passwords {
        let config =
            Accounts { password_memory_kib: 64, password_passes: 1, ..Accounts::default() };
        Passwords::new(&config).unwrap()
    }

    fn here() -> Holder {
        UserId::fresh().into()
    }

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let passwords = quick();
        let stored = passwords.hash("correct horse", here()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        for (password, stored, verdict) in [
            ("correct horse", Some(stored.clone()), Verdict::Right),
            ("wrong horse", Some(stored), Verdict::Wrong),
            ("nobody has this password", None, Verdict::Wrong),
        ] {
            assert_eq!(passwords.verify(password, stored, here()).await.unwrap(), verdict);
        }
    }

    #[tokio::test]
    async fn a_hash_of_the_first_releases_fits_and_is_renewed() {
        use argon2::PasswordHasher;
        let passwords = quick();
        let typed = "cafe\u{301} au lait"; // as macOS has it
        let params = Params::new(64, 1, 1, None).unwrap();
        let former = Argon2::from(params).hash_password(typed.as_bytes()).unwrap().to_string();
        for password in [typed, "café au lait"] {
            let verdict = passwords.verify(password, Some(former.clone()), here()).await.unwrap();
            let Verdict::RightFormerly { renewed } = verdict else {
                panic!("{password}: {verdict:?}")
            };
            for password in [typed, "café au lait"] {
                let verdict = passwords.verify(password, Some(renewed.clone()), here()).await;
                assert_eq!(verdict.unwrap(), Verdict::Right, "{password}");
            }
        }
    }

    #[tokio::test]
    async fn hashes_share_as_much_memory_as_runs_at_once() {
        let passwords = quick();
        let many = (0..40).map(|_| {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.hash("correct horse", here()).await })
        });
        for hashed in many.collect::<Vec<_>>() {
            hashed.await.unwrap().unwrap();
        }
        let spare = passwords.hasher.spare();
        assert!((1..=AT_ONCE_MAX).contains(&spare.len()), "{}", spare.len());
        assert!(spare.iter().all(|memory| memory.capacity() == 64));
    }
}
