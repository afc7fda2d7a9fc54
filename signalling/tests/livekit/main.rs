//! LiveKit's door over real HTTP and WebSockets, with a media node that carries nothing.

mod comings;
mod frames;
mod refusals;
mod stage;
