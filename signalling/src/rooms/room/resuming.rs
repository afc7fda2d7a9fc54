//! Going on over a new socket, while media goes on by itself.

use beckon_sfu_api::{Command, ParticipantId, TRACKS_MAX};
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    MuteTrackRequest, ParticipantInfo, ReconnectResponse, TrackUnpublishedResponse,
};
use tokio::sync::mpsc;

use super::super::admission::NAME_BYTES_MAX;
use super::super::seat::Seat;
use super::frames::update;
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
    ) -> Seat {
        let known = self.participants.get(&who).filter(|one| one.identity() == identity);
        let known = known.map(|one| (self.ice_servers(one), one.descriptions.clone()));
        let Some((ice_servers, line)) = known else {
            return Seat::to_start_over();
        };
        let (seat, outbox) = self.seat(&who, room, line);
        let (socket, server_info) = (self.sockets, Some(self.server_info()));
        let others = update(self.others(&who));
        let Some(participant) = self.participants.get_mut(&who) else { return seat };
        participant.attach(socket, outbox);
        let reconnect = ReconnectResponse { ice_servers, server_info, ..Default::default() };
        participant.send(Message::Reconnect(reconnect));
        participant.send(others);
        let silenced = participant.tracks.iter().filter(|track| track.silenced);
        for sid in silenced.map(|track| track.id.to_string()).collect::<Vec<_>>() {
            participant.send(Message::Mute(MuteTrackRequest { sid, muted: true }));
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
                let gone = TrackUnpublishedResponse { track_sid };
                participant.send(Message::TrackUnpublished(gone));
            }
        }
    }
}
