//! Behind the real proxies, with the README's samples.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::extent::extent;
use crate::https;
use crate::node::Node;
use crate::readme::{block, has};

/// How long a proxy may take to listen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the README tells operators to set.
const TRUSTED: [(&str, &str); 1] = [("BECKON_HTTP__TRUSTED_PROXIES", "127.0.0.1/32")];

/// A proxy that listens, and stops with the test.
struct Proxy {
    child: Child,
    address: SocketAddr,
    /// Whose development CA its certificate is from.
    folder: PathBuf,
}

impl Proxy {
    fn start(command: &mut Command, address: SocketAddr, folder: &Path) -> Proxy {
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "the proxy does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Proxy { child, address, folder: folder.to_owned() }
    }

    /// Sends a request as a browser on port 8443 of chat.example.com and returns the head of the answer.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let tcp = TcpStream::connect(self.address).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut tls = https::connect(&self.folder, "localhost", tcp);
        write!(
            tls,
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: https://localhost:{port}\r\n\
             Content-Length: {length}\r\n{headers}\r\n{body}",
            port = self.address.port(),
            length = body.len(),
        )
        .unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && tls.read(&mut byte).unwrap_or_default() > 0 {
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The certificate and the key that stand in for the operator's.
fn certificate(folder: &Path) -> [String; 2] {
    ["cert.pem", "key.pem"].map(|file| folder.join("data/certs").join(file).display().to_string())
}

/// One worker in one process, with all of its files in `folder`.
fn nginx(folder: &Path, servers: &str, address: SocketAddr) -> Proxy {
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};", folder.display()))
        .concat();
    let text = format!(
        "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n\
         events {{}}\nhttp {{ access_log off; {paths}\n{servers}\n}}\n",
        folder = folder.display(),
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-c").arg(file).arg("-e").arg(folder.join("error.log"));
    Proxy::start(&mut command, address, folder)
}

/// What people need of a proxy: to sign up, to be told apart, to keep a socket.
fn serves_people(proxy: &Proxy) {
    let alice = r#"{"name": "alice", "password": "correct horse battery", "transport": "cookie"}"#;
    let json = "Content-Type: application/json\r\n";
    let signed_up = proxy.ask("POST", "/api/v1/users", json, alice);
    assert!(signed_up.starts_with("HTTP/1.1 201"), "{signed_up}");
    let cookies: Vec<&str> = signed_up
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(is_cookie)
        .map(|c| c.1)
        .collect();
    assert!(
        !cookies.is_empty() && cookies.iter().all(|cookie| cookie.contains("Secure")),
        "{signed_up}"
    );

    let pairs: Vec<&str> = cookies.iter().filter_map(|cookie| cookie.split(';').next()).collect();
    let upgrade = format!(
        "Cookie: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: beckon.v1+json\r\n",
        pairs.join("; ")
    );
    let upgraded = proxy.ask("GET", "/api/v1/ws", &upgrade, "");
    assert!(upgraded.starts_with("HTTP/1.1 101"), "{upgraded}");

    let metrics = proxy.ask("GET", "/metrics", "", "");
    assert!(metrics.starts_with("HTTP/1.1 403"), "{metrics}");
}

fn is_cookie((name, _): &(&str, &str)) -> bool {
    name.eq_ignore_ascii_case("set-cookie")
}

#[test]
fn nginx_as_in_the_readme_serves_people_on_any_port() {
    if !has("nginx") {
        return;
    }
    let (node, address) = (Node::start(&TRUSTED), free_address());
    let [certificate, key] = certificate(node.dir.path());
    let servers = block("nginx", "server_name")
        .replace("listen 443 ssl", &format!("listen {address} ssl"))
        .replace("/etc/ssl/chat.example.com.pem", &certificate)
        .replace("/etc/ssl/chat.example.com.key", &key)
        .replace("http://127.0.0.1:8080", &node.http);
    serves_people(&nginx(node.dir.path(), &servers, address));
}

#[test]
fn caddy_as_in_the_readme_serves_people_on_any_port() {
    if !has("caddy") {
        return;
    }
    let (node, address) = (Node::start(&TRUSTED), free_address());
    let folder = node.dir.path();
    let [certificate, key] = certificate(folder);
    let site = block("caddy", "reverse_proxy")
        .replace(
            "chat.example.com {",
            &format!(
                "https://localhost:{} {{\n    bind 127.0.0.1\n    tls {certificate} {key}",
                address.port()
            ),
        )
        .replace("127.0.0.1:8080", node.address());
    let file = folder.join("Caddyfile");
    std::fs::write(
        &file,
        format!("{{\n    admin off\n    auto_https disable_redirects\n}}\n{site}"),
    )
    .unwrap();
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file);
    command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    command.stderr(Stdio::null());
    serves_people(&Proxy::start(&mut command, address, folder));
}

#[test]
fn a_rolling_restart_behind_nginx_is_not_noticed() {
    if !has("nginx") {
        return;
    }
    let at = [free_address(), free_address()];
    let node = |at: SocketAddr| Node::start(&[("BECKON_HTTP__LISTEN", at.to_string().as_str())]);
    let mut nodes = at.map(|at| Some(node(at)));
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let group = block("nginx", "upstream beckon")
        .replace("10.0.0.1:8080", &at[0].to_string())
        .replace("10.0.0.2:8080", &at[1].to_string());
    let server = format!(
        "{group} server {{ listen {address}; location / {{ proxy_pass http://beckon; }} }}"
    );
    let _proxy = nginx(folder.path(), &server, address);

    let ask_often = || {
        for _ in 0..20 {
            let mut tcp = TcpStream::connect(address).unwrap();
            write!(tcp, "GET /healthz HTTP/1.0\r\n\r\n").unwrap();
            let mut answer = String::new();
            tcp.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    };
    for (place, at) in nodes.iter_mut().zip(at) {
        assert_eq!(place.take().unwrap().stop(), Some(0));
        ask_often();
        *place = Some(node(at));
        ask_often();
    }
}

/// Caddy keeps idle connections for two minutes, nginx for one; ours closed them after ten seconds.
#[test]
fn a_connection_idles_for_longer_than_proxies_keep_it() {
    let node = Node::start(&[]);
    let mut tcp = TcpStream::connect(node.address()).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut ask = || {
        write!(tcp, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = [0; 12];
        tcp.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200");
        while !matches!(tcp.read(&mut [0; 4096]), Ok(read) if read < 4096) {}
    };
    ask();
    std::thread::sleep(extent(Duration::from_secs(12), Duration::from_secs(121)));
    ask();
}
