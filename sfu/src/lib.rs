//! The shell around the media core: threads, sockets and the door made of two channels.
