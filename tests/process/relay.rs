//! The relay of the binary: its listeners, the port it shares with HTTPS, and what an independent client makes of it.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use crate::https;
use crate::node::beckon;

/// A STUN Binding request.
const BINDING: [u8; 20] =
    [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/// A process with a relay, and where it listens.
struct Relay {
    child: Child,
    dir: tempfile::TempDir,
    http: SocketAddr,
    https: SocketAddr,
    udp: Vec<SocketAddr>,
    tcp: Vec<SocketAddr>,
}

impl Relay {
    /// With these roles, and listeners at these addresses for UDP and TCP each.
    fn start(role: &[&str], addresses: &[&str]) -> Relay {
        let dir = tempfile::tempdir().unwrap();
        let mut command = beckon(dir.path());
        command.args(["serve", "--http-listen", "127.0.0.1:0", "--https-listen", "127.0.0.1:0"]);
        command.args(["--media-udp", "127.0.0.1:0", "--turn-user", "alice:secret"]);
        command.args(["--turn-allow-peer", "127.0.0.0/8", "--turn-allow-peer", "::1/128"]);
        command.args(role);
        for address in addresses {
            command.args(["--turn-udp", address, "--turn-tcp", address]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut lines = lines.filter_map(|line| {
            let (scheme, at) = line.strip_prefix("listening on ")?.split_once("://")?;
            Some((scheme.to_owned(), at.parse::<SocketAddr>().ok()?))
        });
        let mut next = |scheme: &str| {
            let (found, at) = lines.next().expect("the server stopped before it listened");
            assert_eq!(found, scheme);
            at
        };
        let (http, https) = (next("http"), next("https"));
        let udp = addresses.iter().map(|_| next("turn")).collect();
        let tcp = addresses.iter().map(|_| next("turn+tcp")).collect();
        Relay { child, dir, http, https, udp, tcp }
    }

    /// UDP, TCP and TLS, and how coturn's client is told of them.
    fn ways(&self) -> [(SocketAddr, &'static str); 3] {
        [(self.udp[0], ""), (self.tcp[0], "-t"), (self.tcp[0], "-t -S")]
    }

    fn tls(&self, address: SocketAddr) -> StreamOwned<ClientConnection, TcpStream> {
        let tcp = TcpStream::connect(address).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        https::connect(self.dir.path(), "localhost", tcp)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks where it is seen, and gets an answer.
fn is_bound(mut stream: impl Read + Write) {
    stream.write_all(&BINDING).unwrap();
    let mut head = [0; 20];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[..2], [1, 1]);
    assert_eq!(head[8..], BINDING[8..]);
}

fn answers_http(mut stream: impl Read + Write) {
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn clients_are_heard_over_udp_tcp_and_tls() {
    let relay = Relay::start(&[], &["127.0.0.1:0"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.send_to(&BINDING, relay.udp[0]).unwrap();
    let mut answer = [0; 200];
    let (len, from) = socket.recv_from(&mut answer).unwrap();
    assert!(len > 20 && answer[..2] == [1, 1] && from == relay.udp[0]);
    is_bound(TcpStream::connect(relay.tcp[0]).unwrap());
    is_bound(relay.tls(relay.tcp[0]));
}

#[test]
fn https_and_the_relay_share_a_port() {
    let relay = Relay::start(&[], &["127.0.0.1:0"]);
    for _ in 0..3 {
        answers_http(relay.tls(relay.https));
        is_bound(relay.tls(relay.https));
    }
    // Plain HTTP is what it was.
    answers_http(TcpStream::connect(relay.http).unwrap());
}

#[test]
fn the_relay_runs_alone() {
    let relay = Relay::start(&["--role", "turn"], &["127.0.0.1:0"]);
    is_bound(TcpStream::connect(relay.tcp[0]).unwrap());
    is_bound(relay.tls(relay.https));
    answers_http(TcpStream::connect(relay.http).unwrap());
}

#[test]
fn half_a_handshake_and_silence_are_cut_off() {
    let relay = Relay::start(&["--role", "turn"], &["127.0.0.1:0"]);
    let silent = TcpStream::connect(relay.tcp[0]).unwrap();
    let mut half = TcpStream::connect(relay.tcp[0]).unwrap();
    half.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
    let mut shared = TcpStream::connect(relay.https).unwrap();
    shared.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
    for mut stream in [silent, half, shared] {
        stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        assert!(ended.is_ok() || ended.unwrap_err().kind() == std::io::ErrorKind::ConnectionReset);
    }
}

/// Runs coturn's client: so many clients with so many messages, and nothing may be lost.
fn uclient(relay: SocketAddr, peer: Option<SocketAddr>, options: &str) {
    let mut command = Command::new("turnutils_uclient");
    command.args(["-u", "alice", "-w", "secret", "-n", "20", "-m", "4", "-p"]);
    command.arg(relay.port().to_string()).args(options.split_whitespace());
    if let Some(peer) = peer {
        command.arg("-e").arg(peer.ip().to_string()).arg("-r").arg(peer.port().to_string());
    }
    let output = command.arg(relay.ip().to_string()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_well = told.contains("Total lost packets 0 (0.000000%)");
    assert!(output.status.success() && is_well, "{options}: {told}");
}

/// Sends back what it gets, until the test ends: on this port, and for RTCP on the next.
fn echo(ip: &str) -> SocketAddr {
    let pair = std::iter::repeat_with(|| {
        let first = UdpSocket::bind((ip, 0)).ok()?;
        let next = first.local_addr().ok()?.port().checked_add(1)?;
        Some([first, UdpSocket::bind((ip, next)).ok()?])
    });
    let pair = pair.take(100).flatten().next().expect("no two ports in a row are free");
    let address = pair[0].local_addr().unwrap();
    for socket in pair {
        std::thread::spawn(move || {
            let mut buffer = [0; 2000];
            while let Ok((len, from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(&buffer[..len], from);
            }
        });
    }
    address
}

/// Debian's coturn is there when `./test` runs.
fn has_coturn() -> bool {
    let is_there = Command::new("turnutils_uclient").arg("-h").output().is_ok();
    let is_required = std::env::var_os("BECKON_TEST_REQUIRE").is_some();
    assert!(is_there || !is_required, "turnutils_uclient is missing: apt-get install coturn");
    if !is_there {
        eprintln!("turnutils_uclient is missing: skipped");
    }
    is_there
}

#[test]
fn coturns_client_is_served() {
    if !has_coturn() {
        return;
    }
    let relay = Relay::start(&["--role", "turn"], &["127.0.0.1:0"]);
    let peer = Some(echo("127.0.0.1"));
    std::thread::scope(|scope| {
        for (server, transport) in relay.ways() {
            for options in ["", "-s", "-g", "-y"] {
                let peer = peer.filter(|_| options != "-y");
                scope.spawn(move || uclient(server, peer, &format!("{transport} {options}")));
            }
        }
        // Over TLS on the port of HTTPS.
        scope.spawn(|| uclient(relay.https, peer, "-t -S"));
    });
}

#[test]
fn coturns_client_is_served_over_ipv6() {
    if !has_coturn() || UdpSocket::bind("[::1]:0").is_err() {
        return;
    }
    let relay = Relay::start(&["--role", "turn"], &["[::1]:0"]);
    let peer = Some(echo("::1"));
    std::thread::scope(|scope| {
        for (server, transport) in relay.ways() {
            for options in ["-x", "-x -s", "-x -g"] {
                scope.spawn(move || uclient(server, peer, &format!("{transport} {options}")));
            }
        }
    });
}
