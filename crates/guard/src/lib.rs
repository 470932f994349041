//! The exec guard: runs one process tree under a supervisor that stops every new
//! program after the kernel has loaded it and before its first instruction, and
//! judges what was loaded, not what was typed (`judgment.md` §6.3).
//!
//! [`run`] starts a program under a [`Policy`], tells a [`Sink`] about every
//! program that starts, kills what the policy does not allow, and returns how the
//! first program ended.
//!
//! What stands beside the tracing stop:
//! - Nobody leaves the tree: a system-call filter refuses `CLONE_UNTRACED`, other
//!   system-call interfaces, and new mount and user namespaces.
//! - Nobody rewrites the evidence: the filter refuses `ptrace` and
//!   `process_vm_writev`. No filter sees a write to `/proc/<pid>/mem`, because it
//!   cannot read paths; where the guard is root over an ordinary user, the tree
//!   therefore gets a mount namespace in which `/proc` is read-only. Everywhere
//!   else only [`Level::Observed`] is claimed.
//! - Identity is the file: a rule allows a name only where the trusted file of that
//!   name is what was loaded.
//! - The watcher is out of reach only where it is root over an ordinary user;
//!   [`Prepared::level`] says what may be claimed.
//!
//! Nothing here stops a session that is root, or a kernel exploit.

#![cfg(target_os = "linux")]
#![warn(missing_docs)]

mod cgroup;
mod control;
mod digest;
mod event;
mod filter;
mod floor;
mod helpers;
mod identity;
mod image;
mod launch;
mod policy;
mod ruling;
mod supervisor;
mod sys;
mod tree;

pub use control::Control;
pub use event::{Journal, Sink};
pub use launch::{Account, Launch};
pub use policy::{PolicyError, read_policy};
pub use protocol::guard::{Depth, Level, Mode, Policy, Program, ProgramEnd, Verdict};
pub use supervisor::{Ending, GuardError, Prepared, run};
pub use sys::{adopt_orphans, leave_terminal, protect_this_process};
