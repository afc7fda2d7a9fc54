//! The media core, sans-I/O: bytes and time go in, bytes and deadlines come out.
