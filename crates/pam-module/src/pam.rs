//! The PAM module (`agent-channels.md` §7.3, §8.1).

use std::ffi::{CStr, c_char, c_int, c_void};
use std::time::Duration;

use crate::account::Account;
use crate::agent::ask;
use crate::log::note;
use crate::message::{Process, Request, UserAnswer};
use crate::option::Options;

const PAM_SUCCESS: c_int = 0;
const PAM_USER_UNKNOWN: c_int = 10;
const PAM_IGNORE: c_int = 25;

/// Neither question makes the agent ask anybody else.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which of the things PAM knows.
#[derive(Clone, Copy)]
#[repr(i32)]
enum Item {
    Service = 1,
    User = 2,
    Terminal = 3,
    RemoteHost = 4,
    RequestingUser = 8,
}

/// A transaction of PAM, as its host hands it to us.
struct Transaction(*mut c_void);

impl Transaction {
    /// A text that PAM knows; empty when it does not.
    #[expect(unsafe_code, reason = "PAM answers with pointers")]
    fn item(&self, item: Item) -> String {
        type GetItem = unsafe extern "C" fn(*const c_void, c_int, *mut *const c_void) -> c_int;
        // The host has the library loaded, or it could not have called us; looking
        // the function up spares us its development files.
        // SAFETY: the name is NUL-terminated. A library is only ever added.
        let found = unsafe {
            let found = libc::dlsym(libc::RTLD_DEFAULT, c"pam_get_item".as_ptr());
            if found.is_null() {
                let library = libc::dlopen(c"libpam.so.0".as_ptr(), libc::RTLD_LAZY);
                if library.is_null() {
                    return String::new();
                }
                libc::dlsym(library, c"pam_get_item".as_ptr())
            } else {
                found
            }
        };
        if found.is_null() {
            return String::new();
        }
        // SAFETY: the symbol of this name in PAM has this type since PAM exists.
        let get_item = unsafe { std::mem::transmute::<*mut c_void, GetItem>(found) };
        let mut text: *const c_void = std::ptr::null();
        // SAFETY: the handle is the one PAM gave to the entry point that runs now.
        let answer = unsafe { get_item(self.0, item as c_int, &raw mut text) };
        if answer != PAM_SUCCESS || text.is_null() {
            return String::new();
        }
        // SAFETY: these items are NUL-terminated texts that PAM keeps until they
        // are set anew, which nobody does meanwhile; the text is copied.
        let text = unsafe { CStr::from_ptr(text.cast()) };
        text.to_string_lossy().into_owned()
    }
}

/// The arguments of the module's line in the PAM configuration.
///
/// # Safety
/// `argv` must point to `argc` NUL-terminated texts.
#[expect(unsafe_code, reason = "arguments come as pointers")]
unsafe fn options(argc: c_int, argv: *const *const c_char) -> Options {
    let count = usize::try_from(argc).unwrap_or(0);
    let arguments: Vec<&str> = (0..count)
        .filter(|_| !argv.is_null())
        .filter_map(|at| {
            // SAFETY: by the caller's promise `at` is within the array and what is
            // there is a NUL-terminated text that outlives the call.
            let argument = unsafe { CStr::from_ptr(*argv.add(at)) };
            argument.to_str().ok()
        })
        .collect();
    Options::read(arguments)
}

/// PAM's entry for the authentication phase: success inside a session of ours,
/// "user unknown" (so that the next module decides) everywhere else.
///
/// # Safety
/// Called by PAM with its own handle and the arguments of its configuration.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "PAM's interface")]
pub(crate) unsafe extern "C" fn pam_sm_authenticate(
    handle: *mut c_void,
    _flags: c_int,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    // SAFETY: PAM passes its arguments this way.
    let options = unsafe { options(argc, argv) };
    let transaction = Transaction(handle);
    let requesting = transaction.item(Item::RequestingUser);
    let name = if requesting.is_empty() {
        transaction.item(Item::User)
    } else {
        requesting
    };
    let account = Account::named(&name);
    let request = Request::CheckUser(Process {
        username: &account.user,
        groupname: &account.group,
        pid: own_pid(),
        ppid: nix::unistd::getppid().as_raw(),
    });
    match ask::<UserAnswer>(&options.socket, &request, PATIENCE) {
        Ok(answer) if answer.is_alpacon_user => PAM_SUCCESS,
        Ok(_) => PAM_USER_UNKNOWN,
        Err(error) => {
            note(&error.to_string());
            PAM_USER_UNKNOWN
        }
    }
}

/// PAM's entry for credentials: there are none of ours.
///
/// # Safety
/// Called by PAM; nothing is read.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "PAM's interface")]
pub(crate) unsafe extern "C" fn pam_sm_setcred(
    _handle: *mut c_void,
    _flags: c_int,
    _argc: c_int,
    _argv: *const *const c_char,
) -> c_int {
    PAM_SUCCESS
}

/// PAM's entry for an opened session: tells the agent who came. The login goes on
/// whatever the agent says, or whether it is there at all.
///
/// # Safety
/// Called by PAM with its own handle and the arguments of its configuration.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "PAM's interface")]
pub(crate) unsafe extern "C" fn pam_sm_open_session(
    handle: *mut c_void,
    _flags: c_int,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    // SAFETY: PAM passes its arguments this way.
    let options = unsafe { options(argc, argv) };
    let transaction = Transaction(handle);
    let request = Request::SessionEvent {
        username: &transaction.item(Item::User),
        service: &transaction.item(Item::Service),
        rhost: &transaction.item(Item::RemoteHost),
        tty: &transaction.item(Item::Terminal),
        pid: own_pid(),
        ppid: nix::unistd::getppid().as_raw(),
    };
    if let Err(error) = ask::<serde_json::Value>(&options.socket, &request, PATIENCE) {
        note(&error.to_string());
    }
    PAM_IGNORE
}

/// PAM's entry for a closed session, of which nobody needs to know.
///
/// # Safety
/// Called by PAM; nothing is read.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "PAM's interface")]
pub(crate) unsafe extern "C" fn pam_sm_close_session(
    _handle: *mut c_void,
    _flags: c_int,
    _argc: c_int,
    _argv: *const *const c_char,
) -> c_int {
    PAM_IGNORE
}

fn own_pid() -> i32 {
    nix::unistd::getpid().as_raw()
}
