//! What an operator may set. `Default` is what runs on a laptop.
//!
//! Every key refuses by itself what could never work, and says what it expected; what depends on several keys or on the
//! machine is in `check.rs`.

mod addresses;
mod numbers;
mod texts;

use std::path::PathBuf;

use beckon_sfu_api::PARTICIPANTS_MAX;
use secrecy::SecretString;
use serde::Deserialize;

pub use addresses::{IceUrl, Origin, Scheme, is_reachable};
pub use numbers::within;
pub(crate) use texts::check_redis_url;
pub use texts::{ApiKey, list, path, text, turn_secrets};

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where files and, by default, the database live.
    #[serde(deserialize_with = "texts::path")]
    pub data_dir: PathBuf,
    /// `sqlite:path` or `mysql://user:password@host/database`; empty: `sqlite:{data_dir}/beckon.db`.
    #[serde(deserialize_with = "texts::database_url")]
    pub database_url: SecretString,
    /// `redis://host:port`; empty: one node, everything in this process.
    #[serde(deserialize_with = "texts::redis_url")]
    pub redis_url: SecretString,
    /// Origins other than our own whose pages may open sockets, such as `https://chat.example.com`.
    pub allowed_origins: Vec<Origin>,
    pub accounts: Accounts,
    pub limits: Limits,
    pub files: Files,
    pub calls: Calls,
    pub rooms: Rooms,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Accounts {
    /// Whether anybody may register; otherwise only `beckon admin create-user` makes accounts.
    pub registration: bool,
    /// Memory of one password hash (argon2id), in KiB.
    #[serde(deserialize_with = "within::<_, _, 8, 1_048_576>")]
    pub password_memory_kib: u32,
    /// Passes of one password hash over its memory.
    #[serde(deserialize_with = "within::<_, _, 1, 64>")]
    pub password_passes: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Messages one person may send a second, in the long run.
    #[serde(deserialize_with = "within::<_, _, 1, 10_000_000>")]
    pub sends_per_second: u32,
    /// Messages one person may send at once before that counts.
    #[serde(deserialize_with = "within::<_, _, 1, 10_000_000>")]
    pub sends_burst: u32,
    /// Wrong passwords a minute for one name from one network (an IPv4 address, an IPv6 /64), four times as many for
    /// all names, and registrations.
    #[serde(deserialize_with = "within::<_, _, 1, 10_000_000>")]
    pub sign_ins_per_minute: u32,
    /// Other requests one person may make a second.
    #[serde(deserialize_with = "within::<_, _, 1, 10_000_000>")]
    pub requests_per_second: u32,
    /// Frames of any kind that one socket may send a second in the long run; four times as many at once.
    #[serde(deserialize_with = "within::<_, _, 1, 10_000_000>")]
    pub frames_per_second: u32,
    /// Sockets of this node in all.
    #[serde(deserialize_with = "within::<_, _, 1, 10_000_000>")]
    pub sockets: usize,
    /// Messages waiting for their commit; more are answered with `busy`.
    #[serde(deserialize_with = "within::<_, _, 1, 10_000_000>")]
    pub sends_waiting: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Files {
    /// The largest file, in bytes.
    #[serde(deserialize_with = "within::<_, _, 1, { 1 << 50 }>")]
    pub bytes_max: u64,
    /// Bytes that the files of one person may take, uploads on their way included; 0: no limit.
    #[serde(deserialize_with = "within::<_, _, 0, { 1 << 50 }>")]
    pub quota_bytes: u64,
    /// Bytes of the disk that files leave free, for everything else to go on; at most a tenth of the disk.
    #[serde(deserialize_with = "within::<_, _, 0, { 1 << 50 }>")]
    pub disk_reserve_bytes: u64,
    /// Unfinished uploads one person may have.
    #[serde(deserialize_with = "within::<_, _, 1, 10_000>")]
    pub unfinished_max: i64,
    /// How long an unfinished upload is kept, in hours.
    #[serde(deserialize_with = "within::<_, _, 1, 87_600>")]
    pub unfinished_hours: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calls {
    /// STUN servers that tell a browser its public address, such as `stun:stun.example.com:3478`.
    #[serde(deserialize_with = "addresses::stun_urls")]
    pub stun_urls: Vec<IceUrl>,
    /// TURN servers that relay when two browsers cannot reach each other.
    #[serde(deserialize_with = "addresses::turn_urls")]
    pub turn_urls: Vec<IceUrl>,
    /// What the TURN servers know too: each person gets time-limited credentials made with it.
    #[serde(deserialize_with = "texts::turn_secret")]
    pub turn_secret: SecretString,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rooms {
    /// What tokens for rooms are signed with, `key:secret` each; empty: one is made at the first start.
    #[serde(deserialize_with = "texts::keys")]
    pub keys: Vec<ApiKey>,
    /// Where clients reach rooms, such as `wss://chat.example.com`; empty: at the host they asked.
    #[serde(deserialize_with = "addresses::room_url")]
    pub url: String,
    /// Participants of one room at once; group calls have the same limit.
    // Media descriptions grow with the size of a room, and clients must be able to read them.
    #[serde(deserialize_with = "within::<_, _, 1, { PARTICIPANTS_MAX as u64 }>")]
    pub participants_max: usize,
    /// Bytes of a participant's metadata, and of a room's.
    #[serde(deserialize_with = "within::<_, _, 0, { 16 << 20 }>")]
    pub metadata_bytes_max: usize,
    /// Bytes of a participant's attributes, names and values.
    #[serde(deserialize_with = "within::<_, _, 0, { 16 << 20 }>")]
    pub attributes_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            data_dir: "data".into(),
            database_url: SecretString::default(),
            redis_url: SecretString::default(),
            allowed_origins: Vec::new(),
            accounts: Accounts::default(),
            limits: Limits::default(),
            files: Files::default(),
            calls: Calls::default(),
            rooms: Rooms::default(),
        }
    }
}

impl Default for Accounts {
    /// The first recommendation of the OWASP password storage sheet for argon2id.
    fn default() -> Self {
        Accounts { registration: true, password_memory_kib: 19 * 1024, password_passes: 2 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            sends_per_second: 20,
            sends_burst: 200,
            sign_ins_per_minute: 30,
            requests_per_second: 50,
            frames_per_second: 50,
            sockets: 20_000,
            sends_waiting: 10_000,
        }
    }
}

impl Default for Files {
    fn default() -> Self {
        Files {
            bytes_max: 100 * 1024 * 1024,
            quota_bytes: 10 * 1024 * 1024 * 1024,
            disk_reserve_bytes: 1024 * 1024 * 1024,
            unfinished_max: 8,
            unfinished_hours: 24,
        }
    }
}

impl Default for Rooms {
    fn default() -> Self {
        Rooms {
            keys: Vec::new(),
            url: String::new(),
            participants_max: 100,
            // LiveKit's own limits
            metadata_bytes_max: 512 * 1024,
            attributes_bytes_max: 64 * 1024,
        }
    }
}
