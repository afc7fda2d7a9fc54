//! Connections that mean no good, or nothing at all.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::node::Node;

/// Longer than the server's time-outs, for a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn connect(node: &Node) -> TcpStream {
    let stream = TcpStream::connect(node.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Everything until the server closes.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_thousand_silent_connections_disturb_nobody_and_are_cut_off() {
    let node = Node::start(&[]);
    let silent: Vec<TcpStream> = (0..1000).map(|_| connect(&node)).collect();
    let asked = Instant::now();
    assert_eq!(node.get("/readyz").await.status(), 200);
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    for stream in silent {
        rest(stream);
    }
    assert!(asked.elapsed() < PATIENCE, "closed only by the test's own time-out");
    let metrics = node.get("/metrics").await.text().await.unwrap();
    let open = metrics.lines().find_map(|line| line.strip_prefix("beckon_connections "));
    assert!(open.unwrap().parse::<u32>().unwrap() < 10, "{open:?} connections are still counted");
}

#[tokio::test]
async fn a_request_dribbled_in_is_cut_off() {
    let node = Node::start(&[]);
    let started = Instant::now();
    let mut slow = connect(&node);
    let mut dribble = slow.try_clone().unwrap();
    let dribbling = std::thread::spawn(move || {
        while started.elapsed() < PATIENCE && dribble.write_all(b"GET").is_ok() {
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    let mut byte = [0];
    let closed = !matches!(slow.read(&mut byte), Ok(1..));
    assert!(closed && started.elapsed() < PATIENCE, "after {:?}", started.elapsed());
    drop(slow);
    dribbling.join().unwrap();
}

#[tokio::test]
async fn a_full_node_answers_probes_and_tells_others_so() {
    let node = Node::start(&[("BECKON_HTTP__MAX_CONNECTIONS", "3")]);
    let held: Vec<TcpStream> = (0..3).map(|_| connect(&node)).collect();
    let ask = |path: &str| {
        let mut stream = connect(&node);
        let _ = stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes());
        rest(stream) // which ends, so the connection is not kept
    };
    assert!(ask("/readyz").starts_with("HTTP/1.1 200"));
    assert!(ask("/api/v1/settings").starts_with("HTTP/1.1 503"));

    let hoarded: Vec<TcpStream> = (0..8).map(|_| connect(&node)).collect();
    assert!(ask("/readyz").starts_with("HTTP/1.1 200"), "the newest is answered");
    let begun = Instant::now();
    for stream in hoarded {
        rest(stream);
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "the reserve was kept for long");
    drop(held);
}

/// Somebody behind the operator's own address, or on the same machine, opens more than their share.
#[tokio::test]
async fn probes_are_answered_though_their_own_address_holds_everything() {
    let node = Node::start(&[("BECKON_HTTP__MAX_CONNECTIONS", "40")]);
    let half = || {
        let mut stream = connect(&node);
        let _ = stream.write_all(b"GET /api/v1/settings HTTP/1.1\r\nhost: a\r\n");
        stream
    };
    let held: Vec<TcpStream> = (0..200).map(|_| half()).collect();
    let ask = |path: &str| {
        let mut stream = connect(&node);
        let _ = stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes());
        rest(stream)
    };
    for _ in 0..5 {
        let _more: Vec<TcpStream> = (0..5).map(|_| half()).collect();
        assert!(ask("/readyz").starts_with("HTTP/1.1 200"));
        assert!(ask("/healthz").starts_with("HTTP/1.1 200"));
        assert!(ask("/api/v1/settings").starts_with("HTTP/1.1 503"));
    }
    drop(held);
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let node = Node::start(&[]);
    let mut stream = connect(&node);
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nx: ");
    let _ = stream.write_all(&vec![b'a'; 100_000]);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let answer = rest(stream);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(node.get("/readyz").await.status(), 200);
}

#[tokio::test]
async fn rubbish_is_no_request() {
    let node = Node::start(&[]);
    for rubbish in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = connect(&node);
        stream.write_all(rubbish.as_bytes()).unwrap();
        let answer = rest(stream);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{rubbish:?}: {answer}");
    }
    assert_eq!(node.get("/readyz").await.status(), 200);
}

/// So a page of another origin, whose token is too long, learns why it hears nothing.
#[tokio::test]
async fn heads_that_are_too_long_are_refused_in_words_that_every_page_can_read() {
    let node = Node::start(&[]);
    for (head, status, limit) in [
        (format!("GET /rtc?access_token={}", "x".repeat(70_000)), "414", "65534"),
        (format!("GET /rtc HTTP/1.1\r\nhost: a\r\nx: {}", "x".repeat(200_000)), "431", "98304"),
        (format!("GET /rtc HTTP/1.1\r\n{}", "a: b\r\n".repeat(70)), "431", "64 headers"),
    ] {
        let mut stream = connect(&node);
        let _ = stream.write_all(format!("{head} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes());
        let answer = rest(stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        let (head, words) = answer.split_once("\r\n\r\n").expect("a body");
        assert!(
            head.contains("access-control-allow-origin: *") && words.contains(limit),
            "{answer}"
        );
    }
}
