//! A shard's UDP socket: batches in, trains out.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use beckon_sfu_core::outgoing::Transmit;
use mio::net::UdpSocket;
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket as RawSocket, Type};

/// Kernel buffer requested for each direction: 67 ms of a thousand streams of 1 Mbit/s, which come in bursts.
const BUFFER_BYTES: usize = 8 << 20;

/// A smaller buffer loses packets whenever the thread does not run for some milliseconds.
const BUFFER_BYTES_ENOUGH: usize = 2 << 20;

/// Buffers of one receiving call. Each may hold a train that the kernel joined (GRO).
const BATCH: usize = 16;

/// As long as the kernel makes a joined train.
const TRAIN_BYTES_MAX: usize = 1 << 16;

/// How often, and how long in between, a send waits for room in the kernel's buffer before the packet is lost.
const SEND_ATTEMPTS: u32 = 10;
const SEND_PAUSE: Duration = Duration::from_micros(100);

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;

/// The UDP socket of one shard.
pub(crate) struct Socket {
    pub(crate) io: UdpSocket,
    state: UdpSocketState,
    /// Bound to the IPv6 unspecified address, so that IPv4 comes and goes in mapped form (RFC 4291, 2.5.5.2).
    mapped: bool,
    /// Bound to no single address, so that a reply must name the one it comes from.
    any: bool,
    /// Whether the kernel and the card take trains.
    trains: bool,
    /// The kernel's buffer was full in this flush; do not wait for it again and again.
    full: bool,
    buffer: Box<[u8]>,
    meta: [RecvMeta; BATCH],
    passed: Passed,
    unsent: Unsent,
}

/// Bytes of UDP payload that passed the socket so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passed {
    pub(crate) received_bytes: u64,
    pub(crate) sent_bytes: u64,
}

/// What could not be sent, in datagrams.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unsent {
    /// The kernel's buffer stayed full.
    pub(crate) full: u64,
    /// Refused by the kernel: no route, or too long for the path.
    pub(crate) unsendable: u64,
}

impl Socket {
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Socket> {
        let raw = RawSocket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        let (any, mapped) = (address.ip().is_unspecified(), address.is_ipv6());
        if mapped {
            raw.set_only_v6(!any)?;
        }
        raw.set_nonblocking(true)?;
        raw.bind(&address.into())?;
        raise_buffers(&raw)?;
        let io = UdpSocket::from_std(raw.into());
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        Ok(Socket {
            trains: state.max_gso_segments() > 1,
            io,
            state,
            mapped,
            any,
            full: false,
            buffer: vec![0; BATCH * TRAIN_BYTES_MAX].into_boxed_slice(),
            meta: [RecvMeta::default(); BATCH],
            passed: Passed::default(),
            unsent: Unsent::default(),
        })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    pub(crate) fn passed(&self) -> Passed {
        self.passed
    }

    pub(crate) fn unsent(&self) -> Unsent {
        self.unsent
    }

    /// Gives every datagram of one batch to `take`. Returns whether more may be waiting.
    pub(crate) fn receive(
        &mut self,
        mut take: impl FnMut(SocketAddr, Option<IpAddr>, &mut [u8]),
    ) -> io::Result<bool> {
        let received = {
            let mut buffers = self.buffer.chunks_mut(TRAIN_BYTES_MAX);
            let mut slices: [IoSliceMut<'_>; BATCH] =
                std::array::from_fn(|_| IoSliceMut::new(buffers.next().unwrap_or_default()));
            match self.state.recv(UdpSockRef::from(&self.io), &mut slices, &mut self.meta) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        };
        let buffers = self.buffer.chunks_mut(TRAIN_BYTES_MAX);
        for (buffer, meta) in buffers.zip(&self.meta).take(received) {
            // No host sends from port 0, and an answer to it would be refused by the kernel.
            if meta.addr.port() == 0 || meta.stride == 0 {
                continue;
            }
            let from = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            let to = meta.dst_ip.filter(|_| self.any).map(|ip| ip.to_canonical());
            self.passed.received_bytes += meta.len as u64;
            let joined = buffer.get_mut(..meta.len).unwrap_or_default();
            joined.chunks_mut(meta.stride).for_each(|datagram| take(from, to, datagram));
        }
        Ok(received == BATCH)
    }

    /// Begins a flush: the kernel's buffer may have room again.
    pub(crate) fn begin_flush(&mut self) {
        self.full = false;
    }

    /// Sends a datagram or a train of them. What the kernel does not take is lost, as any datagram may be.
    pub(crate) fn send(&mut self, transmit: &Transmit<'_>) {
        let segment = transmit.segment.filter(|segment| *segment < transmit.contents.len());
        let Some(segment) = segment else {
            let sent = self.try_send(transmit, transmit.contents, None);
            return self.count(sent, 1);
        };
        if self.trains {
            let sent = self.try_send(transmit, transmit.contents, Some(segment));
            match sent {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {}
                sent => return self.count(sent, transmit.contents.len().div_ceil(segment)),
            }
        }
        self.send_one_by_one(transmit, segment);
    }

    /// For a train that was refused as a whole. When its segments are sendable alone, the fault is with trains.
    fn send_one_by_one(&mut self, transmit: &Transmit<'_>, segment: usize) {
        let before = self.unsent.unsendable;
        for datagram in transmit.contents.chunks(segment) {
            let sent = self.try_send(transmit, datagram, None);
            self.count(sent, 1);
        }
        if self.trains && self.unsent.unsendable == before {
            tracing::warn!("the network takes no segmented datagrams: sending costs more CPU");
            self.trains = false;
        }
    }

    fn try_send(
        &mut self,
        transmit: &Transmit<'_>,
        contents: &[u8],
        segment_size: Option<usize>,
    ) -> io::Result<()> {
        let destination = self.outward(transmit.path.remote);
        let src_ip = transmit.path.local.filter(|_| self.any).map(|ip| self.outward_ip(ip));
        let is_plain = segment_size.is_none() && src_ip.is_none();
        let transmit =
            quinn_udp::Transmit { destination, ecn: None, contents, segment_size, src_ip };
        for _ in 0..SEND_ATTEMPTS {
            let sent = if is_plain {
                // One datagram with nothing to say of it: the shorter way into the kernel.
                self.io.send_to(contents, destination).map(drop)
            } else {
                self.state.try_send(UdpSockRef::from(&self.io), &transmit)
            };
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.full => {
                    std::thread::sleep(SEND_PAUSE);
                }
                Ok(()) => {
                    self.passed.sent_bytes += contents.len() as u64;
                    return Ok(());
                }
                sent => return sent,
            }
        }
        self.full = true;
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn count(&mut self, sent: io::Result<()>, datagrams: usize) {
        match sent {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.unsent.full += datagrams as u64;
            }
            Err(error) => {
                tracing::debug!(%error, "a datagram was refused by the kernel");
                self.unsent.unsendable += datagrams as u64;
            }
        }
    }

    fn outward(&self, to: SocketAddr) -> SocketAddr {
        SocketAddr::new(self.outward_ip(to.ip()), to.port())
    }

    fn outward_ip(&self, ip: IpAddr) -> IpAddr {
        match ip {
            IpAddr::V4(ip) if self.mapped => ip.to_ipv6_mapped().into(),
            ip => ip,
        }
    }
}

/// The kernel silently caps buffers at its own limit, so the resulting size is read back.
fn raise_buffers(socket: &RawSocket) -> io::Result<()> {
    socket.set_recv_buffer_size(BUFFER_BYTES)?;
    socket.set_send_buffer_size(BUFFER_BYTES)?;
    let bytes = socket.recv_buffer_size()?.min(socket.send_buffer_size()?);
    if bytes < BUFFER_BYTES_ENOUGH {
        tracing::warn!(
            bytes,
            "the kernel's limit on socket buffers is low, and bursts of media will be unsent: \
             raise net.core.rmem_max and net.core.wmem_max to {BUFFER_BYTES}"
        );
    }
    Ok(())
}
