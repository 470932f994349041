//! Output as it was before it was masked: sealed, for whoever ran the command.

use std::collections::HashMap;

use protocol::id::CommandId;
use store::entity::command;
use store::masking::RESULT;
use store::{Tenant, now};

use super::{KEPT_FOR, MaskOutput};
use crate::http::{ApiError, ApiResult, Ctx, PublicCtx};

pub(super) fn seal(ctx: &PublicCtx, id: CommandId, text: &str) -> ApiResult<Vec<u8>> {
    let sealed = ctx.app.keys.sealing.seal(&purpose(id), text.as_bytes());
    sealed.map_err(ApiError::internal)
}

/// So that what is sealed for one command opens for no other.
fn purpose(id: CommandId) -> String {
    format!("masked output of {id}")
}

/// Pieces as they were.
#[derive(Default)]
pub(crate) struct Originals(HashMap<i64, String>);

impl Originals {
    /// Those of the pieces `from..=to` that were masked.
    pub(super) async fn read<C: store::Connected>(
        ctx: &PublicCtx,
        tenant: Tenant<'_, C>,
        id: CommandId,
        from: i64,
        to: i64,
    ) -> ApiResult<Self> {
        let since = now() - KEPT_FOR;
        let sealed = tenant.masked().pieces(id, from, to, since).await?;
        let mut originals = HashMap::with_capacity(sealed.len());
        for (seq, sealed) in sealed {
            let plain = ctx.app.keys.sealing.open(&purpose(id), &sealed);
            let plain = String::from_utf8(plain.map_err(ApiError::internal)?);
            originals.insert(seq, plain.map_err(ApiError::internal)?);
        }
        Ok(Self(originals))
    }

    /// What the caller may read of a command as it was: nothing, unless they ran it.
    pub(crate) async fn for_caller(
        ctx: &Ctx,
        row: &command::Model,
        from: i64,
        to: i64,
    ) -> ApiResult<Self> {
        let is_own = match ctx.principal.user_id() {
            Some(user) => row.requested_by == Some(user.0),
            None => row.token_id.is_some() && row.token_id == ctx.principal.token().map(|id| id.0),
        };
        if !is_own || ctx.workspace.settings.mask_output != MaskOutput::Others {
            return Ok(Self::default());
        }
        Self::read(ctx, ctx.tenant(), CommandId(row.id), from, to).await
    }

    /// A piece as it was, or as it is stored.
    pub(crate) fn of(&self, seq: i64, stored: String) -> String {
        self.0.get(&seq).cloned().unwrap_or(stored)
    }

    /// How long the result was, in characters.
    pub(crate) async fn result_length<C: store::Connected>(
        ctx: &PublicCtx,
        tenant: Tenant<'_, C>,
        row: &command::Model,
    ) -> ApiResult<usize> {
        let id = CommandId(row.id);
        let originals = Self::read(ctx, tenant, id, RESULT, RESULT).await?;
        Ok(originals.of(RESULT, row.result.clone()).chars().count())
    }
}
