//! Going on over a new socket, while media goes on by itself.

use beckon_sfu_api::{Command, ParticipantId, TRACKS_MAX};
use tokio::sync::mpsc;

use super::super::admission::NAME_BYTES_MAX;
use super::super::dialect::Dialect;
use super::super::info::ParticipantInfo;
use super::super::notice::Notice;
use super::super::seat::Seat;
use super::participant::Participant;
use super::{Input, Room};

/// Tracks of which a client is told that they are gone: more than it may have, because they come and go.
const BELIEVED_MAX: usize = 4 * TRACKS_MAX;

impl Room {
    /// Gives a participant a new socket. One whom we do not know, or who is somebody else, starts over.
    pub(super) fn resume(
        &mut self,
        who: ParticipantId,
        identity: &str,
        room: mpsc::Sender<Input>,
        dialect: &'static Dialect,
    ) -> Seat {
        let known = self.participants.get(&who).filter(|one| one.identity() == identity);
        let known = known.map(|one| (self.ice_servers(one), one.descriptions.clone()));
        let Some((ice_servers, line)) = known else {
            return Seat::to_start_over(dialect);
        };
        let (seat, outbox) = self.seat(&who, room, line);
        let socket = self.sockets;
        let others = Notice::Update(self.others(&who));
        let Some(participant) = self.participants.get_mut(&who) else { return seat };
        participant.dialect = dialect;
        participant.attach(socket, outbox);
        participant.send(Notice::Reconnect { ice_servers });
        participant.send(others);
        let silenced = participant.tracks.iter().filter(|track| track.silenced);
        for track in silenced.map(|track| track.id.clone()).collect::<Vec<_>>() {
            participant.send(Notice::Muted(track));
        }
        self.media.tell(Command::Restart { participant: who });
        seat
    }

    /// All others who are here, and who left while this one may have been cut off. What a client would read of
    /// itself could only contradict what it has done meanwhile.
    fn others(&self, who: &ParticipantId) -> Vec<ParticipantInfo> {
        let left = self.departed.iter().map(|(_, info)| info);
        // who is back must not be taken for gone
        let left = left.filter(|info| self.find(&info.identity).is_none()).cloned();
        let here = self.visible().filter(|one| one.id != *who);
        left.chain(here.map(Participant::info)).collect()
    }

    /// What the client believes after a resume: it hears of tracks that it takes for published and we do not.
    pub(super) fn sync(&mut self, who: &ParticipantId, published: Vec<String>) {
        let Some(participant) = self.participants.get_mut(who) else { return };
        let sids = published.into_iter().filter(|sid| sid.len() <= NAME_BYTES_MAX);
        for track_sid in sids.take(BELIEVED_MAX) {
            if participant.track_mut(&track_sid).is_none() {
                participant.send(Notice::TrackUnpublished(track_sid));
            }
        }
    }
}
