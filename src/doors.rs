//! Where the process is reached over TCP.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use beckon_turn_server::Turn;
use tokio::net::TcpListener;

use crate::certs::{self, Files};
use crate::cli::Listen;
use crate::config::Config;
use crate::listen::{self, Listeners, Served};

/// What is bound before anything is started, so that a taken port is told at once.
pub(crate) struct Doors {
    http: Option<TcpListener>,
    https: Option<TcpListener>,
    turn: Vec<TcpListener>,
    certificate: Option<Files>,
}

impl Doors {
    pub(crate) async fn bind(config: &Config) -> anyhow::Result<Doors> {
        let process = &config.process;
        let mut turn = Vec::new();
        for address in &process.turn.tcp {
            turn.push(listen::bind(*address).await?);
        }
        let http = bind(process.http.listen).await?;
        let https = bind(process.http.https_listen).await?;
        let certificate =
            certs::are_used(config).then(|| certs::find_or_make(config)).transpose()?;
        Ok(Doors { http, https, turn, certificate })
    }

    /// Where TURN clients are heard over TCP.
    pub(crate) fn relay_addresses(&self) -> Vec<SocketAddr> {
        self.turn.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Where they are heard over TLS beside HTTPS.
    pub(crate) fn shared_address(&self) -> Option<SocketAddr> {
        self.https.as_ref()?.local_addr().ok()
    }

    /// How our certificate allows to call us at these addresses.
    pub(crate) fn hosts(&self, ips: &[IpAddr]) -> Vec<String> {
        self.certificate.iter().flat_map(|files| certs::hosts(files, ips)).collect()
    }

    /// Serves what came of the start, and says where.
    pub(crate) fn open(
        self,
        listeners: &Listeners,
        served: Served,
        relay: Option<Arc<Turn>>,
    ) -> anyhow::Result<()> {
        let identity = self.certificate.map(certs::load).transpose()?;
        if let Some(listener) = self.http {
            announce("http", listeners.http(listener, served.clone())?);
        }
        if let (Some(listener), Some(identity)) = (self.https, &identity) {
            let address = listeners.https(listener, served, identity.clone(), relay.clone())?;
            announce("https", address);
        }
        for address in relay.iter().flat_map(|relay| relay.addresses()) {
            announce("turn", *address);
        }
        if let (Some(relay), Some(identity)) = (relay, identity) {
            for listener in self.turn {
                let address = listeners.turn(listener, identity.clone(), relay.clone())?;
                announce("turn+tcp", address);
            }
        }
        Ok(())
    }
}

async fn bind(address: Listen) -> anyhow::Result<Option<TcpListener>> {
    match address {
        Listen::On(address) => listen::bind(address).await.map(Some),
        Listen::Off => Ok(None),
    }
}

/// One line for scripts, with the real port, and one for people. Whoever started us may have closed their
/// end of standard output, which is no reason not to serve.
fn announce(scheme: &str, address: SocketAddr) {
    tracing::info!(%address, scheme, "listening");
    let mut text = format!("listening on {scheme}://{address}\n");
    if scheme.starts_with("http") {
        text += &hints(scheme, address);
    }
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// What to open in a browser.
fn hints(scheme: &str, address: SocketAddr) -> String {
    let mut text = String::new();
    let port = address.port();
    if address.ip().is_loopback() {
        text += &format!("  open {scheme}://localhost:{port} in a browser on this machine\n");
    } else if address.ip().is_unspecified() {
        for ip in certs::local_addresses().filter(|ip| address.is_ipv6() || ip.is_ipv4()) {
            text += &format!("  open {scheme}://{} on other devices\n", SocketAddr::new(ip, port));
        }
    }
    text
}
