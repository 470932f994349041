//! Sudo inside sessions: hosts ask, the gate decides, the decision is recorded and
//! goes back on the control connection (`agent-channels.md` §7).

mod decision;
mod routes;

pub(crate) use routes::routes;
