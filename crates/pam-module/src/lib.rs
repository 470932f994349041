//! What stands inside `sudo` and the login services of a managed host: a PAM
//! module and a sudo approval plugin. Both ask the agent over its local socket
//! (`agent-channels.md` §7) and do nothing else: no threads, no network, no TLS.
//!
//! One shared object carries both, under the two names that the two hosts look
//! for: `pam_alpamon.so` and `alpacon_approval.so`. See `docs/sudo.md`.
//!
//! Everything fails closed. A panic cannot unwind into the caller: the functions
//! it sees are `extern "C"`, where a panic ends the process, and a `sudo` that
//! ended has run nothing.

#![warn(missing_docs)]

mod account;
mod agent;
mod approval;
mod log;
mod message;
mod option;
mod pam;
mod quote;
