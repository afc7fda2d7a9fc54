//! Compares what was acked with what the members' sockets saw and with what history holds.

use std::collections::HashMap;

use anyhow::{Context, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::{connection::Outcome, rest::Conversation};

/// Histories read at a time.
const CONCURRENCY: usize = 4;

/// The books of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Acked messages that are not in history, or that some member's socket did not see.
    pub(super) lost: u64,
    /// Messages seen twice by a socket, acked twice, or twice in history.
    pub(super) duplicated: u64,
    /// Connections that ended too early, and why the first of them did.
    pub(super) broken: u64,
    first_broken: Option<String>,
}

/// Reads every group's history and balances it against every connection.
pub(super) async fn verify(
    groups: &[Conversation],
    outcomes: &[Outcome],
) -> anyhow::Result<Verdict> {
    let histories: Vec<_> =
        stream::iter(groups).map(Conversation::history).buffered(CONCURRENCY).try_collect().await?;
    let mut verdict = Verdict::default();
    for (group, history) in histories.into_iter().enumerate() {
        let mut stored = HashMap::with_capacity(history.len());
        for (seq, message) in (groups[group].last_seq + 1..).zip(history) {
            ensure!(
                message.seq == seq,
                "the history jumps from seq {} to {}",
                seq - 1,
                message.seq
            );
            verdict.duplicated += u64::from(stored.insert(message.client_msg_id, seq).is_some());
        }
        let members: Vec<_> = outcomes.iter().filter(|outcome| outcome.group == group).collect();
        verdict.lost += lost(&stored, &members);
    }
    for outcome in outcomes {
        verdict.duplicated += outcome.duplicated;
        verdict.broken += u64::from(outcome.broken.is_some());
    }
    verdict.first_broken = outcomes.iter().find_map(|outcome| outcome.broken.clone());
    Ok(verdict)
}

fn lost(stored: &HashMap<Uuid, u64>, members: &[&Outcome]) -> u64 {
    let acked = members.iter().flat_map(|member| &member.acked);
    let is_lost = |(id, seq): &(Uuid, u64)| {
        stored.get(id) != Some(seq) || members.iter().any(|member| !member.timeline.has(*seq))
    };
    acked.filter(|message| is_lost(message)).count() as u64
}

impl Verdict {
    /// An error, for the exit code, when anything went wrong.
    pub(super) fn into_result(self) -> anyhow::Result<()> {
        if let Some(reason) = self.first_broken {
            return Err(anyhow::anyhow!(reason))
                .context(format!("{} connections broke, the first", self.broken));
        }
        ensure!(self.lost == 0, "{} acked messages were lost", self.lost);
        ensure!(self.duplicated == 0, "{} messages were doubled", self.duplicated);
        Ok(())
    }
}
