//! `openpty`, `resizepty` and `refreshpty` (`agent-channels.md` §2.1).

use protocol::websh::{OpenPty, REFRESH, ResizePty};

use super::{Answer, Internal, arguments};
use crate::executor::StopSignals;

pub(super) fn open(internal: &Internal, data: &str, stop: &StopSignals) -> Answer {
    let order: OpenPty = match arguments(data) {
        Ok(order) => order,
        Err(answer) => return answer,
    };
    match internal.terminals.open(order, stop) {
        Ok(()) => Answer::done("The terminal is opened."),
        Err(reason) => Answer::failed(reason),
    }
}

pub(super) fn change(internal: &Internal, name: &str, data: &str) -> Answer {
    let order: ResizePty = match arguments(data) {
        Ok(order) => order,
        Err(answer) => return answer,
    };
    let ResizePty {
        session_id,
        rows,
        cols,
    } = order;
    if name == REFRESH {
        return match internal.terminals.refresh(&session_id) {
            Ok(()) => Answer::done(format!("The terminal {session_id} is painted anew.")),
            Err(reason) => Answer::failed(reason),
        };
    }
    match internal.terminals.resize(&session_id, rows, cols) {
        Ok(()) => Answer::done(format!("The terminal {session_id} has {cols}x{rows}.")),
        Err(reason) => Answer::failed(reason),
    }
}
