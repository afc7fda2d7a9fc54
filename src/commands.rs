//! The commands that do one thing and stop.

mod admin;

use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use axum::body::Body;
use axum::http::header::HOST;
use axum::http::{Request, StatusCode};
use beckon_signalling::rooms::keys::Keys;
use beckon_signalling::rooms::token::{Claims, Grants, mint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub(crate) use self::admin::admin;
use crate::cli::{
    BenchArgs, CertificateArgs, ConfigArgs, HealthcheckArgs, Listen, StoreArgs, TokenArgs,
};
use crate::config::{self, Config};
use crate::parts::Parts;
use crate::{certs, check, data_dir};

/// A server that takes longer to answer is not healthy.
const HEALTHCHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// `beckon bench`: becomes `beckon-load`, which a server is installed without.
pub(crate) fn bench(args: BenchArgs) -> anyhow::Result<()> {
    let program = std::env::current_exe()?.with_file_name("beckon-load");
    let error = Command::new(&program).args(args.arguments).exec();
    Err(error).with_context(|| {
        format!(
            "cannot run {} (`cargo build --release --package beckon-load` makes it)",
            program.display()
        )
    })
}

/// `beckon migrate`
pub(crate) async fn migrate(args: StoreArgs) -> anyhow::Result<()> {
    let config = config::load(&args.into())?.config;
    data_dir::make(&config.process.data_dir.0)?;
    beckon_signalling::migrate(&config.signalling).await.context("cannot migrate")?;
    println!("the database has this version's schema");
    Ok(())
}

/// `beckon check-config`
pub(crate) fn check_config(args: ConfigArgs) -> anyhow::Result<()> {
    let loaded = config::look(&args)?;
    print!("{}", config::effective_toml(&loaded)?);
    let findings = check::configuration(&loaded.config, Parts::of(&[])?);
    let certificate = certs::concern(&loaded.config);
    for warning in loaded.warnings.iter().chain(&findings.warnings).chain(&certificate) {
        eprintln!("warning: {warning}");
    }
    let faults: Vec<_> = loaded.faults.iter().chain(&findings.errors).collect();
    for fault in &faults {
        eprintln!("error: {fault:#}");
    }
    match faults.len() {
        0 => Ok(()),
        1 => anyhow::bail!("the configuration has a fault"),
        faults => anyhow::bail!("the configuration has {faults} faults"),
    }
}

/// `beckon openapi`
pub(crate) fn openapi() -> anyhow::Result<()> {
    println!("{}", beckon_signalling::openapi());
    Ok(())
}

/// `beckon dev-certs`
pub(crate) fn dev_certs(args: CertificateArgs) -> anyhow::Result<()> {
    let config = config::load(&args.into())?.config;
    data_dir::make(&config.process.data_dir.0)?;
    let files = certs::find_or_make(&config)?;
    println!("certificate {}\nprivate key {}", files.certificate.display(), files.key.display());
    Ok(())
}

/// `beckon token`
pub(crate) fn token(args: TokenArgs) -> anyhow::Result<()> {
    let config = config::load(&args.place.into())?.config;
    let keys = Keys::find_in(&config.signalling).context("cannot read the key of the rooms")?;
    let keys = keys.with_context(|| no_keys(&config))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let denied = |flag: bool| flag.then_some(false);
    let claims = Claims {
        sub: args.identity,
        name: args.name.unwrap_or_default(),
        nbf: Some(now.as_secs().into()),
        exp: Some((now + args.ttl).as_secs().into()),
        video: Grants {
            room: args.room,
            room_join: true,
            can_publish: denied(args.no_publish),
            can_subscribe: denied(args.no_subscribe),
            can_publish_data: denied(args.no_data),
            hidden: args.hidden.then_some(true),
            ..Grants::default()
        },
        ..Claims::default()
    };
    println!("{}", mint(keys.own(), claims));
    Ok(())
}

/// A token that a key of its own signed would be good nowhere.
fn no_keys(config: &Config) -> String {
    let dir = &config.process.data_dir.0;
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.clone());
    format!(
        "rooms.keys is not set, and no server has made a key in {} yet: name the server's own folder with --data-dir, \
         or its configuration with --config",
        dir.display()
    )
}

/// `beckon healthcheck`: fails unless the server of this configuration says that it is ready.
pub(crate) async fn healthcheck(args: HealthcheckArgs) -> anyhow::Result<()> {
    let config = config::load(&args.into())?.config;
    let Listen::On(mut address) = config.process.http.listen else {
        anyhow::bail!("healthcheck asks over plain HTTP, and http.listen is \"off\"");
    };
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    let status = tokio::time::timeout(HEALTHCHECK_TIMEOUT, readiness(address)).await??;
    anyhow::ensure!(status.is_success(), "not ready: {status}");
    println!("ready");
    Ok(())
}

/// What the server at this address answers to `/readyz`.
async fn readiness(address: SocketAddr) -> anyhow::Result<StatusCode> {
    let stream = TokioIo::new(TcpStream::connect(address).await?);
    let (mut client, connection) = http1::handshake(stream).await?;
    let request = Request::get("/readyz").header(HOST, address.to_string());
    let answer = client.send_request(request.body(Body::empty())?);
    tokio::select! {
        answer = answer => Ok(answer?.status()),
        ended = connection => {
            ended?;
            anyhow::bail!("the server closed the connection")
        }
    }
}
