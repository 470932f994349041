//! What only the kernel can do: start a traced child, steer it, wait for it.
//! All `unsafe` code of the crate is here.
#![expect(unsafe_code, reason = "tracing has no safe interface")]

use std::ffi::{CString, c_char, c_int, c_ulong};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use libc::sock_filter;

use crate::cgroup::Cgroup;

const OPTIONS: c_int = libc::PTRACE_O_EXITKILL
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE;

/// Everything the child needs, made before the fork.
pub(crate) struct Child {
    pub(crate) program: CString,
    pub(crate) argv: Vec<CString>,
    pub(crate) env: Vec<CString>,
    pub(crate) directory: Option<CString>,
    pub(crate) filter: Vec<sock_filter>,
    pub(crate) no_new_privileges: bool,
    pub(crate) account: Option<(u32, u32, Vec<u32>)>,
    pub(crate) read_only_proc: bool,
    pub(crate) or_root_directory: bool,
    pub(crate) own_session: bool,
    pub(crate) on_terminal: bool,
    pub(crate) open_files: Option<libc::rlimit>,
    /// Rules to be put on it.
    pub(crate) landlock: Option<OwnedFd>,
    /// The control group to join.
    pub(crate) cgroup: Option<Cgroup>,
}

/// A child that has been started.
pub(crate) struct Started {
    pub(crate) pid: i32,
    /// Yields an errno if the program could not be executed.
    failure: File,
}

/// What a wait reported about a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It ended with this exit status.
    Exited(i32),
    /// A signal ended it.
    Killed(i32),
    /// It is about to get this signal.
    Signal(i32),
    /// Its whole process stops because of a stop signal.
    Group,
    /// It has loaded a new program.
    Exec,
    /// It has made a new task.
    NewTask,
    /// Any other stop, such as the first one of a new task.
    Other,
}

/// Starts a child, traced by the calling thread from before its program on.
///
/// # Errors
/// Where the kernel refuses the fork or the tracing.
pub(crate) fn start(prepared: &Child) -> io::Result<Started> {
    let (go_read, mut go_write) = pipe()?;
    let (failure_read, failure_write) = pipe()?;
    let argv = pointers(&prepared.argv);
    let env = pointers(&prepared.env);
    // SAFETY: the child calls only async-signal-safe functions on memory that was
    // allocated before the fork, and never returns from `child`.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => return Err(io::Error::last_os_error()),
        0 => child(
            prepared,
            &argv,
            &env,
            go_read.as_raw_fd(),
            go_write.as_raw_fd(),
            failure_write.as_raw_fd(),
        ),
        _ => {}
    }
    drop(go_read);
    drop(failure_write);
    let released =
        check(ptrace(libc::PTRACE_SEIZE, pid, OPTIONS)).and_then(|()| go_write.write_all(&[1]));
    if let Err(error) = released {
        kill(pid);
        // SAFETY: `pid` is our own child, and a null status pointer is allowed.
        unsafe { libc::waitpid(pid, ptr::null_mut(), 0) };
        return Err(error);
    }
    Ok(Started {
        pid,
        failure: failure_read,
    })
}

impl Started {
    /// Why the program could not be executed, if so; waits for that to be known.
    pub(crate) fn failure(&mut self) -> Option<io::Error> {
        let mut errno = [0_u8; 4];
        self.failure
            .read_exact(&mut errno)
            .ok()
            .map(|()| io::Error::from_raw_os_error(i32::from_ne_bytes(errno)))
    }
}

/// What waiting for a tree yields.
pub(crate) enum Waited {
    /// Something happened to a task.
    Task(i32, Stop),
    /// A signal came first.
    Interrupted,
    /// No task is left.
    Nobody,
}

/// Waits until something happens to a child or tracee of this thread.
///
/// # Errors
/// Where the kernel reports any other failure.
pub(crate) fn wait() -> io::Result<Waited> {
    let mut status = 0;
    // SAFETY: `status` is a valid place for the answer.
    // `__WNOTHREAD` leaves the children of other threads alone.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
    if pid > 0 {
        return Ok(Waited::Task(pid, decode(status)));
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EINTR) => Ok(Waited::Interrupted),
        Some(libc::ECHILD) => Ok(Waited::Nobody),
        _ => Err(error),
    }
}

/// The id of the calling thread.
pub(crate) fn this_thread() -> i32 {
    // SAFETY: always succeeds and touches no memory.
    unsafe { libc::gettid() }
}

/// Interrupts a thread of this process in its wait.
pub(crate) fn wake(thread: i32) {
    // SAFETY: sending a signal touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, libc::SIGUSR1) };
}

/// Lets [`wake`] interrupt and do nothing else.
pub(crate) fn handle_wake_ups() {
    extern "C" fn nothing(_: c_int) {}
    // SAFETY: the handler does nothing; the zeroed structure is valid, and without
    // `SA_RESTART` a wait ends.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(c_int) as usize;
        libc::sigaction(libc::SIGUSR1, &raw const action, ptr::null_mut());
    }
}

/// The process group of a process, if it is still there.
pub(crate) fn process_group(pid: i32) -> Option<i32> {
    // SAFETY: touches no memory of ours.
    let group = unsafe { libc::getpgid(pid) };
    (group > 0).then_some(group)
}

/// Leaves the session and the terminal that this process was started in, so that it
/// outlives them.
pub fn leave_terminal() {
    // SAFETY: touches no memory; a process that leads its group stays as it is.
    unsafe { libc::setsid() };
}

/// Makes this process the parent of what loses its own below it, so that everything
/// in the tree can be told by its ancestors. The calling thread must be the first one,
/// and must be the one that guards.
pub fn adopt_orphans() {
    // SAFETY: touches no memory. Kernels that the agent runs on all know it.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
}

fn decode(status: c_int) -> Stop {
    if libc::WIFEXITED(status) {
        return Stop::Exited(libc::WEXITSTATUS(status));
    }
    if libc::WIFSIGNALED(status) {
        return Stop::Killed(libc::WTERMSIG(status));
    }
    let signal = libc::WSTOPSIG(status);
    match status >> 16 {
        0 => Stop::Signal(signal),
        libc::PTRACE_EVENT_EXEC => Stop::Exec,
        libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
            Stop::NewTask
        }
        libc::PTRACE_EVENT_STOP if is_stop_signal(signal) => Stop::Group,
        _ => Stop::Other,
    }
}

fn is_stop_signal(signal: c_int) -> bool {
    matches!(
        signal,
        libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU
    )
}

/// Lets a stopped task run on, with this signal or none (0). A task that has
/// died meanwhile needs nothing.
pub(crate) fn resume(pid: i32, signal: i32) {
    let _gone = ptrace(libc::PTRACE_CONT, pid, signal);
}

/// Leaves a task in its group stop, until a SIGCONT wakes it.
pub(crate) fn listen(pid: i32) {
    let _gone = ptrace(libc::PTRACE_LISTEN, pid, 0);
}

/// What belongs to the stop: the new task's or the former thread's id.
pub(crate) fn message(pid: i32) -> Option<i32> {
    let mut message: c_ulong = 0;
    // SAFETY: the kernel stores one `unsigned long` at the place in `data`.
    let result = unsafe {
        libc::ptrace(
            libc::PTRACE_GETEVENTMSG,
            pid,
            ptr::null_mut::<libc::c_void>(),
            &raw mut message,
        )
    };
    (result == 0).then(|| i32::try_from(message).ok()).flatten()
}

/// Kills a process; one that is gone already needs nothing.
pub(crate) fn kill(pid: i32) {
    // SAFETY: sending a signal touches no memory of ours.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// The effective user of this process.
pub(crate) fn effective_user() -> u32 {
    // SAFETY: always succeeds and touches no memory.
    unsafe { libc::geteuid() }
}

/// Keeps processes of the same user from reading or changing this one, and leaves
/// the interrupt keys of the terminal to the guarded tree. For a program that does
/// nothing else than guarding; call it before [`crate::run`].
pub fn protect_this_process() {
    // SAFETY: neither call touches memory of ours; children get their default
    // dispositions back in `child`.
    unsafe {
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
        libc::signal(libc::SIGINT, libc::SIG_IGN);
        libc::signal(libc::SIGQUIT, libc::SIG_IGN);
    }
}

#[cfg(not(target_env = "musl"))]
type Request = libc::c_uint;
#[cfg(target_env = "musl")]
type Request = c_int;

/// Requests whose data is a number.
fn ptrace(request: Request, pid: i32, data: c_int) -> c_int {
    let data = usize::try_from(data).unwrap_or(0) as *mut libc::c_void;
    // SAFETY: for the requests used here the kernel takes `data` as a number and
    // touches no memory of this process.
    let result = unsafe { libc::ptrace(request, pid, ptr::null_mut::<libc::c_void>(), data) };
    if result == 0 { 0 } else { -1 }
}

fn check(result: c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn pipe() -> io::Result<(File, File)> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    let [read, write] = ends;
    // SAFETY: both were just opened and belong to nobody else.
    Ok(unsafe { (File::from_raw_fd(read), File::from_raw_fd(write)) })
}

fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    texts
        .iter()
        .map(|text| text.as_ptr())
        .chain([ptr::null()])
        .collect()
}

/// The child's life until its program. Only async-signal-safe calls.
fn child(
    prepared: &Child,
    argv: &[*const c_char],
    env: &[*const c_char],
    go: RawFd,
    other_end: RawFd,
    failure: RawFd,
) -> ! {
    // SAFETY: plain system calls on descriptors of this process and on memory
    // that was allocated before the fork; `argv` and `env` end with null pointers.
    unsafe {
        // Else the read below would never end if the supervisor died.
        libc::close(other_end);
        let mut byte = 0_u8;
        if libc::read(go, (&raw mut byte).cast(), 1) != 1 {
            libc::_exit(127);
        }
        if become_it(prepared).is_ok() {
            libc::execve(prepared.program.as_ptr(), argv.as_ptr(), env.as_ptr());
        }
        let errno = *libc::__errno_location();
        libc::write(failure, (&raw const errno).cast(), size_of::<c_int>());
        libc::_exit(127)
    }
}

/// On failure `errno` says why.
///
/// # Safety
/// Only between fork and exec.
unsafe fn become_it(prepared: &Child) -> Result<(), ()> {
    let done = |result: c_int| if result == 0 { Ok(()) } else { Err(()) };
    // SAFETY: plain system calls on memory that outlives them.
    unsafe {
        for signal in [libc::SIGPIPE, libc::SIGINT, libc::SIGQUIT] {
            libc::signal(signal, libc::SIG_DFL);
        }
        if prepared.own_session {
            if libc::setsid() == -1 {
                return Err(());
            }
            libc::umask(0o022);
        }
        if prepared.on_terminal {
            done(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
        }
        if let Some(limit) = &prepared.open_files {
            done(libc::setrlimit(libc::RLIMIT_NOFILE, limit))?;
        }
        if let Some(cgroup) = &prepared.cgroup {
            let itself = c"0".as_ptr();
            if libc::write(cgroup.processes.as_raw_fd(), itself.cast(), 1) != 1 {
                return Err(());
            }
        }
        if prepared.read_only_proc {
            make_proc_read_only()?;
        }
        if prepared.no_new_privileges {
            done(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        }
        // Before the change of user: without `no_new_privs` both take a privilege.
        if let Some(rules) = &prepared.landlock {
            let held = libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0);
            if held != 0 {
                return Err(());
            }
        }
        let program = libc::sock_fprog {
            len: u16::try_from(prepared.filter.len()).unwrap_or(0),
            filter: prepared.filter.as_ptr().cast_mut(),
        };
        let installed = libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &raw const program,
        );
        if installed != 0 {
            return Err(());
        }
        if let Some((uid, gid, groups)) = &prepared.account {
            done(libc::setgroups(groups.len(), groups.as_ptr()))?;
            done(libc::setgid(*gid))?;
            done(libc::setuid(*uid))?;
        }
        if let Some(directory) = &prepared.directory {
            let entered = done(libc::chdir(directory.as_ptr()));
            if prepared.or_root_directory && entered.is_err() {
                done(libc::chdir(c"/".as_ptr()))?;
            } else {
                entered?;
            }
        }
    }
    Ok(())
}

/// A mount namespace whose `/proc` cannot be written, so that no process of the
/// tree can patch another one's memory through `/proc/<pid>/mem`.
///
/// # Safety
/// Only between fork and exec.
unsafe fn make_proc_read_only() -> Result<(), ()> {
    let done = |result: c_int| if result == 0 { Ok(()) } else { Err(()) };
    let none = ptr::null::<c_char>();
    let proc = c"/proc".as_ptr();
    let no_data = ptr::null::<libc::c_void>();
    let locked = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    // SAFETY: all texts are constants that end with NUL.
    unsafe {
        done(libc::unshare(libc::CLONE_NEWNS))?;
        let slave = libc::MS_REC | libc::MS_SLAVE;
        done(libc::mount(none, c"/".as_ptr(), none, slave, no_data))?;
        done(libc::mount(proc, proc, none, libc::MS_BIND, no_data))?;
        let remount = libc::MS_REMOUNT | libc::MS_BIND | locked;
        done(libc::mount(none, proc, none, remount, no_data))
    }
}
