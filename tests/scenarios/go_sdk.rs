//! LiveKit's Go SDK, which is made with pion, in a room: `examples/go` built and run against a node.
//!
//! `./test` builds the program beforehand and says where it is in `BECKON_TEST_GO`. Without that it is built here; where
//! there is no Go it is left out.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use crate::stage::{Stage, extent};

const KEY: &str = "go";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// All checks of one run: the reconnections among them wait for the SDK's own limits.
const RUN_MAX: Duration = Duration::from_secs(170);

/// The program, or `None` where there is no Go to build it with.
async fn program(folder: &Path) -> Option<PathBuf> {
    if let Ok(built) = std::env::var("BECKON_TEST_GO") {
        return Some(built.into());
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/go");
    let program = folder.join("example");
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&program).arg(".").current_dir(source).kill_on_drop(true);
    let Ok(built) = build.output().await else {
        eprintln!("LEFT OUT: there is no Go here, so LiveKit's Go SDK was not tried");
        return None;
    };
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "examples/go cannot be built:\n{errors}");
    Some(program)
}

/// What the program says, which found nothing wrong.
async fn plays(arguments: &[&str]) -> Option<String> {
    let folder = TempDir::new().expect("a folder");
    let program = program(folder.path()).await?;
    let key = format!("{KEY}:{SECRET}");
    let stage = Stage::configured(&[("BECKON_ROOMS__KEYS", key.as_str())]).await;
    let url = format!("ws://{}", stage.first().address());
    let mut run = Command::new(program);
    run.args(["-url", &url, "-key", KEY, "-secret", SECRET]).args(arguments);
    run.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = timeout(RUN_MAX, run.output()).await.expect("an end in time").expect("it to run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.contains(" 0 failed"), "{said}");
    Some(said)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_go_sdk_meets_everybody_and_comes_back() {
    // Few reconnections, or all of them.
    let said = plays(&extent(vec!["-brief"], Vec::new())).await;
    assert!(said.is_none_or(|said| said.contains("received")));
}

/// Its offer comes with the request to come in, and it takes the answer for an error that is there too early.
#[tokio::test(flavor = "multi_thread")]
async fn the_go_sdk_connects_every_time_on_a_single_connection() {
    plays(&["-single", "-joins", extent("10", "100")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_go_sdk_does_the_same_over_a_single_connection() {
    plays(&extent(vec!["-single", "-brief"], vec!["-single"])).await;
}
