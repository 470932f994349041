//! The sudo approval plugin (`agent-channels.md` §7.4, §7.8): sudo calls it after
//! its own rules allowed a command and before it runs.

mod interface;
mod list;

use std::ffi::{CStr, CString, c_char, c_int, c_uint};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use nix::unistd::Uid;

use self::interface::{
    API_MAJOR, APPROVAL_PLUGIN, ApprovalPlugin, Conversation, ERROR_MESSAGE, INFO_MESSAGE, Printf,
    api_version,
};
use self::list::{texts, value};
use crate::account::Account;
use crate::agent::ask;
use crate::log::note;
use crate::message::{Process, Request, SudoAnswer};
use crate::option::Options;
use crate::quote;

/// The agent may ask the control plane for 35 s and wait 30 s for the decision.
const PATIENCE: Duration = Duration::from_secs(70);

const ACCEPT: c_int = 1;
const REJECT: c_int = 0;
const FAILED: c_int = -1;

/// What the plugin keeps from its opening to its end.
struct Opened {
    options: Options,
    uid: Uid,
    print: Printf,
}

static OPENED: Mutex<Option<Opened>> = Mutex::new(None);

/// What sudo looks for: `Plugin approval_plugin alpacon_approval.so`.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "sudo finds the plugin by this name")]
pub(crate) static approval_plugin: ApprovalPlugin = ApprovalPlugin {
    kind: APPROVAL_PLUGIN,
    version: api_version(1, 15),
    open,
    close,
    check,
    show_version,
};

#[expect(unsafe_code, reason = "sudo's interface")]
unsafe extern "C" fn open(
    version: c_uint,
    _conversation: Conversation,
    print: Printf,
    _settings: *const *const c_char,
    user_info: *const *const c_char,
    _submit_optind: c_int,
    _submit_argv: *const *const c_char,
    _submit_envp: *const *const c_char,
    plugin_options: *const *const c_char,
    _error: *mut *const c_char,
) -> c_int {
    if version >> 16 != API_MAJOR {
        note("sudo speaks another major version of its plugin interface");
        return FAILED;
    }
    // SAFETY: sudo passes NULL or arrays of texts that end with NULL.
    let (user_info, options) = unsafe { (texts(user_info), texts(plugin_options)) };
    let uid = value(&user_info, "uid")
        .and_then(|uid| uid.parse().ok())
        .map_or_else(nix::unistd::getuid, Uid::from_raw);
    let opened = Opened {
        options: Options::read(options.iter().map(String::as_str)),
        uid,
        print,
    };
    *OPENED.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
    ACCEPT
}

#[expect(unsafe_code, reason = "sudo's interface")]
unsafe extern "C" fn close() {
    *OPENED.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

#[expect(unsafe_code, reason = "sudo's interface")]
unsafe extern "C" fn check(
    command_info: *const *const c_char,
    run_argv: *const *const c_char,
    _run_envp: *const *const c_char,
    _error: *mut *const c_char,
) -> c_int {
    // SAFETY: sudo passes NULL or arrays of texts that end with NULL.
    let (info, argv) = unsafe { (texts(command_info), texts(run_argv)) };
    let opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(opened) = opened.as_ref() else {
        return FAILED;
    };
    let Some(command) = Command::of(&info, &argv) else {
        note("sudo did not say which command to approve");
        return FAILED;
    };
    match decide(opened, &command) {
        Ok(()) => ACCEPT,
        Err(denial) => {
            opened.say(ERROR_MESSAGE, &denial);
            REJECT
        }
    }
}

#[expect(unsafe_code, reason = "sudo's interface")]
unsafe extern "C" fn show_version(_verbose: c_int) -> c_int {
    let opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(opened) = opened.as_ref() {
        opened.say(
            INFO_MESSAGE,
            concat!(
                "Alpacon approval plugin version ",
                env!("CARGO_PKG_VERSION")
            ),
        );
    }
    ACCEPT
}

/// What sudo is about to run.
#[derive(Debug, PartialEq, Eq)]
struct Command {
    /// The program's path, then its arguments.
    argv: Vec<String>,
    run_as: String,
}

impl Command {
    fn of(info: &[String], run_argv: &[String]) -> Option<Self> {
        let mut arguments = run_argv.iter();
        let program = if value(info, "sudoedit") == Some("true") {
            // The editor is the caller's choice and runs as the caller; what root
            // does is to read and write the files after `--`.
            arguments.find(|word| *word == "--")?;
            "sudoedit".to_owned()
        } else {
            let _name = arguments.next();
            value(info, "command")?.to_owned()
        };
        let run_as = value(info, "runas_uid")
            .and_then(|uid| uid.parse().ok())
            .map_or_else(
                || "root".to_owned(),
                |uid| Account::numbered(Uid::from_raw(uid)).user,
            );
        let argv = std::iter::once(program).chain(arguments.cloned()).collect();
        Some(Self { argv, run_as })
    }
}

impl Opened {
    #[expect(unsafe_code, reason = "sudo prints by a C function")]
    fn say(&self, kind: c_int, text: &str) {
        let Ok(text) = CString::new(text) else {
            return;
        };
        let format: &CStr = c"%s\n";
        // SAFETY: the function is sudo's, of this type, and stays for the life of
        // the plugin; the format takes exactly one text, which lives on.
        unsafe { (self.print)(kind, format.as_ptr(), text.as_ptr()) };
    }
}

/// Approved, or the line for the terminal.
fn decide(opened: &Opened, command: &Command) -> Result<(), String> {
    let caller = Account::numbered(opened.uid);
    let request_id = match request_id() {
        Ok(id) => id,
        Err(error) => {
            note(&format!("no random number for a request: {error}"));
            return Err(denial(None));
        }
    };
    let request = Request::SudoApproval {
        request_id: &request_id,
        process: Process {
            username: &caller.user,
            groupname: &caller.group,
            pid: nix::unistd::getpid().as_raw(),
            ppid: nix::unistd::getppid().as_raw(),
        },
        command: &quote::line(&command.argv),
        argv: &command.argv,
        run_as: &command.run_as,
    };
    match ask::<SudoAnswer>(&opened.options.socket, &request, PATIENCE) {
        Ok(answer) if answer.approves(&request_id) => Ok(()),
        Ok(answer) => {
            note(&format!(
                "sudo of {} denied: {}",
                caller.user, answer.reason
            ));
            Err(denial(answer.code()))
        }
        // Root does not need sudo for anything, and repairs the agent.
        Err(error) if opened.options.fail_open || opened.uid.is_root() => {
            note(&format!("sudo of {} not asked about: {error}", caller.user));
            Ok(())
        }
        Err(error) => {
            note(&format!("sudo of {} denied: {error}", caller.user));
            Err(denial(None))
        }
    }
}

/// The line that clients look for; it may not read otherwise.
fn denial(code: Option<&str>) -> String {
    match code {
        Some(code) => format!("Alpacon denied this sudo command ({code})."),
        None => "Alpacon denied this sudo command.".to_owned(),
    }
}

/// Thirty-two random hexadecimal digits.
fn request_id() -> std::io::Result<String> {
    use std::fmt::Write as _;
    use std::io::Read as _;

    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut id = String::with_capacity(32);
    for byte in bytes {
        write!(id, "{byte:02x}").map_err(std::io::Error::other)?;
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn the_command_is_the_resolved_program_and_its_arguments() {
        let info = list(&["command=/usr/bin/systemctl", "runas_uid=0"]);
        let command = Command::of(&info, &list(&["systemctl", "restart", "nginx"])).unwrap();
        assert_eq!(command.argv, ["/usr/bin/systemctl", "restart", "nginx"]);
        assert_eq!(command.run_as, "root");
        assert_eq!(Command::of(&[], &list(&["id"])), None);
    }

    #[test]
    fn editing_is_about_the_files() {
        let info = list(&["command=/usr/bin/vi", "sudoedit=true"]);
        let argv = list(&["vi", "-Z", "--", "/etc/hosts"]);
        let command = Command::of(&info, &argv).unwrap();
        assert_eq!(command.argv, ["sudoedit", "/etc/hosts"]);
    }

    #[test]
    fn the_denial_reads_as_documented() {
        assert_eq!(denial(None), "Alpacon denied this sudo command.");
        assert_eq!(
            denial(Some("SUDO_RISK_DENIED")),
            "Alpacon denied this sudo command (SUDO_RISK_DENIED)."
        );
    }

    #[test]
    fn request_ids_differ() {
        let (one, other) = (request_id().unwrap(), request_id().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
