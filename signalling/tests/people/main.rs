//! Who people are: names, passwords, logins, and what keeps others out. One node in this process, asked as its
//! listener would, so that a test chooses the address it comes from and whether over TLS.

mod auditing;
mod cookies;
mod document;
mod guessing;
mod names;
mod refreshing;
mod revoking;
mod stage;
