//! What the kernel has loaded into a stopped process.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::digest::{Digests, FileId};

/// Most bytes of arguments, and of variables, that are looked at.
const MAX_TEXT: u64 = 256 * 1024;

/// A process at the stop after its exec.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) ppid: i32,
    pub(crate) uid: u32,
    /// The file's path as the kernel names it; ` (deleted)` may follow. `None`
    /// where it cannot be read.
    pub(crate) exe: Option<PathBuf>,
    /// The file. `None` where it cannot be read.
    pub(crate) file: Option<FileId>,
    pub(crate) sha256: Option<String>,
    pub(crate) argv: Vec<Vec<u8>>,
    /// `NAME=value` entries.
    pub(crate) environment: Vec<Vec<u8>>,
    /// Whether arguments or variables were longer than what was read.
    pub(crate) cut: bool,
    pub(crate) cwd: PathBuf,
}

impl Loaded {
    /// Reads what `/proc` says about a process. It is stopped, so nothing changes
    /// meanwhile unless another process is allowed to write its memory.
    pub(crate) fn read(pid: i32, digests: &mut Digests, with_environment: bool) -> Self {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let link = folder.join("exe");
        let metadata = fs::metadata(&link).ok();
        let (argv, argv_cut) = read_list(&folder.join("cmdline"));
        let (environment, environment_cut) = if with_environment {
            read_list(&folder.join("environ"))
        } else {
            (Some(Vec::new()), false)
        };
        let (ppid, uid) = parent_and_user(pid).unwrap_or((0, u32::MAX));
        Self {
            ppid,
            uid,
            exe: fs::read_link(&link).ok(),
            sha256: metadata.as_ref().and_then(|data| digests.of(&link, data)),
            file: metadata.as_ref().map(FileId::of),
            cut: argv_cut || environment_cut || argv.is_none() || environment.is_none(),
            argv: argv.unwrap_or_default(),
            environment: environment.unwrap_or_default(),
            cwd: fs::read_link(folder.join("cwd")).unwrap_or_default(),
        }
    }

    /// The path of the file, if that path still leads to what was loaded.
    pub(crate) fn path(&self) -> Option<&str> {
        let path = self.exe.as_ref()?.to_str()?;
        let found = FileId::of(&fs::metadata(path).ok()?);
        (Some(found) == self.file).then_some(path)
    }

    /// The first argument without the dash of a login shell, if it is text.
    pub(crate) fn called(&self) -> Option<&str> {
        let name = std::str::from_utf8(self.argv.first()?).ok()?;
        Some(name.strip_prefix('-').unwrap_or(name))
    }

    /// What a user calls it, for messages.
    pub(crate) fn shown(&self) -> String {
        match &self.exe {
            Some(path) => String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned(),
            None => "a program that cannot be read".to_owned(),
        }
    }
}

/// The creator as far as `/proc` knows: the process of a thread, else the parent.
pub(crate) fn creator(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let process = number(&status, "Tgid:")?;
    if process == pid {
        number(&status, "PPid:")
    } else {
        Some(process)
    }
}

/// Whether a process has ended, though nobody may have collected it yet.
pub(crate) fn is_dead(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let state = status.lines().find_map(|line| line.strip_prefix("State:"));
    state.is_none_or(|state| state.trim_start().starts_with(['Z', 'X']))
}

fn parent_and_user(pid: i32) -> Option<(i32, u32)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some((number(&status, "PPid:")?, number(&status, "Uid:")?))
}

fn number<N: std::str::FromStr>(status: &str, name: &str) -> Option<N> {
    let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

/// NUL-terminated entries, and whether there were more.
fn read_list(path: &std::path::Path) -> (Option<Vec<Vec<u8>>>, bool) {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_TEXT + 1).read_to_end(&mut bytes));
    if read.is_err() {
        return (None, false);
    }
    let cut = bytes.len() as u64 > MAX_TEXT;
    if bytes.last() == Some(&0) {
        bytes.pop();
    } else if bytes.is_empty() {
        return (Some(Vec::new()), cut);
    }
    let entries = bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec);
    (Some(entries.collect()), cut)
}
