//! The thread that moves all media of the load. It shares the machine with the server, so it must be cheap.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use super::books::{Books, Clock, Progress};
use super::endpoint::{Common, Endpoint};

/// The thread looks at all of its sockets this often instead of having the kernel tell it which of them received something.
/// Each datagram would have to tell it, and that time would be the server's; people on other machines cost it none.
const TURN: Duration = Duration::from_millis(1);

/// The running thread.
pub(super) struct Media {
    arrivals: Sender<Endpoint>,
    thread: JoinHandle<anyhow::Result<Books>>,
    progress: Arc<Progress>,
}

impl Media {
    pub(super) fn start(clock: Clock, progress: Arc<Progress>) -> anyhow::Result<Media> {
        let (arrivals, endpoints) = mpsc::channel();
        let turns = Turns {
            arrivals: endpoints,
            endpoints: Vec::new(),
            due: Vec::new(),
            common: Common::new(clock, progress.clone(), Books::new()?),
        };
        let thread = std::thread::Builder::new().name("bench-media".into());
        let thread = thread.spawn(move || turns.run())?;
        Ok(Media { arrivals, thread, progress })
    }

    /// Takes an endpoint over.
    pub(super) fn add(&self, endpoint: Endpoint) -> anyhow::Result<()> {
        self.arrivals.send(endpoint).map_err(|_| anyhow!("the load's media thread has ended"))
    }

    /// Ends the thread and returns its books.
    pub(super) fn stop(self) -> anyhow::Result<Books> {
        self.progress.stop();
        self.thread.join().map_err(|_| anyhow!("the load's media thread died"))?
    }
}

struct Turns {
    arrivals: Receiver<Endpoint>,
    endpoints: Vec<Endpoint>,
    /// When each endpoint has something to do, side by side so that a look at all of them is quick.
    due: Vec<Instant>,
    common: Common,
}

impl Turns {
    fn run(mut self) -> anyhow::Result<Books> {
        while !self.common.progress.is_stopped() {
            self.take_arrivals();
            for endpoint in &mut self.endpoints {
                endpoint.receive(&mut self.common).context("receiving media")?;
            }
            self.step()?;
            std::thread::sleep(TURN);
        }
        let mut books = self.common.books;
        let all_sent = self.endpoints.iter().map(Endpoint::sent).sum();
        for endpoint in &self.endpoints {
            let (received, expected) = endpoint.balance(all_sent);
            books.received += received;
            books.expected += expected;
        }
        Ok(books)
    }

    fn take_arrivals(&mut self) {
        while let Ok(endpoint) = self.arrivals.try_recv() {
            self.due.push(Instant::now());
            self.endpoints.push(endpoint);
        }
    }

    fn step(&mut self) -> anyhow::Result<()> {
        let now = Instant::now();
        for (endpoint, due) in self.endpoints.iter_mut().zip(&mut self.due) {
            if *due <= now {
                endpoint.step(now, &mut self.common).context("sending media")?;
                *due = endpoint.due();
            }
        }
        Ok(())
    }
}
