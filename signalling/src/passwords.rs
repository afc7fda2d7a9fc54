//! Password hashing: argon2id, off the async threads, and few at once.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::config::Accounts;
use crate::domain::refusal::{Code, Refusal, Result};

/// Hashes running at once: each takes a core and [`Accounts::password_memory_kib`].
const AT_ONCE_MAX: usize = 2;
/// Hashes waiting; more are answered with `busy`.
const WAITING_MAX: usize = 64;

#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// What a wrong name is compared with, so that it takes as long as a wrong password.
    decoy: Arc<str>,
}

impl Passwords {
    pub fn new(config: &Accounts) -> Result<Passwords> {
        let params = Params::new(config.password_memory_kib, config.password_passes, 1, None)
            .map_err(|e| Refusal::internal(e.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, "nobody has this password")?;
        Ok(Passwords {
            argon2,
            running: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            decoy: decoy.into(),
        })
    }

    pub async fn hash(&self, password: &str) -> Result<String> {
        let (argon2, password) = (self.argon2.clone(), password.to_owned());
        self.work(move || hash(&argon2, &password)).await?
    }

    /// Compares with `stored`, or, when there is no such user, spends the same time and says no.
    pub async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool> {
        let (argon2, password) = (self.argon2.clone(), password.to_owned());
        let exists = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        let fits = self
            .work(move || {
                PasswordHash::new(&stored)
                    .is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(fits && exists)
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let _waiting = self.waiting.try_acquire().map_err(|_| Refusal::from(Code::Busy))?;
        let running = self.running.clone().acquire_owned().await.map_err(Refusal::internal)?;
        let work = move || {
            let _running = running; // held by the thread: a caller that goes away frees no core
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(Refusal::internal)
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String> {
    let hash = argon2.hash_password(password.as_bytes());
    Ok(hash.map_err(|e| Refusal::internal(e.to_string()))?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick() -> Passwords {
        let config =
            Accounts { password_memory_kib: 64, password_passes: 1, ..Accounts::default() };
        Passwords::new(&config).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let passwords = quick();
        let stored = passwords.hash("correct horse").await.unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(passwords.verify("correct horse", Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify("wrong horse", Some(stored)).await.unwrap());
        assert!(!passwords.verify("nobody has this password", None).await.unwrap());
    }
}
