//! How the parts of a room name each other.

slotmap::new_key_type! {
    /// A participant within its room.
    pub struct ParticipantKey;
    /// A published track within its room.
    pub struct TrackKey;
}
