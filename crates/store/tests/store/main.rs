//! The store on a real database: SQLite in a temporary folder, and PostgreSQL
//! where `ALPACON_TEST_POSTGRES_URL` names a server on which databases may be made.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod applications;
mod audit_chain;
mod commands;
mod databases;
mod fleet;
mod mfa;
mod oauth;
mod people;
mod tenancy;
mod timeline;
mod workspaces;
