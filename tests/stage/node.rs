//! One running `beckon serve` and the way to it.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Stdio,
    sync::{Mutex, OnceLock},
};

use reqwest::{Client, Method};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::{Answer, PATIENCE};

/// Settings that every stage has: hashing as cheap as argon2 allows, and no limits in the way of many quick acts.
const SETTINGS: [(&str, &str); 6] = [
    ("BECKON_ACCOUNTS__PASSWORD_MEMORY_KIB", "64"),
    ("BECKON_ACCOUNTS__PASSWORD_PASSES", "1"),
    ("BECKON_LIMITS__SENDS_PER_SECOND", "1000000"),
    ("BECKON_LIMITS__SENDS_BURST", "1000000"),
    ("BECKON_LIMITS__SIGN_INS_PER_MINUTE", "1000000"),
    ("BECKON_LIMITS__REQUESTS_PER_SECOND", "100000"),
];

/// How to start a node, so that it can be started again.
#[derive(Clone)]
pub struct Plan {
    data: PathBuf,
    database_url: String,
    redis_url: Option<String>,
    settings: Vec<(String, String)>,
}

impl Plan {
    pub fn new(
        data: PathBuf,
        database_url: &str,
        redis_url: Option<String>,
        settings: &[(&str, &str)],
    ) -> Self {
        let settings = SETTINGS.iter().chain(settings);
        let settings = settings.map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { data, database_url: database_url.to_owned(), redis_url, settings }
    }
}

pub struct Node {
    plan: Plan,
    /// Where the first start listened; a restart takes the same port, as a real server does.
    address: OnceLock<String>,
    process: tokio::sync::Mutex<Option<Child>>,
    log: PathBuf,
    http: Mutex<Client>,
}

impl Node {
    pub async fn start(plan: Plan) -> Self {
        let log = plan.data.with_extension(format!("{}.log", uuid::Uuid::new_v4().simple()));
        let http = Mutex::new(client());
        let node = Self { plan, address: OnceLock::new(), process: Default::default(), log, http };
        node.spawn().await;
        node
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub fn address(&self) -> &str {
        self.address.get().expect("a node that has started")
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The process id, for its figures in `/proc`.
    pub async fn pid(&self) -> u32 {
        let process = self.process.lock().await;
        process.as_ref().and_then(Child::id).expect("a running node")
    }

    /// Ends it without any chance to tidy up.
    pub async fn kill_9(&self) {
        let mut process = self.process.lock().await.take().expect("a running node");
        process.kill().await.expect("the node to die");
    }

    /// Asks it to stop as systemd would and waits until it has, then tells whether it left with 0.
    pub async fn drains(&self) -> bool {
        let mut process = self.process.lock().await.take().expect("a running node");
        let pid = process.id().expect("a running node").to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().await;
        assert!(told.expect("kill to run").success());
        let status = timeout(PATIENCE, process.wait()).await;
        status.expect("the node drains in time").expect("an exit status").success()
    }

    /// Starts it again on the same port; a running one is drained first.
    pub async fn restart(&self) {
        if self.process.lock().await.is_some() {
            assert!(self.drains().await, "the node did not leave with 0");
        }
        self.spawn().await;
    }

    /// A raw request without anybody's identity.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let http = self.http.lock().expect("no panic while cloning a client").clone();
        http.request(method, format!("{}{path}", self.url()))
    }

    pub async fn get(&self, path: &str) -> Answer {
        let answer = self.request(Method::GET, path).send().await.expect("an answer");
        Answer::read(format!("GET {path}"), answer).await
    }

    pub async fn text(&self, path: &str) -> String {
        self.get(path).await.text()
    }

    /// What the node has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    async fn spawn(&self) {
        fs::create_dir_all(&self.plan.data).expect("a data folder");
        let log = File::options().create(true).append(true).open(&self.log).expect("a log file");
        let listen = self.address.get().map_or("127.0.0.1:0", String::as_str);
        let mut process = Command::new(env!("CARGO_BIN_EXE_beckon"))
            .arg("serve")
            .args(["--data-dir".as_ref(), self.plan.data.as_path()])
            .args(["--http-listen", listen, "--https-listen", "off"])
            .args(["--media-udp", "127.0.0.1:0"])
            .args(["--database-url", &self.plan.database_url])
            .args(self.plan.redis_url.iter().flat_map(|url| ["--redis-url", url]))
            .envs(self.plan.settings.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the binary to start");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await.expect("readable output") {
                if let Some((_, address)) = line.split_once("listening on http://") {
                    return address.trim().to_owned();
                }
            }
            panic!("the node stopped before it listened:\n{}", self.log());
        };
        let address = timeout(PATIENCE, listening).await.expect("the node to listen in time");
        self.address.get_or_init(|| address);
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        // Connections kept alive to the former process would fail the next request.
        *self.http.lock().expect("no panic while replacing a client") = client();
        *self.process.lock().await = Some(process);
    }
}

/// Keeps no connections: one that is used again in the moment it is cut off as idle would fail a request.
fn client() -> Client {
    let client = Client::builder().timeout(PATIENCE).pool_max_idle_per_host(0);
    client.build().expect("an HTTP client")
}

impl Drop for Node {
    /// A scenario that fails shows the log; one that passes must not have made the node panic.
    fn drop(&mut self) {
        let log = self.log();
        if std::thread::panicking() {
            let address = self.address.get().map_or("a node that never listened", String::as_str);
            eprintln!("--- the log of {address}\n{log}---");
        } else {
            assert!(!log.contains("panicked at"), "the node panicked:\n{log}");
        }
    }
}
