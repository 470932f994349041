//! `alpacon event wait`.

use std::time::Duration;

use client::{Api, work_sessions};
use protocol::event::WORK_SESSION;
use protocol::work_session::Status;
use serde_json::json;

use super::channel::{Channel, Next, Subscription};
use super::frame::Event;
use super::watch::stopped;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{Format, message};
use crate::pending::Pending;
use crate::prompt;

const GRANTED: [&str; 2] = ["approved", "activated"];
const NOT_GRANTED: [&str; 5] = ["rejected", "expired", "revoked", "cancelled", "completed"];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Event type, for example work_session.
    #[arg(long = "type", value_name = "TYPE")]
    event_type: String,
    /// Id of the object that the events are about.
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// Sub types that end the wait, separated by commas.
    #[arg(long, value_name = "SUB_TYPES")]
    until: Vec<String>,
    /// How long to wait.
    #[arg(long, default_value = "5m", value_name = "DURATION", value_parser = timeout)]
    timeout: Duration,
}

/// What ends the wait.
struct Ends {
    granted: Vec<String>,
    not_granted: &'static [&'static str],
}

impl Ends {
    fn new(args: &Args) -> Result<Self, CliError> {
        let until: Vec<String> = args
            .until
            .iter()
            .flat_map(|words| prompt::split_list(words))
            .collect();
        if !args.until.is_empty() && until.is_empty() {
            return Err(CliError::usage("--until is empty"));
        }
        if !until.is_empty() {
            return Ok(Self {
                granted: until,
                not_granted: &[],
            });
        }
        if args.event_type != WORK_SESSION {
            return Err(CliError::usage("--until is required for this event type"));
        }
        Ok(Self {
            granted: GRANTED.map(ToOwned::to_owned).to_vec(),
            not_granted: &NOT_GRANTED,
        })
    }

    /// `Some(true)`: granted, `Some(false)`: not, `None`: undecided.
    fn decide(&self, sub_type: &str) -> Option<bool> {
        if self.granted.iter().any(|word| word == sub_type) {
            Some(true)
        } else {
            self.not_granted.contains(&sub_type).then_some(false)
        }
    }
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let ends = Ends::new(&args)?;
    let target = args.target.clone().filter(|target| !target.is_empty());
    let session = context.connect().await?;
    message::info(&format!(
        "waiting for {} events, at most {} s",
        args.event_type,
        args.timeout.as_secs()
    ));
    let subscription = Subscription {
        event_type: args.event_type.clone(),
        target: target.clone(),
    };
    let mut channel = Channel::open(&session.api, subscription).await?;
    let catches_up = args.event_type == WORK_SESSION;
    let subject = target.as_deref().filter(|_| catches_up);
    let decided = decide(&session.api, &mut channel, &ends, subject);
    let event = tokio::select! {
        decided = tokio::time::timeout(args.timeout, Box::pin(decided)) => decided.ok(),
        () = stopped() => None,
    };
    match event {
        Some((event, granted)) => {
            event.print(context.format, target.as_deref());
            if granted {
                Ok(())
            } else {
                Err(Failure::Status(6))
            }
        }
        None => {
            let message = "the outcome is still open: the wait ended before a decisive event";
            match context.format {
                Format::Json => Err(Pending::new(message, None).into()),
                Format::Table => {
                    message::warning(message);
                    Err(Failure::Status(4))
                }
            }
        }
    }
}

/// The first decisive frame or state.
async fn decide(
    api: &Api,
    channel: &mut Channel<'_>,
    ends: &Ends,
    subject: Option<&str>,
) -> (Event, bool) {
    let mut reconnected = true;
    loop {
        if reconnected
            && let Some(id) = subject
            && let Some(found) = catch_up(api, ends, id).await
        {
            return found;
        }
        reconnected = false;
        match channel.next().await {
            Next::Reconnected => reconnected = true,
            Next::Frame(bytes) => {
                let Some(event) = Event::read(&bytes) else {
                    continue;
                };
                if let Some(granted) = event.sub_type().and_then(|word| ends.decide(word)) {
                    return (event, granted);
                }
            }
        }
    }
}

/// What the state says already: events before the subscription are lost.
async fn catch_up(api: &Api, ends: &Ends, id: &str) -> Option<(Event, bool)> {
    let session = match work_sessions::get(api, id).await {
        Ok(session) => session,
        Err(error) => {
            message::warning(&format!("the current state cannot be read: {error}"));
            return None;
        }
    };
    let sub_type = if session.state() == Some(Status::Active) {
        "activated"
    } else {
        &session.status
    };
    let granted = ends.decide(sub_type)?;
    let event = Event::new(json!({
        "event_type": WORK_SESSION,
        "payload": { "sub_type": sub_type, "source": "catch_up" },
    }));
    Some((event, granted))
}

/// clap: a duration above zero.
fn timeout(text: &str) -> Result<Duration, String> {
    match protocol::duration::parse(text) {
        Ok(length) if !length.is_zero() => Ok(length),
        Ok(_) => Err("must be above zero".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(event_type: &str, until: &[&str]) -> Result<Ends, CliError> {
        Ends::new(&Args {
            event_type: event_type.to_owned(),
            target: None,
            until: until.iter().map(|&word| word.to_owned()).collect(),
            timeout: Duration::from_secs(1),
        })
    }

    #[test]
    fn work_sessions_have_built_in_ends() {
        let ends = ends(WORK_SESSION, &[]).unwrap();
        assert_eq!(ends.decide("activated"), Some(true));
        assert_eq!(ends.decide("rejected"), Some(false));
        assert_eq!(ends.decide("extended"), None);
    }

    #[test]
    fn until_replaces_them() {
        let until = ends(WORK_SESSION, &["extended, rejected"]).unwrap();
        assert_eq!(until.decide("rejected"), Some(true));
        assert_eq!(until.decide("approved"), None);
        assert!(ends("notification", &[]).is_err());
        assert!(ends(WORK_SESSION, &[" , "]).is_err());
    }
}
