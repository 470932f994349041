//! Commands whose token no longer stands: deleted, disabled, its application locked.

use std::collections::HashSet;

use protocol::id::TokenId;
use store::entity::command;
use store::now;
use uuid::Uuid;

use super::dispatch;
use crate::http::{ApiResult, PublicCtx};

/// The commands of `rows` that may not go on, by id. One that has not started may not
/// start either once its token has expired: a schedule would outlive it.
pub(super) async fn without_token(
    ctx: &PublicCtx,
    rows: &[command::Model],
) -> ApiResult<HashSet<Uuid>> {
    let tokens: HashSet<Uuid> = rows.iter().filter_map(|row| row.token_id).collect();
    if tokens.is_empty() {
        return Ok(HashSet::new());
    }
    let applications = ctx.tenant().applications();
    let standing = applications.standing_tokens(tokens).await?;
    let time = now();
    let may_go_on = |row: &&command::Model| {
        row.token_id.is_none_or(|token| {
            standing
                .get(&token)
                .is_some_and(|end| row.delivered_at.is_some() || end.is_none_or(|end| end > time))
        })
    };
    let ended = rows.iter().filter(|row| !may_go_on(row));
    Ok(ended.map(|row| row.id).collect())
}

/// Stops the commands of tokens that may not work any more. One that cannot be stopped
/// does not save the others.
pub(crate) async fn cancel_of_tokens(
    ctx: &PublicCtx,
    tokens: &[TokenId],
    reason: &str,
) -> ApiResult<()> {
    if tokens.is_empty() {
        return Ok(());
    }
    for row in ctx.tenant().commands().open(None).await? {
        if !row
            .token_id
            .is_some_and(|token| tokens.contains(&TokenId(token)))
        {
            continue;
        }
        if let Err(error) = dispatch::cancel(ctx, &row, reason).await {
            tracing::error!(command = %row.id, detail = error.detail, "command not stopped");
        }
    }
    Ok(())
}
