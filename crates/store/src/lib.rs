//! Entities, migrations and queries: the only crate that knows SQL.
//!
//! One code path serves SQLite (the default) and PostgreSQL. Every query goes
//! through a [`Tenant`], which carries the workspace, so that forgetting it does
//! not compile; what a caller may see is an argument ([`Viewer`]) of the queries
//! that return servers. Changes go through a [`Unit`] of work: a transaction that
//! also appends to the workspace's audit chain.

#![forbid(unsafe_code)]

pub mod entity;
mod migration;

pub mod acl;
pub mod applications;
pub mod approvals;
pub mod audit;
pub mod audit_export;
pub mod commands;
mod database;
pub mod deliveries;
mod error;
pub mod federation;
pub mod fleet;
pub mod history;
pub mod identity;
pub mod inventory;
pub mod locks;
pub mod mails;
pub mod mfa;
pub mod oauth;
mod paging;
pub mod plans;
pub mod programs;
pub mod reviewers;
pub mod sudo;
pub mod timeline;
pub mod transfers;
pub mod trust;
pub mod tunnels;
mod unit;
pub mod webhooks;
pub mod websh;
pub mod work_sessions;
pub mod workspaces;

pub use database::{Store, StoreOptions};
pub use error::StoreError;
pub use paging::Paging;
pub use sea_orm::{ConnectionTrait as Connected, DatabaseConnection as Connection};
pub use unit::{Tenant, Unit};

use chrono::{DateTime, SubsecRound as _, Utc};

/// Who asks, where it decides which servers are visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// Sees every server: superusers, the system itself.
    Everything,
    /// Sees the servers that the rules of this token name: applications.
    Token(protocol::id::TokenId),
    /// Sees the servers of the groups this user is in.
    Member(protocol::id::UserId),
}

/// Now, in the precision that both databases keep.
#[must_use]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
