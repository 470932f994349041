//! Secrets: keys outside the database, tokens, passwords, sealed values.

pub(crate) mod keys;
pub(crate) mod password;
pub(crate) mod seal;
pub(crate) mod token;
