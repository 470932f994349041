//! The file browser's end on the host (`agent-channels.md` §3): a process of its own,
//! as the user, that answers one request after the other on its standard streams.
//!
//! A path is walked step by step, judged by where it really leads, and then used
//! through what was opened: nothing that changes under the walk changes the verdict.

mod change;
mod copy;
mod list;
mod names;
mod tree;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use protocol::transfer::PathRules;
use protocol::webftp::{Arguments, Entry, Request, Response, code_of, command, resolve, result};
use serde::{Deserialize, Serialize};

use self::names::Names;
use super::failure::{Failure, shown};
use super::place;
use super::rules::Rules;

/// Name of the hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "browse-worker";
/// Longest line that is read, in bytes: rules are the longest thing said.
const MAX_LINE: u64 = 1024 * 1024;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    /// Where it starts.
    pub(crate) home: String,
    /// Every list must allow what is read.
    pub(crate) read_rules: PathRules,
    /// Every list must allow what is changed.
    pub(crate) write_rules: PathRules,
}

/// Serves the agent until it is gone.
///
/// # Errors
/// When the agent says something that cannot be understood.
pub(crate) fn run() -> anyhow::Result<()> {
    // Nobody of the same account shall look into this process, or be looked for.
    nix::sys::prctl::set_dumpable(false)?;
    nix::sys::prctl::set_no_new_privs()?;
    let mut input = BufReader::new(io::stdin().lock());
    let mut output = io::stdout().lock();
    let Some(start) = line(&mut input)? else {
        return Ok(());
    };
    let mut session = Session::new(&serde_json::from_str(&start)?)
        .map_err(|failure| anyhow::anyhow!("{failure}"))?;
    while let Some(line) = line(&mut input)? {
        let request: Request = serde_json::from_str(&line)?;
        let mut answer = serde_json::to_vec(&session.answer(&request))?;
        answer.push(b'\n');
        output.write_all(&answer)?;
        output.flush()?;
    }
    Ok(())
}

fn line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = input.take(MAX_LINE).read_line(&mut line)?;
    if read > 0 && !line.ends_with('\n') {
        return Err(io::Error::other("a line is too long, or was cut off"));
    }
    Ok((read > 0).then_some(line))
}

/// What the answers depend on.
struct Session {
    /// The working directory: absolute.
    cwd: String,
    read: Rules,
    write: Rules,
    names: Names,
}

impl Session {
    fn new(start: &Start) -> Result<Self, Failure> {
        Ok(Self {
            cwd: resolve(&start.home, "/"),
            read: Rules::new(&start.read_rules)?,
            write: Rules::new(&start.write_rules)?,
            names: Names::default(),
        })
    }

    fn answer(&mut self, request: &Request) -> Response {
        let data = &request.data;
        let done = match request.command.as_str() {
            command::LIST => self.list(data),
            command::MKD => self.mkd(data),
            command::CWD => self.cwd(data),
            command::PWD => Ok(Entry {
                message: format!("the working directory is {}", self.cwd),
                path: self.cwd.clone(),
                ..Entry::default()
            }),
            command::DELE => self.dele(data),
            command::RMD => self.rmd(data),
            command::MV => self.mv(data),
            command::CP => self.cp(data),
            command::CHMOD => self.chmod(data),
            command::CHOWN => self.chown(data),
            _ => {
                return Response {
                    command: request.command.clone(),
                    code: result::FAILED,
                    ..Response::default()
                };
            }
        };
        let command = request.command.clone();
        match done {
            Ok(data) => Response {
                command,
                success: true,
                code: result::OK,
                data,
            },
            Err(Failure(message)) => Response {
                code: code_of(&command, &message),
                command,
                success: false,
                data: Entry {
                    message,
                    ..Entry::default()
                },
            },
        }
    }

    fn cwd(&mut self, data: &Arguments) -> Result<Entry, Failure> {
        let path = self.path(&data.path)?;
        let (handle, canonical) = place::open(&path)?;
        let what = shown(path.as_os_str().as_bytes());
        if !list::is_directory(&handle, &what)? {
            return Err(Failure::of(what, rustix::io::Errno::NOTDIR));
        }
        list::check_folder(&self.read, &canonical)?;
        self.cwd = path.to_string_lossy().into_owned();
        Ok(said(format!("the working directory is {}", self.cwd)))
    }

    /// A path of a request, absolute and clean.
    fn path(&self, path: &str) -> Result<PathBuf, Failure> {
        if path.contains('\0') {
            return Err(Failure::new(
                "invalid argument: a path cannot hold a NUL byte",
            ));
        }
        Ok(resolve(path, &self.cwd).into())
    }
}

/// An answer that only says something.
fn said(message: String) -> Entry {
    Entry {
        message,
        ..Entry::default()
    }
}

#[cfg(test)]
mod tests;
