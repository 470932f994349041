//! Requests that the control plane makes where others said: to issuers and webhooks that
//! a workspace named. They must not lead into the operator's own network.

mod address;
mod client;

pub(crate) use address::{AddressError, Addresses, is_host_entry};
pub(crate) use client::client;
