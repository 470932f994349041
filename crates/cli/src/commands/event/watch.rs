//! `alpacon event watch`.

use super::channel::{Channel, Next, Subscription};
use super::frame::Event;
use crate::context::Context;
use crate::error::Failure;
use crate::output::message;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Event type, for example work_session or notification.
    #[arg(long = "type", value_name = "TYPE")]
    event_type: String,
    /// Id of the object that the events are about.
    #[arg(long, value_name = "ID")]
    target: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let target = args.target.filter(|target| !target.is_empty());
    let session = context.connect().await?;
    let subscription = Subscription {
        event_type: args.event_type,
        target: target.clone(),
    };
    let mut channel = Channel::open(&session.api, subscription).await?;
    message::info("watching events; stop with Ctrl-C");
    let mut stop = Box::pin(stopped());
    loop {
        let next = tokio::select! {
            next = channel.next() => next,
            () = &mut stop => return Ok(()),
        };
        match next {
            Next::Frame(bytes) => {
                if let Some(event) = Event::read(&bytes) {
                    event.print(context.format, target.as_deref());
                }
            }
            Next::Reconnected => message::warning(
                "the event channel stands again; events in between were not delivered",
            ),
        }
    }
}

/// SIGINT or SIGTERM.
pub(super) async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        let _interrupted: std::io::Result<()> = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}
