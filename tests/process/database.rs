//! A database that is taken, away, or full.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::node::{Node, WITHOUT_HTTPS, beckon};

/// How long anything expected may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_second_server_on_one_database_is_refused() {
    let first = Node::start(&[WITHOUT_HTTPS]);
    let second = beckon(first.dir.path())
        .arg("serve")
        .args(["--http-listen", "127.0.0.1:0", "--https-listen", "off"])
        .args(["--media-udp", "127.0.0.1:0"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success(), "it served");
    assert!(said.contains("another process of Beckon uses this database"), "{said}");
    let dir = first.dir.path().join("data/beckon.db");
    assert!(dir.exists());
    assert_eq!(first.stop(), Some(0));
}

#[tokio::test]
async fn a_server_says_at_once_why_its_database_is_away_and_stops_when_asked() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut waiting = beckon(dir.path())
        .arg("serve")
        .args(["--http-listen", "127.0.0.1:0", "--https-listen", "off"])
        .args(["--media-udp", "127.0.0.1:0"])
        .args(["--database-url", &format!("mysql://somebody:secret@{closed}/beckon")])
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    until("the cause, twice", || said().matches("Connection refused").count() >= 2).await;
    assert!(!said().contains("secret"));
    let pid = rustix::process::Pid::from_child(&waiting);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    until("the end", || waiting.try_wait().unwrap().is_some()).await;
    assert!(waiting.wait().unwrap().success(), "{}", said());
}

/// Left out where nobody may mount: the store's own tests fill a database then.
#[tokio::test]
async fn after_a_full_disk_has_space_again_a_server_goes_on_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(dir.path()) else {
        eprintln!("left out: a small disk cannot be mounted here");
        return;
    };
    let node = Node::start_in(
        dir,
        &[
            WITHOUT_HTTPS,
            ("BECKON_LIMITS__SIGN_INS_PER_MINUTE", "1000000"),
            ("BECKON_ACCOUNTS__PASSWORD_MEMORY_KIB", "64"),
            ("BECKON_ACCOUNTS__PASSWORD_PASSES", "1"),
        ],
    );
    assert_eq!(register(&node, "before").await, 201);
    let filler = node.dir.path().join("filler");
    fill(&filler);
    let mut refused = false;
    for n in 0..2000 {
        if register(&node, &format!("during{n}")).await == 507 {
            refused = true;
            break;
        }
    }
    assert!(refused, "a full disk takes everything");
    let unready = node.get("/readyz").await;
    assert_eq!(unready.status().as_u16(), 503);
    assert_eq!(unready.text().await.unwrap(), "not ready: the database has no space left\n");

    std::fs::remove_file(filler).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while node.get("/readyz").await.status().as_u16() != 200 {
        assert!(Instant::now() < deadline, "not ready although there is space again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for n in 0..20 {
        assert_eq!(register(&node, &format!("after{n}")).await, 201);
    }
    disk.unmount();
    node.stop();
}

async fn register(node: &Node, name: &str) -> u16 {
    let account = json!({"name": name, "password": "correct horse battery"});
    let request = node.client.post(format!("{}/api/v1/users", node.http)).json(&account);
    request.send().await.unwrap().status().as_u16()
}

/// Writes until nothing more goes.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    for size in [64 * 1024, 4096, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

/// A disk of 12 MB in memory.
struct Disk(std::path::PathBuf);

impl Disk {
    fn mount(on: &Path) -> Option<Disk> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(on).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then(|| Disk(on.to_owned()))
    }

    /// It goes when nobody has a file on it any more.
    fn unmount(&self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).stderr(Stdio::null()).status();
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
