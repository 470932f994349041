//! `opentunnel` and `closetunnel` (`agent-channels.md` §5.1).

use protocol::tunnel::{CloseTunnel, OpenTunnel};

use super::{Answer, Internal, arguments};
use crate::executor::StopSignals;

pub(super) fn open(internal: &Internal, data: &str, stop: &StopSignals) -> Answer {
    let order: OpenTunnel = match arguments(data) {
        Ok(order) => order,
        Err(answer) => return answer,
    };
    answer(internal.tunnels.open(order, stop), "The tunnel is opened.")
}

pub(super) fn close(internal: &Internal, data: &str) -> Answer {
    match arguments::<CloseTunnel>(data) {
        Ok(order) => answer(
            internal.tunnels.close(&order.session_id),
            "The tunnel is closed.",
        ),
        Err(answer) => answer,
    }
}

fn answer(outcome: Result<(), String>, done: &str) -> Answer {
    match outcome {
        Ok(()) => Answer::done(done),
        Err(reason) => Answer::failed(reason),
    }
}
