//! What a request is about, and whether the file rules allow it. Paths become
//! absolute and clean here; the host is never given others.

use guardrail::Detail;
use protocol::webftp::{Request, command, resolve};

use crate::gate::{FileRules, Origin};
use crate::http::{ApiError, ApiResult};

/// Longest path, in bytes.
const MAX_PATH: usize = 4096;

/// The rules of a session.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) read: FileRules,
    pub(super) write: FileRules,
    /// For the guardrails, which are asked about each request.
    pub(super) origin: Origin,
}

/// What is to become of a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Put it to the host.
    Ask,
    /// Nobody knows this command.
    Unknown,
    /// It changes something and is recorded with its outcome.
    Change,
}

impl Verdict {
    fn of(name: &str) -> Self {
        match name {
            command::LIST | command::CWD | command::PWD => Self::Ask,
            command::MKD
            | command::DELE
            | command::RMD
            | command::MV
            | command::CP
            | command::CHMOD
            | command::CHOWN => Self::Change,
            _ => Self::Unknown,
        }
    }
}

/// Judges a request and makes its paths absolute.
///
/// # Errors
/// The refusal of the rules, or of a path that is too long.
pub(super) fn judge(request: &mut Request, cwd: &str, rules: &Rules) -> ApiResult<Verdict> {
    let verdict = Verdict::of(&request.command);
    let data = &mut request.data;
    let (one, two) = match request.command.as_str() {
        command::MV | command::CP => (&mut data.src, Some(&mut data.dst)),
        _ => (&mut data.path, None),
    };
    if matches!(verdict, Verdict::Unknown) || request.command == command::PWD {
        return Ok(verdict);
    }
    let source = absolute(one, cwd)?;
    match request.command.as_str() {
        // A directory may be looked into whose content is allowed: the agent leaves
        // out what is not.
        command::LIST | command::CWD => {
            if let Err(refusal) = rules.read.check(&source)
                && rules.read.check(&inside(&source)).is_err()
            {
                return Err(refusal);
            }
        }
        command::CP => rules.read.check(&source)?,
        _ => rules.write.check(&source)?,
    }
    *one = source;
    if let Some(two) = two {
        let target = absolute(two, cwd)?;
        rules.write.check(&target)?;
        // A move is no way to read what may not be read where it is.
        if request.command == command::MV && rules.read.check(&target).is_ok() {
            rules.read.check(one)?;
        }
        *two = target;
    }
    Ok(verdict)
}

/// What a request with absolute paths does, as guardrails see it: looking at something is
/// a download, changing it an upload.
pub(super) fn details(request: &Request) -> Vec<Detail<'static>> {
    let data = &request.data;
    match request.command.as_str() {
        command::LIST | command::CWD => vec![Detail::Download(data.path.clone())],
        command::CP => vec![
            Detail::Download(data.src.clone()),
            Detail::Upload(data.dst.clone()),
        ],
        // From where it is moved to, it may be readable.
        command::MV => vec![
            Detail::Download(data.src.clone()),
            Detail::Upload(data.src.clone()),
            Detail::Upload(data.dst.clone()),
        ],
        command::MKD | command::DELE | command::RMD | command::CHMOD | command::CHOWN => {
            vec![Detail::Upload(data.path.clone())]
        }
        _ => Vec::new(),
    }
}

fn absolute(path: &str, cwd: &str) -> ApiResult<String> {
    let path = resolve(path, cwd);
    if path.len() > MAX_PATH {
        return Err(ApiError::invalid(
            "webftp",
            "invalid argument: the path is longer than 4096 bytes",
        ));
    }
    Ok(path)
}

fn inside(path: &str) -> String {
    format!("{}/x", path.trim_end_matches('/'))
}
