//! `alpacon group describe GROUP`.

use client::groups;

use crate::context::Context;
use crate::error::Failure;
use crate::output::detail;

pub(super) async fn run(context: &Context, group: &str) -> Result<(), Failure> {
    let session = context.connect().await?;
    let id = groups::id(&session.api, group).await?;
    let body = groups::detail(&session.api, &id).await?;
    detail::print(&body, context.format);
    Ok(())
}
