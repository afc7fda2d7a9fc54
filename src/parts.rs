//! Which parts a process has, by its roles.

use crate::cli::{Listen, Role};
use crate::config::{Config, TurnConfig};
use crate::turn;

/// What this process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub signalling: bool,
    pub media: bool,
    pub relay: Relay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relay {
    Off,
    /// If it is configured.
    Configured,
    /// Asked for by its role.
    On,
}

impl Parts {
    /// Asking for a part that is not there must fail, or an operator would wait for calls that never connect.
    pub(crate) fn of(roles: &[Role]) -> anyhow::Result<Parts> {
        let has = |role| roles.contains(&role);
        if has(Role::Sfu) && !has(Role::Signalling) {
            anyhow::bail!("--role sfu without signalling is not supported in this version");
        }
        Ok(match roles {
            [] => Parts { signalling: true, media: true, relay: Relay::Configured },
            _ => Parts {
                signalling: has(Role::Signalling),
                media: has(Role::Sfu),
                relay: if has(Role::Turn) { Relay::On } else { Relay::Off },
            },
        })
    }

    /// Configures what is not asked for away.
    pub(crate) fn apply(self, config: &mut Config) {
        if !self.media {
            config.process.media.listen = Listen::Off;
        }
        match self.relay {
            Relay::Off => config.process.turn = TurnConfig::default(),
            Relay::Configured => {}
            Relay::On => turn::listen_by_default(&mut config.process.turn),
        }
        if config.process.turn.is_on() {
            turn::share_secret(config);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_say_what_a_process_does() {
        let parts = |roles: &[Role]| Parts::of(roles).unwrap();
        let all = Parts { signalling: true, media: true, relay: Relay::Configured };
        assert_eq!(parts(&[]), all);
        let relay = Parts { signalling: false, media: false, relay: Relay::On };
        assert_eq!(parts(&[Role::Turn]), relay);
        let people = Parts { signalling: true, media: false, relay: Relay::Off };
        assert_eq!(parts(&[Role::Signalling]), people);
        for roles in [&[Role::Sfu][..], &[Role::Sfu, Role::Turn]] {
            assert!(Parts::of(roles).is_err(), "{roles:?}");
        }
    }

    #[test]
    fn a_relay_by_its_role_listens_and_one_that_is_not_asked_for_does_not() {
        let mut config = Config::default();
        Parts::of(&[]).unwrap().apply(&mut config);
        assert!(!config.process.turn.is_on());
        Parts::of(&[Role::Turn]).unwrap().apply(&mut config);
        assert!(config.process.turn.is_on() && !config.process.turn.secrets.is_empty());
        Parts::of(&[Role::Signalling]).unwrap().apply(&mut config);
        assert!(!config.process.turn.is_on());
    }
}
