//! One running `beckon`, stopped when the test is done with it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything expected may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Where a node listens unless a test says otherwise.
const FREE_PORTS: [(&str, &str); 3] = [
    ("BECKON_HTTP__LISTEN", "127.0.0.1:0"),
    ("BECKON_HTTP__HTTPS_LISTEN", "127.0.0.1:0"),
    ("BECKON_MEDIA__LISTEN", "127.0.0.1:0"),
];

/// A setting for plain HTTP alone.
pub(crate) const WITHOUT_HTTPS: (&str, &str) = ("BECKON_HTTP__HTTPS_LISTEN", "off");

/// What the node writes to standard error, in its folder.
const LOG: &str = "log";

fn log(dir: &Path) -> String {
    std::fs::read_to_string(dir.join(LOG)).unwrap_or_default()
}

pub(crate) struct Node {
    child: Child,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) http: String,
    pub(crate) https: String,
    /// From the start of the process to its first line.
    pub(crate) until_listening: Duration,
    pub(crate) client: reqwest::Client,
}

/// The command, in a folder of its own and without this machine's settings.
pub(crate) fn beckon(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_beckon"));
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BECKON_"))
    {
        command.env_remove(name);
    }
    command.current_dir(dir).env("BECKON_DATA_DIR", dir.join("data"));
    command
}

impl Node {
    pub(crate) fn start(settings: &[(&str, &str)]) -> Node {
        Node::start_in(tempfile::tempdir().unwrap(), settings)
    }

    pub(crate) fn start_in(dir: tempfile::TempDir, settings: &[(&str, &str)]) -> Node {
        let started = Instant::now();
        let mut child = beckon(dir.path())
            .arg("serve")
            .envs(FREE_PORTS)
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(File::create(dir.path().join(LOG)).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut address = || {
            let line = lines.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
            line.unwrap_or_else(|| {
                panic!("the server stopped before it listened:\n{}", log(dir.path()))
            })
        };
        let http = address();
        let until_listening = started.elapsed();
        let has_https = !settings.contains(&WITHOUT_HTTPS);
        let https = if has_https { address() } else { String::new() };
        // a connection kept for later may be cut off as idle in the very moment it is used again
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        let client = client.build().unwrap();
        Node { child, dir, http, https, until_listening, client }
    }

    pub(crate) fn request(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.http))
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.request(path).send().await.unwrap()
    }

    /// `127.0.0.1:port` of the plain listener.
    pub(crate) fn address(&self) -> &str {
        self.http.trim_start_matches("http://")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Asks to stop as systemd does, and returns the exit code.
    pub(crate) fn stop(self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.exit_code()
    }

    /// Waits for the end.
    pub(crate) fn exit_code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// Waits for the end; the folder can be started from again.
    pub(crate) fn ended(mut self) -> (tempfile::TempDir, Option<i32>) {
        let code = self.child.wait().unwrap().code();
        (std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap()), code)
    }

    /// Waits until a line of the log holds this.
    pub(crate) async fn logs(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !log(self.dir.path()).contains(text) {
            assert!(Instant::now() < deadline, "no '{text}' in:\n{}", log(self.dir.path()));
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the node's log:\n{}", log(self.dir.path()));
        }
    }
}
