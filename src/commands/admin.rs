//! `beckon admin`: work on the server's data, whether or not a server runs.

use std::io::BufRead as _;

use anyhow::Context as _;
use beckon_signalling::domain::user::AccountRole;
use beckon_signalling::{Admin, RoleSet};
use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::{AdminCommand, StoreArgs, Switch};
use crate::{config, data_dir};

/// `beckon admin ...`
pub(crate) async fn admin(command: AdminCommand) -> anyhow::Result<()> {
    match command {
        AdminCommand::CreateUser { name, nickname, password_stdin, store } => {
            create_user(&name, nickname.as_deref(), password_stdin, store).await
        }
        AdminCommand::SetAdmin { name, switch, store } => set_admin(&name, switch, store).await,
        AdminCommand::Audit { limit, store } => audit(limit, store).await,
    }
}

async fn open(args: StoreArgs) -> anyhow::Result<Admin> {
    let config = config::load(&args.into())?.config;
    data_dir::make(&config.process.data_dir.0)?;
    Admin::open(&config.signalling).await.context("cannot open the store")
}

async fn create_user(
    name: &str,
    nickname: Option<&str>,
    password_stdin: bool,
    args: StoreArgs,
) -> anyhow::Result<()> {
    let password = if password_stdin { read_password()? } else { make_password() };
    let password = SecretString::from(password);
    let admin = open(args).await?;
    admin.create_user(name, &password, nickname).await.context("cannot create the user")?;
    println!("created {name}");
    if !password_stdin {
        println!("password {}", password.expose_secret());
    }
    Ok(())
}

async fn set_admin(name: &str, switch: Switch, args: StoreArgs) -> anyhow::Result<()> {
    let role = match switch {
        Switch::On => AccountRole::Admin,
        Switch::Off => AccountRole::User,
    };
    let set = open(args).await?.set_role(name, role).await.context("cannot set the role")?;
    let is = match role {
        AccountRole::Admin => "is an administrator",
        AccountRole::User => "is no administrator",
    };
    match set {
        RoleSet::Changed => println!("{name} {is} from now on"),
        RoleSet::Unchanged => println!("{name} {is} already"),
        RoleSet::Nobody => anyhow::bail!("there is no account with the name '{name}'"),
    }
    Ok(())
}

async fn audit(limit: u32, args: StoreArgs) -> anyhow::Result<()> {
    let acts = open(args).await?.audit(limit).await.context("cannot read the audit")?;
    for act in acts {
        println!("{act}");
    }
    Ok(())
}

fn read_password() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    anyhow::ensure!(!password.is_empty(), "standard input holds no password");
    Ok(password)
}

/// 122 random bits.
fn make_password() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
