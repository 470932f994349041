//! Commands that only staff may use are refused before anything is asked
//! (`cli-admin.md` §1.10).

use client::users::{self, CurrentUser};

use crate::context::Session;
use crate::error::{CliError, Failure};

/// The caller, who must be staff or superuser in order to do `what`.
pub(crate) async fn staff(session: &Session, what: &str) -> Result<CurrentUser, Failure> {
    let caller = users::privileges(&session.api).await?;
    if caller.is_staff || caller.is_superuser {
        return Ok(caller);
    }
    Err(CliError::refusal(format!(
        "only staff and superusers may {what}; ask one of them"
    ))
    .into())
}
