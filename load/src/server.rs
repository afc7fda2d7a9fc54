//! The server under load: one of our own in a temporary folder, or one that runs already.

use std::{fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// How long our own server may take to say where it listens.
const START_MAX: Duration = Duration::from_secs(30);

/// `/proc` counts CPU time in ticks of 1/100 s on every Linux that Rust runs on (USER_HZ).
const TICK: Duration = Duration::from_millis(10);

/// Cheap password hashes for a quick set-up, and no limits per person in the way of a load test.
const UNHINDERED: [(&str, &str); 7] = [
    ("BECKON_ACCOUNTS__PASSWORD_MEMORY_KIB", "64"),
    ("BECKON_ACCOUNTS__PASSWORD_PASSES", "1"),
    ("BECKON_LIMITS__SENDS_PER_SECOND", "1000000"),
    ("BECKON_LIMITS__SENDS_BURST", "1000000"),
    ("BECKON_LIMITS__SIGN_INS_PER_MINUTE", "1000000"),
    ("BECKON_LIMITS__REQUESTS_PER_SECOND", "100000"),
    ("BECKON_LIMITS__FRAMES_PER_SECOND", "1000000"),
];

/// A server to load; our own is killed when this is dropped.
pub(super) struct Server {
    url: String,
    pid: Option<u32>,
    _own: Option<(Child, TempDir)>,
}

impl Server {
    /// A server that somebody else started.
    pub(super) fn running(url: &str, pid: Option<u32>) -> anyhow::Result<Self> {
        let url = url.trim_end_matches('/');
        ensure!(url.starts_with("http://"), "--url must start with http://");
        Ok(Self { url: url.to_owned(), pid, _own: None })
    }

    /// Starts the `beckon` beside this binary on free ports, with limits out of the way of a load test and `BECKON_` variables of
    /// the caller's.
    pub(super) async fn start(
        settings: impl IntoIterator<Item = (&'static str, String)>,
    ) -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("beckon-bench-").context("making a temporary folder")?;
        let log = folder.path().join("server.log");
        let mut command = Command::new(std::env::current_exe()?.with_file_name("beckon"));
        command
            .arg("serve")
            .args(["--data-dir".as_ref(), folder.path()])
            .args(["--http-listen", "127.0.0.1:0", "--https-listen", "off"])
            .args(["--media-udp", "127.0.0.1:0"])
            .envs(UNHINDERED)
            .envs(settings)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?)
            .kill_on_drop(true);
        let mut child =
            command.spawn().context("starting the `beckon` in the same folder as this program")?;
        let mut stdout = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let url = match timeout(START_MAX, listening(&mut stdout)).await {
            Ok(Some(url)) => url,
            Ok(None) => bail!("the server stopped before it listened:\n{}", tail(&log)),
            Err(_) => bail!("the server did not listen within {START_MAX:?}:\n{}", tail(&log)),
        };
        // Whatever it prints later must not fill the pipe and stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = stdout.next_line().await {} });
        Ok(Self { url, pid: child.id(), _own: Some((child, folder)) })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// What the process has used so far; none when we do not know which process it is.
    pub(super) fn usage(&self) -> anyhow::Result<Option<Usage>> {
        self.pid.map(usage_of).transpose()
    }

    /// The process, if we know which one it is.
    pub(super) fn pid(&self) -> Option<u32> {
        self.pid
    }
}

/// What a process has used so far.
pub(super) fn usage_of(pid: u32) -> anyhow::Result<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    let (stat, status) = stat.and_then(|stat| Ok((stat, status?))).context("the server is gone")?;
    parse_usage(&stat, &status).context("reading what /proc says of the server")
}

/// CPU time used and memory resident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) cpu: Duration,
    pub(super) rss_bytes: u64,
}

impl Usage {
    /// The CPU time of a window, and the memory at its end.
    pub(super) fn since(self, before: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(before.cpu), ..self }
    }
}

async fn listening(stdout: &mut Lines<BufReader<ChildStdout>>) -> Option<String> {
    while let Ok(Some(line)) = stdout.next_line().await {
        if let Some((_, address)) = line.split_once("listening on http://") {
            return Some(format!("http://{}", address.trim()));
        }
    }
    None
}

fn tail(log: &Path) -> String {
    let log = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

fn parse_usage(stat: &str, status: &str) -> Option<Usage> {
    // The name in brackets may hold spaces; user and system time are fields 14 and 15 of the whole line.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut ticks = after_name.split_whitespace().skip(11).map(str::parse::<u32>);
    let cpu = TICK * (ticks.next()?.ok()? + ticks.next()?.ok()?);
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = resident.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(Usage { cpu, rss_bytes: kilobytes * 1024 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_past_a_name_with_spaces_and_brackets() {
        let stat = "7 (be) ckon) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 12345";
        let usage = parse_usage(stat, "Name:\tbeckon\nVmRSS:\t    2048 kB\n").unwrap();
        assert_eq!(usage, Usage { cpu: Duration::from_secs(3), rss_bytes: 2 << 20 });
    }
}
