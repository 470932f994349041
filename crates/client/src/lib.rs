//! A typed client of the public API (`rest-identity.md`, `rest-operations.md`,
//! `realtime-client.md`). It never prints.
//!
//! Reading is lenient on purpose: ids stay text, `null` reads as absent, unknown
//! members are ignored and unreadable times read as none, because the client must
//! work against every server that the public Go CLI works with. So the modules
//! here keep their own small reading types, holding just what a client uses;
//! words, codes and limits of the contract come from `protocol`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod api;
pub mod api_tokens;
pub mod applications;
pub mod approvals;
pub mod audit;
pub mod auth;
pub mod billing;
pub mod ci;
pub mod commands;
pub mod config;
pub mod decode;
pub mod device_id;
pub mod error;
pub mod events;
pub mod exec;
pub mod files;
pub mod groups;
pub mod history;
pub mod identity_providers;
pub mod locks;
pub mod memberships;
pub mod mfa;
pub mod oauth;
pub mod pace;
pub mod page;
pub mod path;
pub mod registration_tokens;
pub mod release;
pub mod secrets;
pub mod servers;
pub mod token_acl;
pub mod transfers;
pub mod trust_rules;
pub mod tunnels;
pub mod users;
pub mod webhooks;
pub mod websh;
pub mod work_sessions;
pub mod workspaces;

pub use api::{Api, Credential};
pub use config::{Config, ConfigStore};
pub use error::{ApiError, Error};
