//! A Redis of the stage's own, so that it can be stopped without disturbing other tests.

use std::{net::TcpListener, process::Stdio};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
    sync::Mutex,
};

use super::{database::missing, eventually};

pub struct Redis {
    port: u16,
    process: Mutex<Option<Child>>,
}

impl Redis {
    /// Starts one on a free port; none where `redis-server` is missing and not required.
    pub async fn start() -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        let Ok(process) = spawn(port) else { return missing("redis-server is not installed") };
        let redis = Self { port, process: Mutex::new(Some(process)) };
        redis.answers().await;
        Some(redis)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it at once; what it held is gone.
    pub async fn stops(&self) {
        let mut process = self.process.lock().await.take().expect("a running Redis");
        process.kill().await.expect("Redis to stop");
    }

    /// Comes back empty on the same port.
    pub async fn returns(&self) {
        *self.process.lock().await = Some(spawn(self.port).expect("Redis to start again"));
        self.answers().await;
    }

    async fn answers(&self) {
        eventually("Redis to answer", || async {
            let mut pong = [0; 5];
            let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)).await else {
                return false;
            };
            stream.write_all(b"PING\r\n").await.is_ok()
                && stream.read_exact(&mut pong).await.is_ok()
                && &pong == b"+PONG"
        })
        .await;
    }
}

fn spawn(port: u16) -> std::io::Result<Child> {
    Command::new("redis-server")
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}
