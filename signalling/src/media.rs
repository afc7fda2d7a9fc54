//! The way to the media node: commands to a room go in, its events come out, and neither side ever waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use beckon_sfu_api::{Command, Event, MediaNode, Outgoing, RoomId, RoomSettings, Unavailable};
use tokio::sync::mpsc;

/// Events on their way to a room. One more that matters, and the room has lost touch and starts over.
const EVENTS_MAX: usize = 4096;
/// Places that data, speakers and qualities leave free for what a room cannot do without.
const EVENTS_RESERVED: usize = EVENTS_MAX / 2;

/// A room on its media node; dropping it closes the room there.
pub struct MediaRoom {
    node: Arc<dyn MediaNode>,
    id: RoomId,
    out_of_touch: Arc<AtomicBool>,
}

impl MediaRoom {
    /// Opens a room on a media node.
    pub fn open(
        node: Arc<dyn MediaNode>,
        id: RoomId,
        settings: RoomSettings,
    ) -> Result<(MediaRoom, mpsc::Receiver<Event>), Unavailable> {
        let (events, received) = mpsc::channel(EVENTS_MAX);
        let out_of_touch = Arc::new(AtomicBool::new(false));
        let lost = out_of_touch.clone();
        node.open(id.clone(), settings, Box::new(move |event| pass(&events, event, &lost)))?;
        Ok((MediaRoom { node, id, out_of_touch }, received))
    }

    /// Asks something of the room. What cannot be told any more is remembered by [`MediaRoom::in_touch`].
    pub fn tell(&self, command: Command) {
        let told = self.node.tell(&self.id, command);
        if told.is_err() {
            self.out_of_touch.store(true, Ordering::Relaxed);
        }
    }

    /// Asks for a message to be sent; one that the media node has no room for is lost.
    pub fn send(&self, message: Outgoing) {
        if self.node.tell(&self.id, Command::Send(message)).is_err() {
            dropped("message");
        }
    }

    /// Whether both sides still know all that the other said. If not, only starting over helps.
    pub fn in_touch(&self) -> bool {
        !self.out_of_touch.load(Ordering::Relaxed)
    }
}

impl Drop for MediaRoom {
    fn drop(&mut self) {
        // a media node that takes nothing any more has closed its rooms, or is about to
        let _ = self.node.tell(&self.id, Command::Close);
    }
}

fn pass(events: &mpsc::Sender<Event>, event: Event, lost: &AtomicBool) {
    let spare = matches!(event, Event::Data { .. } | Event::Speakers(_) | Event::Quality(_));
    if spare && events.capacity() < EVENTS_RESERVED {
        return dropped("event");
    }
    if let Err(mpsc::error::TrySendError::Full(_)) = events.try_send(event) {
        dropped("event");
        lost.store(true, Ordering::Relaxed);
    }
}

fn dropped(what: &'static str) {
    metrics::counter!("beckon_media_dropped_total", "what" => what).increment(1);
}
