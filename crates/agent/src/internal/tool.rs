//! Running the programs of the system on behalf of an internal command.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::Answer;
use crate::executor::{FAILURE, TIMED_OUT};

/// The search path of these programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Output kept, in bytes; the end matters most.
const MAX_OUTPUT: usize = 256 * 1024;
/// Exit code of what a signal ended.
const SIGNALLED: i64 = -1;

/// Runs `program` without a shell as the agent's own account. Its exit code and
/// its merged output are the answer; running longer than `limit` is code 124.
pub(super) async fn run(program: &str, arguments: &[&str], limit: Duration) -> Answer {
    let mut output = Vec::new();
    let running = execute(program, arguments, &mut output);
    let ended = tokio::time::timeout(limit, running).await;
    let mut text = String::from_utf8_lossy(&output).into_owned();
    match ended {
        Ok(Ok(exit_code)) => Answer {
            exit_code,
            result: text,
            then: None,
        },
        Ok(Err(error)) => Answer {
            exit_code: FAILURE,
            result: format!("cannot run {program}: {error}"),
            then: None,
        },
        Err(_) => {
            text.push_str(&format!(
                "\n{program} timed out after {} seconds",
                limit.as_secs()
            ));
            Answer {
                exit_code: TIMED_OUT,
                result: text,
                then: None,
            }
        }
    }
}

/// Runs programs one after the other until one fails; the outputs are joined.
pub(super) async fn run_all(programs: &[(&str, &[&str])], limit: Duration) -> Answer {
    let started = std::time::Instant::now();
    let mut result = String::new();
    for (program, arguments) in programs {
        let left = limit.saturating_sub(started.elapsed());
        let answer = run(program, arguments, left).await;
        result.push_str(&answer.result);
        if answer.exit_code != 0 {
            return Answer { result, ..answer };
        }
    }
    Answer::done(result)
}

async fn execute(program: &str, arguments: &[&str], output: &mut Vec<u8>) -> std::io::Result<i64> {
    let (reader, writer) = std::io::pipe()?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .kill_on_drop(true);
    let mut child = command.spawn()?;
    drop(command);
    let mut reader = tokio::net::unix::pipe::Receiver::from_owned_fd(reader.into())?;
    let mut buffer = [0; 4096];
    loop {
        let count = reader.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        output.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let excess = output.len().saturating_sub(MAX_OUTPUT);
        output.drain(..excess);
    }
    let status = child.wait().await?;
    Ok(status.code().map_or(SIGNALLED, i64::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn reports_output_and_code() {
        let answer = run("sh", &["-c", "echo out; echo err >&2; exit 4"], LIMIT).await;
        assert_eq!(answer.exit_code, 4);
        assert_eq!(answer.result, "out\nerr\n");
        let answer = run("/does/not/exist", &[], LIMIT).await;
        assert_eq!(answer.exit_code, 1);
        assert!(answer.result.contains("/does/not/exist"));
    }

    #[tokio::test]
    async fn stops_at_the_first_failure() {
        let programs: [(&str, &[&str]); 3] =
            [("echo", &["one"]), ("false", &[]), ("echo", &["two"])];
        let answer = run_all(&programs, LIMIT).await;
        assert_eq!((answer.exit_code, answer.result.as_str()), (1, "one\n"));
    }

    #[tokio::test]
    async fn a_timeout_is_124() {
        let answer = run("sleep", &["60"], Duration::from_millis(1)).await;
        assert_eq!(answer.exit_code, TIMED_OUT);
    }
}
