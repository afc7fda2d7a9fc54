//! HTTPS with the development certificate.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::node::Node;

/// Trusts nothing but the development CA of a node in this folder.
fn client(dir: &Path) -> Arc<ClientConfig> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ca = dir.join("data/certs/ca.pem");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

/// TLS to the node in this folder.
pub(crate) fn connect(
    dir: &Path,
    name: &str,
    tcp: TcpStream,
) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(client(dir), name).unwrap(), tcp)
}

fn get(node: &Node, name: &str, path: &str) -> String {
    get_as(node, name, "localhost", path)
}

fn get_as(node: &Node, name: &str, host: &str, path: &str) -> String {
    let tcp = TcpStream::connect(node.https.trim_start_matches("https://")).unwrap();
    let mut tls = connect(node.dir.path(), name, tcp);
    write!(tls, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    tls.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn whoever_trusts_the_development_ca_is_served() {
    let node = Node::start(&[]);
    for name in ["localhost", "127.0.0.1"] {
        assert!(get(&node, name, "/healthz").starts_with("HTTP/1.1 200"), "{name}");
    }
}

#[test]
fn browsers_that_came_over_tls_are_told_to_stay_there() {
    let node = Node::start(&[]);
    let told = "strict-transport-security: max-age=31536000";
    for path in ["/", "/healthz", "/api/v1/me"] {
        assert!(get_as(&node, "localhost", "chat.example.com", path).contains(told), "{path}");
    }
    assert!(!get(&node, "localhost", "/").contains("strict-transport"), "a developer's machine");
}

#[test]
fn the_certificate_outlives_a_restart() {
    let node = Node::start(&[]);
    let path = node.dir.path().join("data/certs/cert.pem");
    let first = std::fs::read(&path).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("data")).unwrap();
    std::fs::rename(node.dir.path().join("data/certs"), dir.path().join("data/certs")).unwrap();
    assert_eq!(node.stop(), Some(0));
    let node = Node::start_in(dir, &[]);
    assert_eq!(std::fs::read(node.dir.path().join("data/certs/cert.pem")).unwrap(), first);
}
