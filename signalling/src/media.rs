//! The way to the media node: commands to a room go in, its events come out, and neither side ever waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use beckon_sfu_api::{
    Command, DataMessage, Event, Held, MediaNode, RoomId, RoomSettings, Unavailable,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Events on their way to a room. One more that matters, and the room has lost touch and starts over.
const EVENTS_MAX: usize = 4096;
/// Places that data, speakers and qualities leave free for what a room cannot do without.
const EVENTS_RESERVED: usize = EVENTS_MAX / 2;

/// Bytes of messages on their way to a room; one more is lost, as on a network that is full.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Orders of a room that its media node has not carried out. Beyond it the room does nothing that causes more of them.
const ORDERS_MAX: usize = 256;

/// A room on its media node; dropping it closes the room there.
pub struct MediaRoom {
    node: Arc<dyn MediaNode>,
    id: RoomId,
    out_of_touch: Arc<AtomicBool>,
    /// Places of orders that wait there.
    orders: Arc<Semaphore>,
}

impl MediaRoom {
    /// Opens a room on a media node.
    pub fn open(
        node: Arc<dyn MediaNode>,
        id: RoomId,
        settings: RoomSettings,
    ) -> Result<(MediaRoom, Events), Unavailable> {
        let (events, received) = mpsc::channel(EVENTS_MAX);
        let message_bytes = Arc::new(AtomicUsize::new(0));
        let received = Events { events: received, message_bytes: message_bytes.clone() };
        let out_of_touch = Arc::new(AtomicBool::new(false));
        let lost = out_of_touch.clone();
        node.open(
            id.clone(),
            settings,
            Box::new(move |event| pass(&events, event, &message_bytes, &lost)),
        )?;
        let orders = Arc::new(Semaphore::new(ORDERS_MAX));
        Ok((MediaRoom { node, id, out_of_touch, orders }, received))
    }

    /// Asks something of the room. What cannot be told any more is remembered by [`MediaRoom::in_touch`].
    pub fn tell(&self, command: Command) {
        if self.node.tell(&self.id, command, Held::new(self.place())).is_err() {
            self.out_of_touch.store(true, Ordering::Relaxed);
        }
    }

    /// Hands over a description of a client, whose `turn` lasts until it is taken in.
    ///
    /// # Errors
    /// The media node has no room for it, and its client has to hear so.
    pub fn describe(&self, description: Command, turn: Held) -> Result<(), Unavailable> {
        self.node.tell(&self.id, description, Held::new((self.place(), turn)))
    }

    /// What is told without a place is counted by nobody: whoever looks at [`MediaRoom::has_room`] tells little without.
    fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.orders.clone().try_acquire_owned().ok()
    }

    /// Whether the media node keeps up with what it is told.
    pub fn has_room(&self) -> bool {
        self.orders.available_permits() > 0
    }

    /// Ends when it does.
    pub fn has_room_again(&self) -> impl Future<Output = ()> + use<> {
        let orders = self.orders.clone();
        async move { drop(orders.acquire().await) }
    }

    /// Asks for a message to be sent; one that the media node has no room for is lost.
    pub fn send(&self, message: DataMessage) {
        let held = Held::new(self.place());
        if self.node.tell(&self.id, Command::Send(message), held).is_err() {
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
        let _ = self.node.tell(&self.id, Command::Close, Held::nothing());
    }
}

/// What a room's media node tells.
pub struct Events {
    events: mpsc::Receiver<Event>,
    message_bytes: Arc<AtomicUsize>,
}

impl Events {
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.events.recv().await;
        self.took(event)
    }

    /// An event that is there already.
    pub fn next_ready(&mut self) -> Option<Event> {
        let event = self.events.try_recv().ok();
        self.took(event)
    }

    fn took(&self, event: Option<Event>) -> Option<Event> {
        if let Some(Event::Data { payload, .. }) = &event {
            self.message_bytes.fetch_sub(payload.len(), Ordering::Relaxed);
        }
        event
    }
}

fn pass(
    events: &mpsc::Sender<Event>,
    event: Event,
    message_bytes: &AtomicUsize,
    lost: &AtomicBool,
) {
    let spare = matches!(event, Event::Data { .. } | Event::Speakers(_) | Event::Quality(_));
    if spare && events.capacity() < EVENTS_RESERVED {
        return dropped("event");
    }
    if let Event::Data { payload, .. } = &event {
        let before = message_bytes.fetch_add(payload.len(), Ordering::Relaxed);
        if before + payload.len() > MESSAGE_BYTES_MAX {
            message_bytes.fetch_sub(payload.len(), Ordering::Relaxed);
            return dropped("message");
        }
    }
    if let Err(mpsc::error::TrySendError::Full(_)) = events.try_send(event) {
        dropped("event");
        lost.store(true, Ordering::Relaxed);
    }
}

fn dropped(what: &'static str) {
    metrics::counter!("beckon_media_dropped_total", "what" => what).increment(1);
}

#[cfg(test)]
mod tests {
    use beckon_sfu_api::DataKind;

    use super::*;

    #[test]
    fn messages_to_a_busy_room_are_bounded_in_bytes() {
        let (events, received) = mpsc::channel(EVENTS_MAX);
        let message_bytes = Arc::new(AtomicUsize::new(0));
        let mut received = Events { events: received, message_bytes: message_bytes.clone() };
        let lost = AtomicBool::new(false);
        let payload: bytes::Bytes = vec![0; 64 * 1024].into();
        let message = || Event::Data {
            participant: "PA_one".into(),
            kind: DataKind::Reliable,
            payload: payload.clone(),
        };
        (0..200).for_each(|_| pass(&events, message(), &message_bytes, &lost));
        assert_eq!(std::iter::from_fn(|| received.next_ready()).count(), 64);
        pass(&events, message(), &message_bytes, &lost);
        assert!(received.next_ready().is_some(), "what was taken in makes room");
        assert!(!lost.load(Ordering::Relaxed));
    }
}
