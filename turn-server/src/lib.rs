//! STUN and TURN; knows no user and no database, only a shared secret.
