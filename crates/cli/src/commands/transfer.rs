//! What `cp` and `edit` share: cures, interruption, and what each failure is to the
//! user (`cli-core.md` §10.5–§10.6).

use std::future::Future;
use std::path::Path;

use client::files::FileError;
use client::transfers::{Remote, TransferError};
use client::{Api, servers};
use protocol::auth::extension;
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::{challenge, exec};
use crate::context::Session;
use crate::error::{CliError, Failure, Kind};
use crate::gate::Denial;
use crate::output::sanitize;

/// The scope that the gate asks for.
const SCOPE: &str = "webftp";

/// Which way the content goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToHost,
    FromHost,
}

/// What a transfer is about, for its failures.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) host: String,
    pub(crate) work_session: Option<String>,
    pub(crate) direction: Direction,
}

/// How transfers go about it with this server.
pub(crate) fn options(session: &Session, overwrite: bool) -> client::transfers::Options {
    client::transfers::Options {
        streaming: session.config.has_extension(extension::TRANSFER_STREAM),
        timeout: exec::running_timeout(),
        overwrite,
    }
}

/// A name or a path as it may stand in a message.
pub(crate) fn shown(name: impl AsRef<Path>) -> String {
    sanitize::cell(&client::files::shown(name.as_ref()))
}

/// `remote` on the server of this name.
pub(crate) async fn reached(
    api: &Api,
    host: &str,
    remote: &Remote,
) -> Result<Remote, TransferError> {
    Ok(Remote {
        server: servers::id_by_name(api, host).await?,
        ..remote.clone()
    })
}

/// Does `transfer`. Where the server wants a cure first, all of it once more after it.
pub(crate) async fn curing<T>(
    session: &mut Session,
    subject: &Subject,
    transfer: impl AsyncFn(&Api) -> Result<T, TransferError>,
) -> Result<T, Failure> {
    let error = match transfer(&session.api).await {
        Ok(done) => return Ok(done),
        Err(TransferError::Api(error)) if challenge::can_cure(&error) => error,
        Err(error) => return Err(failure(session, subject, error)),
    };
    challenge::cure(session, Some(&subject.host), error).await?;
    let again = transfer(&session.api).await;
    again.map_err(|error| failure(session, subject, error))
}

/// Does `work`, unless a signal ends it. What it had begun is then cleaned up.
pub(crate) async fn interruptible<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        result = work => result,
        status = interrupted() => Err(Failure::Status(status)),
    }
}

/// The exit status of a shell for the signal that came.
async fn interrupted() -> u8 {
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        // Signals keep their default action.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
        _ = hangup.recv() => 129,
    }
}

fn failure(session: &Session, subject: &Subject, error: TransferError) -> Failure {
    if Denial::covers(error.code()) {
        return Denial {
            code: error.code().unwrap_or_default().to_owned(),
            scope: SCOPE,
            server: Some(subject.host.clone()),
            auth: session.config.auth_method(),
            session: subject.work_session.clone(),
        }
        .into();
    }
    explained(subject, error).into()
}

/// With advice where the text of the reason is one that everybody knows.
fn explained(subject: &Subject, error: TransferError) -> CliError {
    let is_ours = is_local(&error);
    let advice = match &error {
        TransferError::Api(client::Error::NotFound { noun: "server", .. }) => {
            Some("see the names with `alpacon server ls`".to_owned())
        }
        // A code says more than words in a text.
        error if error.code().is_some() => None,
        error => advice(subject, is_ours, &error.to_string()),
    };
    let error = match error {
        TransferError::Api(
            error @ (client::Error::NotFound { .. } | client::Error::NotLoggedIn),
        ) => CliError::from(error),
        TransferError::Api(error) => CliError::from(error).while_doing(&subject.host),
        error @ (TransferError::Integrity(_) | TransferError::Silence(_)) => {
            CliError::new(Kind::General, error.to_string()).while_doing(&subject.host)
        }
        error if is_ours => CliError::refusal(error.to_string()),
        error => CliError::refusal(error.to_string()).while_doing(&subject.host),
    };
    match advice {
        Some(advice) => error.with_hint(advice),
        None => error,
    }
}

fn is_local(error: &TransferError) -> bool {
    match error {
        TransferError::File(FileError::Archive(_)) => false,
        TransferError::File(_) => true,
        TransferError::Several { failed, .. } => failed.iter().all(|one| is_local(&one.error)),
        _ => false,
    }
}

fn advice(subject: &Subject, is_ours: bool, text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let host = crate::shell::quote(&subject.host);
    let advice = if says(&["no such file or directory", "file not found"]) {
        match (is_ours, subject.direction) {
            (true, _) => "check the local path; directories need -r".to_owned(),
            (false, Direction::FromHost) => {
                format!("see what is there with `alpacon exec {host} ls -la PATH`")
            }
            (false, Direction::ToHost) => {
                "the directory must exist on the server; end its path with /".to_owned()
            }
        }
    } else if says(&["permission denied", "access denied"]) {
        match is_ours {
            true => "you may not read or write that file here".to_owned(),
            false => "use another account (-u USER), or a place that this one may use".to_owned(),
        }
    } else if says(&["server not found", "unknown host"]) {
        "see the names with `alpacon server ls`".to_owned()
    } else if says(&["no space left"]) {
        match is_ours {
            true => "make room on this machine; nothing was replaced".to_owned(),
            false => "make room on the server; nothing was replaced".to_owned(),
        }
    } else if says(&["download failed"]) {
        "check the network and the free disk space, then repeat it".to_owned()
    } else {
        return None;
    };
    Some(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(direction: Direction) -> Subject {
        Subject {
            host: "web-1".to_owned(),
            work_session: None,
            direction,
        }
    }

    fn hint(direction: Direction, error: TransferError) -> String {
        explained(&subject(direction), error)
            .hint
            .unwrap_or_default()
    }

    #[test]
    fn advice_depends_on_the_side() {
        let host = |text: &str| TransferError::Host(text.to_owned());
        let local = |errno| {
            TransferError::File(FileError::Io {
                path: "/x".into(),
                source: std::io::Error::from_raw_os_error(errno),
            })
        };
        let missing = "/etc/x: No such file or directory";
        assert!(hint(Direction::FromHost, host(missing)).contains("alpacon exec web-1"));
        assert!(hint(Direction::ToHost, host(missing)).contains("must exist"));
        assert!(hint(Direction::ToHost, local(2)).contains("-r"));
        assert!(hint(Direction::ToHost, host("permission denied")).contains("-u"));
        assert!(hint(Direction::FromHost, local(13)).contains("here"));
        assert!(hint(Direction::FromHost, local(28)).contains("this machine"));
        assert_eq!(hint(Direction::FromHost, host("it is Tuesday")), "");
    }

    #[test]
    fn a_code_goes_before_words_in_the_text() {
        let refusal = client::ApiError {
            code: Some("path_not_allowed".to_owned()),
            message: "access denied: no such file or directory".to_owned(),
            ..client::ApiError::default()
        };
        let error = TransferError::Api(client::Error::Api(Box::new(refusal)));
        assert_eq!(hint(Direction::ToHost, error), "");
    }
}
