//! What must hold when everything has settled.

use std::collections::{BTreeMap, HashSet};

use beckon_signalling::{domain::frame::ServerFrame, notice::Notice};

use super::{CALM, CHAOS, NODES, PATIENCE, World};

impl World<'_> {
    /// Says something in the club on every node; who hears it is checked below.
    pub(super) async fn probe_the_club(&mut self) {
        for node in 0..NODES {
            let (user_id, _) = self.users[0];
            let frame = ServerFrame::Typing { conversation_id: self.club, user_id };
            self.publish(node, Notice::Conversation { id: self.club, frame: frame.into() });
            self.write(node);
        }
        self.play(CHAOS + CALM + PATIENCE).await;
    }

    pub(super) async fn check(&self) {
        let mut stored = Vec::new();
        loop {
            let (page, more) = self.store.changes(self.conversation, stored.len() as i64).await;
            stored.extend(page);
            if !more {
                break;
            }
        }
        for (index, (ver, seq, _)) in (1..).zip(&stored) {
            assert_eq!((*ver, *seq), (index, index), "the store is not dense");
        }
        let timeline: BTreeMap<_, _> = stored.iter().map(|&(_, seq, id)| (seq, id)).collect();
        let distinct: HashSet<_> = timeline.values().collect();
        assert_eq!(distinct.len(), timeline.len(), "a message is stored twice");

        let cursors = self.store.cursors(self.conversation).await;
        for (index, client) in self.clients.iter().enumerate() {
            assert!(
                client.unacked.is_empty(),
                "client {index} waits for {} acks",
                client.unacked.len()
            );
            for (id, seq) in &client.acked {
                assert_eq!(
                    timeline.get(seq),
                    Some(id),
                    "client {index} has an ack for what is not stored"
                );
            }
            assert_eq!(client.ver, stored.len() as i64, "client {index} knows too little");
            assert!(
                client.timeline == timeline,
                "client {index} has another timeline than the store"
            );
            let (user, _) = self.users[index];
            let is_member = self.store.conversations_of(user).await.contains(&self.club);
            let heard = if is_member { NODES } else { 0 };
            assert_eq!(client.probes, heard, "client {index} heard the club; member: {is_member}");
            for (user, read) in &cursors {
                let known = client.read.get(&user.to_string()).copied().unwrap_or_default();
                assert!(known <= *read, "client {index} believes more was read than was");
            }
        }
    }
}
