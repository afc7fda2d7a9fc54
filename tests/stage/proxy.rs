//! A network between a node and what it stands on, which can go silent: nothing passes, nothing is refused.

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

pub struct Proxy {
    port: u16,
    state: Arc<watch::Sender<State>>,
}

#[derive(Clone, Copy, Default)]
struct State {
    silent: bool,
    /// How often it went silent: connections of before the last time stay so.
    silences: u32,
}

impl Proxy {
    /// Passes everything on to `target`, as `host:port`.
    pub async fn to(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a port").port();
        let state = Arc::new(watch::Sender::new(State::default()));
        let heard = state.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(pass(near, target.clone(), heard.subscribe()));
            }
        });
        Self { port, state }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// From now on nothing comes through in either direction; connections stay as they are.
    pub fn goes_silent(&self) {
        self.state
            .send_modify(|state| *state = State { silent: true, silences: state.silences + 1 });
    }

    /// New connections come through again. Those of before stay silent, as after a failover.
    pub fn speaks_again(&self) {
        self.state.send_modify(|state| state.silent = false);
    }
}

async fn pass(near: TcpStream, target: String, mut state: watch::Receiver<State>) {
    let State { silent, silences } = *state.borrow();
    if silent {
        return std::future::pending().await;
    }
    let Ok(far) = TcpStream::connect(target).await else { return };
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    tokio::select! {
        () = copy(near_in, far_out) => {}
        () = copy(far_in, near_out) => {}
        () = falls_silent(&mut state, silences) => std::future::pending().await,
    }
}

async fn falls_silent(state: &mut watch::Receiver<State>, silences: u32) {
    let _ = state.wait_for(|state| state.silences > silences).await;
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(read) = from.read(&mut bytes).await {
        if read == 0 || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
