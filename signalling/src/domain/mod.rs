//! Pure types and rules: no async, no SQL, no HTTP. What these types serialise to is the wire format.

pub mod audit;
pub mod call;
pub mod call_record;
pub mod contact;
pub mod conversation;
pub mod cursor;
pub mod file;
pub mod frame;
pub mod group_call;
pub mod ids;
pub mod login;
pub mod message;
pub mod moment;
pub mod network;
pub mod refusal;
pub mod schema;
pub mod text;
pub mod unicode;
pub mod user;
