//! LiveKit's door over real HTTP and WebSockets, with a media node that carries nothing.

mod frames;
mod refusals;
mod stage;
