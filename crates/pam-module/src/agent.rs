//! Asking the agent: one connection, one request, one answer.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::socket::{getsockopt, sockopt};
use serde::de::DeserializeOwned;

use crate::message::Request;

/// Longest request, in bytes. Other agents read no more than 8192.
const MAX_REQUEST: usize = 64 * 1024;
/// Longest answer, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;
/// The agent has this long to take the request.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum AskError {
    /// No agent listens.
    Away(io::Error),
    /// Who listens is not the agent.
    Impostor(u32),
    /// The request is longer than the agent reads.
    TooLong,
    /// It did not answer in time, or not in words we know.
    Unanswered(String),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(error) => write!(f, "the agent cannot be asked: {error}"),
            Self::Impostor(uid) => write!(
                f,
                "the agent's socket belongs to user {uid}, who is neither root nor this process's"
            ),
            Self::TooLong => f.write_str("the command is too long to be asked about"),
            Self::Unanswered(why) => write!(f, "the agent did not answer: {why}"),
        }
    }
}

/// Asks and waits for the answer, at most `patience` altogether.
pub(crate) fn ask<T: DeserializeOwned>(
    socket: &Path,
    request: &Request<'_>,
    patience: Duration,
) -> Result<T, AskError> {
    let deadline = Instant::now() + patience;
    let text = serde_json::to_vec(request).map_err(|error| unanswered(&error))?;
    if text.len() > MAX_REQUEST {
        return Err(AskError::TooLong);
    }
    let mut stream = UnixStream::connect(socket).map_err(AskError::Away)?;
    check_peer(&stream)?;
    stream
        .set_write_timeout(Some(WRITE_TIMEOUT))
        .and_then(|()| stream.write_all(&text))
        .map_err(|error| unanswered(&error))?;
    let answer = read_all(&mut stream, deadline).map_err(|error| unanswered(&error))?;
    serde_json::from_slice(&answer).map_err(|error| unanswered(&error))
}

fn unanswered(error: &dyn fmt::Display) -> AskError {
    AskError::Unanswered(error.to_string())
}

/// Only root, or the very user that this process runs as, may answer for the agent.
fn check_peer(stream: &UnixStream) -> Result<(), AskError> {
    let peer = getsockopt(stream, sockopt::PeerCredentials).map_err(|error| unanswered(&error))?;
    let uid = peer.uid();
    if uid == 0 || uid == nix::unistd::geteuid().as_raw() {
        Ok(())
    } else {
        Err(AskError::Impostor(uid))
    }
}

fn read_all(stream: &mut UnixStream, deadline: Instant) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = deadline
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
            .ok_or(io::ErrorKind::TimedOut)?;
        stream.set_read_timeout(Some(left))?;
        let count = match stream.read(&mut buffer) {
            Ok(0) => return Ok(answer),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        answer.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if answer.len() as u64 > MAX_ANSWER {
            return Err(io::Error::other("the answer is too long"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;
    use crate::message::{Process, UserAnswer};

    fn question() -> Request<'static> {
        Request::CheckUser(Process {
            username: "kim",
            groupname: "kim",
            pid: 7,
            ppid: 6,
        })
    }

    /// An agent that reads one request and says `answer`, whatever was asked.
    fn agent(socket: &Path, answer: Vec<u8>) -> thread::JoinHandle<Vec<u8>> {
        let listener = UnixListener::bind(socket).unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; MAX_REQUEST];
            let count = stream.read(&mut request).unwrap();
            request.truncate(count);
            // A peer that has heard enough hangs up.
            let _result = stream.write_all(&answer);
            request
        })
    }

    #[test]
    fn asks_and_hears() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("auth.sock");
        let heard = agent(&socket, br#"{"is_alpacon_user":true}"#.to_vec());
        let answer: UserAnswer = ask(&socket, &question(), Duration::from_secs(10)).unwrap();
        assert!(answer.is_alpacon_user);
        let request: serde_json::Value = serde_json::from_slice(&heard.join().unwrap()).unwrap();
        assert_eq!(request["type"], "check_user");
    }

    #[test]
    fn no_answer_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("auth.sock");
        let ask = || ask::<UserAnswer>(&socket, &question(), Duration::from_secs(10));
        assert!(matches!(ask(), Err(AskError::Away(_))));
        for garbage in [&b""[..], b"yes", br#"{"is_alpacon_user":1}"#, b"{}{}"] {
            let heard = agent(&socket, garbage.to_vec());
            assert!(matches!(ask(), Err(AskError::Unanswered(_))), "{garbage:?}");
            heard.join().unwrap();
            std::fs::remove_file(&socket).unwrap();
        }
        let endless = vec![b' '; usize::try_from(MAX_ANSWER).unwrap() * 2];
        let heard = agent(&socket, endless);
        assert!(matches!(ask(), Err(AskError::Unanswered(_))));
        heard.join().unwrap();
    }

    #[test]
    fn silence_ends() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("auth.sock");
        let _listener = UnixListener::bind(&socket).unwrap();
        let asked = ask::<UserAnswer>(&socket, &question(), Duration::from_millis(20));
        assert!(matches!(asked, Err(AskError::Unanswered(_))));
    }
}
