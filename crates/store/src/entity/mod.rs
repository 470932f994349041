//! One module per table. Nothing outside this crate writes through these types;
//! they leave it only as plain rows.

// Columns are documented where their name and type do not say it all.
pub mod access_event;
pub mod agent_event;
pub mod api_token;
pub mod audit_head;
pub mod audit_record;
pub mod command;
pub mod command_acl;
pub mod command_chunk;
pub mod exec_event;
pub mod file_acl;
pub mod group;
pub mod host_log;
pub mod inventory_hash;
pub mod inventory_row;
pub mod login;
pub mod membership;
pub mod registration_token;
pub mod server;
pub mod server_acl;
pub mod server_group;
pub mod star;
pub mod user;
pub mod work_session;
pub mod workspace;
