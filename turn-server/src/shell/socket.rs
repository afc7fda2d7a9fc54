//! UDP sockets: batches in, trains out.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use mio::net::UdpSocket;
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, Type};

/// Kernel buffer requested for a listener, which serves all clients of a thread.
const LISTENER_BYTES: usize = 8 << 20;

/// Kernel buffer requested for a relay socket, which serves the peers of one client.
const RELAY_BYTES: usize = 1 << 20;

/// A smaller buffer loses packets whenever the thread does not run for some milliseconds.
const LISTENER_BYTES_ENOUGH: usize = 1 << 20;

/// Datagrams or trains received by one call. Most sockets serve one peer of one client, and larger batches cost more.
const BATCH: usize = 8;

/// As long as a train that the kernel joined.
const TRAIN_BYTES_MAX: usize = 1 << 16;

/// A UDP socket of a relay thread, for clients or for peers.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) io: UdpSocket,
    state: UdpSocketState,
    /// Bound to no single address, so that an answer must name the one it comes from.
    is_any: bool,
}

/// A socket for clients, at an address that the other threads' sockets share.
pub(super) fn listener(address: SocketAddr) -> io::Result<Socket> {
    let raw = raw(address)?;
    raw.set_reuse_port(true)?;
    raw.bind(&address.into())?;
    raise_buffers(&raw, LISTENER_BYTES)?;
    if raw.recv_buffer_size()? < LISTENER_BYTES_ENOUGH {
        tracing::warn!(
            "the kernel's limit on socket buffers is low, and bursts will be lost: \
             raise net.core.rmem_max and net.core.wmem_max to {LISTENER_BYTES}"
        );
    }
    Socket::new(raw)
}

/// Fails if another process listens at an address, which sharing it would not show.
pub(super) fn check_free(address: SocketAddr) -> io::Result<()> {
    raw(address)?.bind(&address.into())
}

/// A socket for peers.
pub(super) fn relay(address: SocketAddr) -> io::Result<Socket> {
    let raw = raw(address)?;
    raw.bind(&address.into())?;
    raise_buffers(&raw, RELAY_BYTES)?;
    Socket::new(raw)
}

fn raw(address: SocketAddr) -> io::Result<RawSocket> {
    let raw = RawSocket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // IPv4 in mapped form would be another spelling of what peers may not be.
        raw.set_only_v6(true)?;
    }
    raw.set_nonblocking(true)?;
    Ok(raw)
}

/// The kernel silently caps buffers at its own limit.
fn raise_buffers(raw: &RawSocket, bytes: usize) -> io::Result<()> {
    raw.set_recv_buffer_size(bytes)?;
    raw.set_send_buffer_size(bytes)
}

impl Socket {
    fn new(raw: RawSocket) -> io::Result<Socket> {
        let io = UdpSocket::from_std(raw.into());
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        let is_any = io.local_addr()?.ip().is_unspecified();
        Ok(Socket { io, state, is_any })
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        // Not mio's, whose answer is that of the moment it was made.
        let local = SockRef::from(&self.io).local_addr()?;
        local.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    /// Messages of a train at most; 1 where the kernel takes no trains.
    pub(super) fn train_max(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Sends a message, or several of `segment` bytes each to one destination. Returns how many were lost.
    pub(super) fn send(
        &self,
        to: SocketAddr,
        from: Option<IpAddr>,
        contents: &[u8],
        segment: usize,
    ) -> u64 {
        let sent = self.try_send(to, from, contents, Some(segment));
        match sent {
            Ok(()) => 0,
            Err(error) if contents.len() > segment && error.kind() != io::ErrorKind::WouldBlock => {
                // The train was refused as a whole; its messages may be fine.
                let alone = contents.chunks(segment);
                alone.filter(|one| self.try_send(to, from, one, None).is_err()).count() as u64
            }
            Err(_) => contents.len().div_ceil(segment.max(1)).max(1) as u64,
        }
    }

    fn try_send(
        &self,
        destination: SocketAddr,
        src_ip: Option<IpAddr>,
        contents: &[u8],
        segment_size: Option<usize>,
    ) -> io::Result<()> {
        let is_train = segment_size.is_some_and(|segment| contents.len() > segment);
        if !is_train && src_ip.is_none() {
            // One datagram with nothing to say of it: the shorter way into the kernel.
            return self.io.send_to(contents, destination).map(drop);
        }
        let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip };
        self.state.try_send(UdpSockRef::from(&self.io), &transmit)
    }
}

/// Room for one batch, used by all sockets of a thread.
pub(super) struct Buffers {
    bytes: Box<[u8]>,
    meta: [RecvMeta; BATCH],
}

impl Buffers {
    pub(super) fn new() -> Buffers {
        Buffers {
            bytes: vec![0; BATCH * TRAIN_BYTES_MAX].into_boxed_slice(),
            meta: [RecvMeta::default(); BATCH],
        }
    }

    /// Gives every datagram of one batch to `take`: from where, to which of our addresses if that is not given, and
    /// what. Tells whether more may be waiting.
    pub(super) fn receive(
        &mut self,
        socket: &Socket,
        mut take: impl FnMut(SocketAddr, Option<IpAddr>, &[u8]),
    ) -> io::Result<bool> {
        let received = {
            let mut buffers = self.bytes.chunks_mut(TRAIN_BYTES_MAX);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(buffers.next().unwrap_or_default()));
            match socket.state.recv(UdpSockRef::from(&socket.io), &mut slices, &mut self.meta) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        };
        for (buffer, meta) in self.bytes.chunks(TRAIN_BYTES_MAX).zip(&self.meta).take(received) {
            // No host sends from port 0, and an answer to it would be refused by the kernel.
            if meta.addr.port() == 0 {
                continue;
            }
            let to = meta.dst_ip.filter(|_| socket.is_any);
            let joined = buffer.get(..meta.len).unwrap_or_default();
            if joined.is_empty() {
                take(meta.addr, to, joined);
            }
            joined.chunks(meta.stride.max(1)).for_each(|datagram| take(meta.addr, to, datagram));
        }
        Ok(received == BATCH)
    }
}
