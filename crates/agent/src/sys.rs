//! What only the kernel can do, and needs `unsafe` to ask for: preparing a child
//! between fork and exec.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;

use nix::unistd::{Gid, Uid};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit};
use tokio::io::unix::AsyncFd;

/// Open files the agent allows itself.
const WANTED_FILES: u64 = 65_536;

/// Who a child becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// Real, effective and saved user.
    pub(crate) uid: Uid,
    /// Real, effective and saved group.
    pub(crate) gid: Gid,
    /// All supplementary groups.
    pub(crate) groups: Vec<Gid>,
}

/// What a child does to itself before it executes its program.
#[derive(Clone, Debug)]
pub(crate) struct ChildSetup {
    /// Account to change to; `None` keeps the agent's.
    pub(crate) credentials: Option<Credentials>,
    /// Working directory, entered with the new credentials.
    pub(crate) directory: CString,
    /// Enter `/` when the directory cannot be entered.
    pub(crate) or_root_directory: bool,
    /// The limit on open files that the agent itself was started with.
    pub(crate) open_files: Option<Rlimit>,
}

/// Makes `command`'s child the leader of a session of its own, killed when the
/// agent dies, and with the account and directory of `setup`.
#[expect(unsafe_code, reason = "only code in the child can change the child")]
pub(crate) fn prepare(command: &mut std::process::Command, setup: ChildSetup) {
    // SAFETY: between fork and exec only async-signal-safe work is allowed. The
    // closure makes plain system calls on memory allocated before the fork, and
    // its errors carry an errno without allocating.
    unsafe {
        command.pre_exec(move || enter(&setup));
    }
}

/// The same for a login shell: the terminal on its standard input becomes its session's.
/// With `no_new_privileges` no program gives it more than its account has.
#[expect(unsafe_code, reason = "only code in the child can change the child")]
pub(crate) fn prepare_terminal(
    command: &mut std::process::Command,
    setup: ChildSetup,
    no_new_privileges: bool,
) {
    // SAFETY: as in `prepare`; two more plain system calls, on the child and a descriptor
    // of it.
    unsafe {
        command.pre_exec(move || {
            enter(&setup)?;
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
            if no_new_privileges {
                nix::sys::prctl::set_no_new_privs()?;
            }
            Ok(())
        });
    }
}

/// Raises the limit on open files; every command in flight holds a few. Returns
/// the limit from before, which belongs to the children.
#[must_use]
pub(crate) fn raise_open_files() -> Option<Rlimit> {
    let before = rustix::process::getrlimit(Resource::Nofile);
    let wanted = before
        .maximum
        .map_or(WANTED_FILES, |max| max.min(WANTED_FILES));
    if before.current.is_none_or(|current| current >= wanted) {
        return None;
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: before.maximum,
    };
    rustix::process::setrlimit(Resource::Nofile, raised)
        .ok()
        .map(|()| before)
}

/// Becomes readable when the process ends, without reaping it. `None` on kernels
/// before 5.3, which do not offer this.
#[expect(unsafe_code, reason = "registering a descriptor is unsafe in general")]
pub(crate) fn watch_end(process: Pid) -> Option<AsyncFd<OwnedFd>> {
    let descriptor = rustix::process::pidfd_open(process, PidfdFlags::empty()).ok()?;
    // SAFETY: the descriptor was just opened, is owned by the result alone, and
    // so stays open and the same for as long as it is registered.
    unsafe { AsyncFd::register(descriptor) }.ok()
}

/// Gives this thread, and no other, the file identity of an account, for good: what it
/// creates from now on belongs to that account. Who it is to signals and tracing stays.
///
/// # Errors
/// When the kernel does not do it.
#[expect(unsafe_code, reason = "the groups of one thread are no safe concept")]
pub(crate) fn take_file_identity(uid: Uid, gid: Gid) -> io::Result<()> {
    // SAFETY: a plain system call without memory. It changes this thread only, which
    // is what is wanted; nothing relies on all threads having the same groups.
    let outcome = unsafe { libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>()) };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    // Each gives the identity from before; only a second call tells whether the first
    // was obeyed.
    nix::unistd::setfsgid(gid);
    nix::unistd::setfsuid(uid);
    if nix::unistd::setfsgid(gid) != gid || nix::unistd::setfsuid(uid) != uid {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied));
    }
    Ok(())
}

/// A terminal that can be awaited.
///
/// # Errors
/// When the runtime does not take it.
#[expect(unsafe_code, reason = "registering a descriptor is unsafe in general")]
pub(crate) fn watch_terminal(master: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned by the result alone, and so stays open and the
    // same for as long as it is registered.
    unsafe { AsyncFd::register(master) }.map_err(io::Error::from)
}

/// The abbreviation of the local time zone, such as `UTC`.
#[must_use]
#[expect(unsafe_code, reason = "only the C library knows the abbreviation")]
pub(crate) fn timezone() -> String {
    // SAFETY: `tm` is plain data that `localtime_r` fills; its `tm_zone` then
    // points to a NUL-terminated text that the C library keeps for the whole
    // life of the process, and it is copied at once.
    unsafe {
        let now = libc::time(std::ptr::null_mut());
        let mut local: libc::tm = std::mem::zeroed();
        if libc::localtime_r(&raw const now, &raw mut local).is_null() || local.tm_zone.is_null() {
            return "UTC".to_owned();
        }
        CStr::from_ptr(local.tm_zone).to_string_lossy().into_owned()
    }
}

fn enter(setup: &ChildSetup) -> io::Result<()> {
    rustix::process::setsid()?;
    if let Some(limit) = setup.open_files {
        rustix::process::setrlimit(Resource::Nofile, limit)?;
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    if let Some(who) = &setup.credentials {
        nix::unistd::setgroups(&who.groups)?;
        nix::unistd::setgid(who.gid)?;
        nix::unistd::setuid(who.uid)?;
    }
    // After the change of user, which clears it.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    match rustix::process::chdir(&setup.directory) {
        Err(_) if setup.or_root_directory => rustix::process::chdir(c"/")?,
        entered => entered?,
    }
    Ok(())
}
