//! `alpamon guard supervise`: the process that holds the tree of one order. The agent
//! gives it a connection as its standard input and, as its standard output, the
//! socket on which a restarted agent finds it.

use std::io::{BufRead, BufReader};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::guard::{Account, Ending, GuardError, Launch, Prepared};
use anyhow::Context;

use super::channel::{Channel, Connection, Limits};
use super::frame::{Down, End, Item, Spec, Up};
use super::outbox::Outbox;
use super::recorder::Recorder;

/// The agent has its order at hand.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// Enough for a connection's worth of plain calls.
const STACK: usize = 256 * 1024;

/// Holds the tree that standard input asks for, until it has ended and that has been
/// told.
///
/// # Errors
/// Where this was not started by an agent, or the machine has no resources left.
pub(super) fn run() -> anyhow::Result<ExitCode> {
    ::guard::protect_this_process();
    ::guard::leave_terminal();
    ::guard::adopt_orphans();
    let stream = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let listener = UnixListener::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let (spec, connection) = receive(stream)?;
    let (output, writer) = std::io::pipe().context("no pipe for the output")?;
    // What the tree inherits.
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(&writer)?;
    rustix::stdio::dup2_stderr(&writer)?;
    drop(writer);
    let (awaken, wake) = std::io::pipe().context("no pipe to wake with")?;
    let wake = OwnedFd::from(wake);
    rustix::io::ioctl_fionbio(&wake, true)?;
    let outbox = Arc::new(Outbox::new(wake));
    let hello = Up::Hello {
        command: spec.command.clone(),
        pid: std::process::id(),
    };
    let channel = Channel::new(
        outbox.clone(),
        &hello,
        limits(&spec),
        listener,
        connection,
        output.into(),
        awaken.into(),
    )?;
    let talking = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || channel.run())?;
    let end = hold(*spec, &outbox);
    let_go_of_output();
    outbox.over(end);
    let _told = talking.join();
    Ok(ExitCode::SUCCESS)
}

/// The order, and the connection with whatever follows it there.
fn receive(stream: UnixStream) -> anyhow::Result<(Box<Spec>, Connection)> {
    stream
        .set_read_timeout(Some(START_PATIENCE))
        .context("standard input is no connection to an agent")?;
    let mut reader = BufReader::new(&stream);
    let mut line = String::new();
    reader.read_line(&mut line).context("no order came")?;
    let Down::Start { spec } = serde_json::from_str(&line).context("the order cannot be read")?
    else {
        anyhow::bail!("the first line has to be an order");
    };
    let read = reader.buffer().to_vec();
    Ok((spec, Connection { stream, read }))
}

fn limits(spec: &Spec) -> Limits {
    let now = Instant::now();
    let after = |ms: u64| now.checked_add(Duration::from_millis(ms));
    Limits {
        authority_ends: spec.authority_ends_in_ms.and_then(after),
        deadline: after(spec.deadline_in_ms),
    }
}

/// Until the tree has ended.
fn hold(spec: Spec, outbox: &Arc<Outbox>) -> End {
    let mut launch = Launch::new(spec.argv.into_iter().map(Into::into).collect());
    launch.env = (spec.env.into_iter())
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    launch.program = Some(spec.program.into());
    launch.directory = Some(spec.directory.into());
    launch.or_root_directory = spec.or_root_directory;
    launch.account = (spec.account).map(|(uid, gid, groups)| Account { uid, gid, groups });
    launch.own_session = true;
    launch.open_files = spec.open_files;
    launch.cgroup = Some(spec.command);
    launch.kill_rest = false;
    let prepared = match Prepared::new(&spec.policy, &launch) {
        Ok(prepared) => prepared,
        Err(error) => return not_started(&error),
    };
    let floor = prepared.floor();
    outbox.lock().push(Item::Guarded {
        level: prepared.level(),
        floor: floor.iter().map(|part| (*part).to_owned()).collect(),
    });
    let hold = Duration::from_secs(spec.policy.hold_seconds.into());
    let mut recorder = Recorder::new(outbox.clone(), hold);
    match prepared.run(&mut recorder, &outbox.control) {
        Ok(Ending::Exited(status)) => End::Exited { status },
        Ok(Ending::Killed(signal)) => End::Killed { signal },
        Err(error) => not_started(&error),
    }
}

fn not_started(error: &GuardError) -> End {
    let (errno, message) = match error {
        GuardError::Start { source, .. } => (source.raw_os_error(), source.to_string()),
        GuardError::Policy(_) | GuardError::Wait(_) => {
            (None, format!("{:#}", anyhow::anyhow!("{error}")))
        }
    };
    End::NotStarted { errno, message }
}

/// The tree has its own copies of the output; ours would keep it open for ever.
pub(super) fn let_go_of_output() {
    let Ok(null) = std::fs::File::options().write(true).open("/dev/null") else {
        return;
    };
    let _kept = rustix::stdio::dup2_stdout(&null);
    let _kept = rustix::stdio::dup2_stderr(&null);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Write;

    use protocol::guard::Policy;

    use super::super::frame::line;
    use super::*;
    use crate::executor::Stop;

    #[test]
    fn what_follows_the_order_is_kept() {
        let spec = Box::new(Spec {
            command: "c".to_owned(),
            policy: Policy::default(),
            program: "/bin/true".to_owned(),
            argv: vec!["true".to_owned()],
            env: BTreeMap::new(),
            directory: "/".to_owned(),
            or_root_directory: false,
            account: None,
            open_files: None,
            authority_ends_in_ms: None,
            deadline_in_ms: 1000,
        });
        let reason = Stop::Cancelled;
        let stop = line(&Down::Stop { reason }).unwrap();
        let together = line(&Down::Start { spec }).unwrap() + &stop;
        let (stream, mut agent) = UnixStream::pair().unwrap();
        agent.write_all(together.as_bytes()).unwrap();
        let (spec, connection) = receive(stream).unwrap();
        assert_eq!(spec.command, "c");
        assert_eq!(connection.read, stop.as_bytes());
    }
}
