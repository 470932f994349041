//! Questions to the server's judge. An addition of our server.

use protocol::judgement::{Replay, Replayed, RuleSuggestion, Simulate, Simulation};

use crate::{Api, Error, path};

/// What would be decided if the caller submitted a line now.
///
/// # Errors
/// When the server does not exist or the call fails.
pub async fn simulate(api: &Api, question: &Simulate) -> Result<Simulation, Error> {
    api.post("/api/judge/simulate/", question).await
}

/// What new rules would have decided about recorded commands.
///
/// # Errors
/// When a rule cannot be used, the caller may not, or the call fails.
pub async fn replay(api: &Api, question: &Replay) -> Result<Replayed, Error> {
    api.post("/api/judge/replay/", question).await
}

/// The smallest rules that cover what a session did.
///
/// # Errors
/// When there is no such session or the call fails.
pub async fn suggestion(api: &Api, session: &str) -> Result<RuleSuggestion, Error> {
    let path = path::join("/api/work-sessions/sessions/", &[session, "suggestion"])?;
    api.get(&path, &[]).await
}
