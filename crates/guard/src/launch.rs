//! What is to be run, and as whom.

use std::collections::BTreeMap;
use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use protocol::guard::Policy;

use crate::cgroup::Cgroup;
use crate::{filter, floor, sys};

/// The first program of a tree.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program, looked up in the `PATH` of `env` unless it has a slash, and its
    /// arguments.
    pub argv: Vec<OsString>,
    /// Its whole environment. Variables that keep these values count as harmless.
    pub env: BTreeMap<OsString, OsString>,
    /// Working directory; that of the guard by default.
    pub directory: Option<PathBuf>,
    /// Who it runs as; the guard's own user by default.
    pub account: Option<Account>,
    /// The file to execute, where it is another than `argv` names.
    pub program: Option<PathBuf>,
    /// Use `/` where `directory` cannot be entered.
    pub or_root_directory: bool,
    /// It leads a session of its own, and what is left of its process group dies
    /// with it.
    pub own_session: bool,
    /// Its standard input becomes its controlling terminal. Needs `own_session`.
    pub on_terminal: bool,
    /// Limit on open files, soft and hard (`u64::MAX`: none); as the guard's by
    /// default.
    pub open_files: Option<(u64, u64)>,
    /// Name of the control group to make for it. `None`: it stays in the guard's.
    pub cgroup: Option<String>,
    /// Kill what is left of the tree when the first program has ended, instead of
    /// guarding it to its end.
    pub kill_rest: bool,
}

/// A user with groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}

impl Launch {
    /// `argv` with the environment of this process, as its user.
    pub fn new(argv: Vec<OsString>) -> Self {
        Self {
            argv,
            env: std::env::vars_os().collect(),
            directory: None,
            account: None,
            program: None,
            or_root_directory: false,
            own_session: false,
            on_terminal: false,
            open_files: None,
            cgroup: None,
            kill_rest: true,
        }
    }

    /// # Errors
    /// Where there is no such program, or a text contains a NUL.
    pub(crate) fn prepare(&self, policy: &Policy, privileged: bool) -> io::Result<sys::Child> {
        let name = self
            .argv
            .first()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no program is named"))?;
        let env = self.env.iter().map(|(name, value)| {
            let mut pair = name.as_bytes().to_vec();
            pair.push(b'=');
            pair.extend_from_slice(value.as_bytes());
            text(&pair)
        });
        let account = self
            .account
            .as_ref()
            .map(|account| (account.uid, account.gid, account.groups.clone()));
        let program = match &self.program {
            Some(program) => program.clone(),
            None => self.find(Path::new(name))?,
        };
        let cgroup = (self.cgroup.as_ref()).and_then(|name| Cgroup::create(name, policy).ok());
        Ok(sys::Child {
            program: text(program.as_os_str().as_bytes())?,
            argv: (self.argv.iter())
                .map(|word| text(word.as_bytes()))
                .collect::<Result<_, _>>()?,
            env: env.collect::<Result<_, _>>()?,
            directory: (self.directory.as_ref())
                .map(|path| text(path.as_os_str().as_bytes()))
                .transpose()?,
            or_root_directory: self.or_root_directory,
            own_session: self.own_session,
            on_terminal: self.on_terminal,
            open_files: self.open_files.map(limit),
            landlock: floor::ruleset(policy),
            cgroup,
            filter: filter::program(policy.allow_namespaces),
            no_new_privileges: policy.no_new_privileges,
            // A tree that may become root may also have business with the mounts and
            // the settings of this machine, and `enforced` is not claimed about it.
            read_only_proc: privileged
                && policy.no_new_privileges
                && self
                    .account
                    .as_ref()
                    .is_some_and(|account| account.uid != 0),
            account,
        })
    }

    fn find(&self, name: &Path) -> io::Result<PathBuf> {
        if name.as_os_str().as_bytes().contains(&b'/') {
            return Ok(name.to_path_buf());
        }
        let path = self.env.get(std::ffi::OsStr::new("PATH"));
        let folders = path.map(std::env::split_paths).into_iter().flatten();
        folders
            .map(|folder| folder.join(name))
            .find(|path| is_program(path))
            .ok_or_else(|| io::Error::from_raw_os_error(libc::ENOENT))
    }
}

fn limit((soft, hard): (u64, u64)) -> libc::rlimit {
    libc::rlimit {
        rlim_cur: soft,
        rlim_max: hard,
    }
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn text(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "an argument or variable contains a NUL byte",
        )
    })
}
