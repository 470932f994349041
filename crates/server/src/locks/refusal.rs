//! What callers hear of a lock.

use std::fmt::Write as _;

use http::StatusCode;
use protocol::code;
use store::locks::LockKind;

use super::{Footing, Held};
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::identity::Principal;

impl Held {
    /// The refusal of whoever wants to use what is locked.
    pub(crate) fn refusal(&self) -> ApiError {
        let (what, code, source) = match self.kind {
            LockKind::User => ("This user", code::USER_LOCKED, "user"),
            LockKind::Token => ("This token", code::API_TOKEN_LOCKED, "token"),
            // A code that public clients know what to do about.
            LockKind::WorkSession => (
                "The selected work session",
                code::WORK_SESSION_NOT_USABLE,
                "work_session",
            ),
            LockKind::Server => ("This server", code::SERVER_LOCKED, "server"),
            LockKind::Workspace => ("This workspace", code::WORKSPACE_LOCKED, "workspace"),
        };
        let mut detail = format!("{what} is locked");
        if !self.reason.is_empty() {
            // Formatting into a text does not fail.
            let _ = write!(detail, " ({})", self.reason);
        }
        detail.push_str("; ask an administrator to unlock it.");
        ApiError::new(StatusCode::FORBIDDEN, detail).code(code, source)
    }

    /// What the end of a running command says.
    pub(crate) fn cancellation(&self) -> &'static str {
        match self.kind {
            LockKind::User => "The user's account was locked.",
            LockKind::Token => "The token was locked.",
            LockKind::WorkSession => "The work session was locked.",
            LockKind::Server => "The server was locked.",
            LockKind::Workspace => "The workspace was locked.",
        }
    }
}

/// Refuses a caller who is locked out. The workspace's superusers get in, logged in, to
/// look and to unlock; the gate still lets nobody through to a server.
pub(crate) fn admit(ctx: &PublicCtx, principal: &Principal) -> ApiResult<()> {
    let footing = Footing {
        user: principal.user_id(),
        token: principal.token(),
        ..Footing::default()
    };
    let Some(held) = ctx.app.locks.on(ctx.workspace_id(), &footing) else {
        return Ok(());
    };
    if held.kind != LockKind::Workspace {
        return Err(held.refusal());
    }
    if !(principal.is_superuser() && principal.is_interactive()) {
        return Err(held.refusal());
    }
    // The lock of the workspace hides others behind it.
    let own = principal
        .user_id()
        .and_then(|user| ctx.app.locks.find(LockKind::User, user.0));
    own.map_or(Ok(()), |held| Err(held.refusal()))
}
