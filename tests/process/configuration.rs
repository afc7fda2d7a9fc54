//! `check-config` and `serve` say the same of a configuration.

use std::path::Path;
use std::process::Output;

use crate::node::{Node, WITHOUT_HTTPS, beckon};

type Settings<'a> = &'a [(&'a str, &'a str)];

fn run(dir: &Path, command: &str, settings: Settings<'_>) -> Output {
    beckon(dir).arg(command).envs(settings.iter().copied()).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Both must refuse these, with words that name a key.
const REFUSED: [(Settings<'_>, &str); 22] = [
    (&[("BECKON_DATABASE_URL", "sqlite:missing/beckon.db")], "database_url: "),
    (&[("BECKON_DATABASE_URL", "sqlite:beckon.db?mode=ro")], "database_url: "),
    (&[("BECKON_DATABASE_URL", "sqlite:.")], "database_url: "),
    (&[("BECKON_DATABASE_URL", "mysql://")], "database_url: "),
    (&[("BECKON_DATABASE_URL", "mysql://user:hush@db.example")], "database_url: "),
    (&[("BECKON_DATA_DIR", "/proc/beckon")], "data_dir: "),
    (&[("BECKON_DATA_DIR", "/dev/null/beckon")], "data_dir: "),
    (&[("BECKON_HTTP__HTTPS_LISTEN", "127.0.0.1:8080")], "http.https_listen ("),
    (&[("BECKON_HTTP__HTTPS_LISTEN", "0.0.0.0:8080")], "http.https_listen ("),
    (&[("BECKON_HTTP__LISTEN", "192.0.2.1:8080")], "http.listen: "),
    (
        &[("BECKON_MEDIA__LISTEN", "127.0.0.1:65535"), ("BECKON_MEDIA__SHARDS", "2")],
        "media.listen: ",
    ),
    (&[("BECKON_MEDIA__SHARDS", "65535")], "media.shards: "),
    (&[("BECKON_TURN__UDP", "127.0.0.1:7881")], "turn.udp ("),
    (&[("BECKON_ROOMS__URL", "https://chat.example.com/rooms")], "rooms.url: "),
    (&[("BECKON_ALLOWED_ORIGINS", "*")], "allowed_origins: "),
    (&[("BECKON_EXTERNAL_IPS", "0.0.0.0")], "external_ips: "),
    (&[("BECKON_CALLS__STUN_URLS", "stun://stun.example.com")], "calls.stun_urls: "),
    (&[("BECKON_TURN__REALM", " ")], "turn.realm: "),
    (&[("BECKON_TURN__SECRETS", "hush")], "turn.secrets: "),
    (&[("BECKON_METRICS__TOKEN", " ")], "metrics.token: "),
    (&[("BECKON_HTTP__LISTEN", "off")], "nobody could reach this server"),
    (&[("BECKON_TLS__KEY", "key.pem")], "belong together"),
];

#[test]
fn what_a_check_refuses_does_not_start_and_nothing_else_is_made() {
    for (settings, key) in REFUSED {
        let dir = tempfile::tempdir().unwrap();
        for command in ["check-config", "serve"] {
            let ended = run(dir.path(), command, settings);
            let told = told(&ended);
            assert_eq!(ended.status.code(), Some(1), "{command} with {settings:?}: {told}");
            assert!(told.contains(key), "{command} with {settings:?}: {told}");
            assert!(!told.contains("hush"), "{command} with {settings:?}: {told}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{settings:?}");
    }
}

#[tokio::test]
async fn what_a_check_passes_starts() {
    for settings in [
        &[("BECKON_HTTP__TRUSTED_PROXIES", "127.0.0.1, ::1, 10.0.0.0/8")][..],
        &[("BECKON_DATABASE_URL", "sqlite:beckon.db?mode=rwc")],
        &[("BECKON_ALLOWED_ORIGINS", "https://例子.中国, http://localhost:3000")],
        &[("BECKON_TURN__UDP", "127.0.0.1:0"), ("BECKON_TURN__SECRETS", "0123456789abcdef")],
        &[("BECKON_CALLS__TURN_URLS", "turns:turn.example.com:443?transport=tcp")],
    ] {
        let node = Node::start(&[settings, &[WITHOUT_HTTPS]].concat());
        let checked = run(node.dir.path(), "check-config", settings);
        assert!(checked.status.success(), "{settings:?}: {}", told(&checked));
        assert_eq!(node.get("/readyz").await.status(), 200, "{settings:?}");
    }
}

/// What would be told of an address whose password was written wrong must not show it either.
#[test]
fn a_check_prints_no_secret_of_an_address_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    for url in
        ["mysql:user:hush@h/b", "user:hush@h/b", "mysql://u:1?hush@h/b", "postgres://u:hush@h"]
    {
        let checked = run(dir.path(), "check-config", &[("BECKON_DATABASE_URL", url)]);
        let printed = String::from_utf8_lossy(&checked.stdout).into_owned() + &told(&checked);
        assert!(printed.contains("database_url") && !printed.contains("hush"), "{url}: {printed}");
    }
}
