//! `alpacon server describe SERVER`.

use client::servers;

use crate::context::Context;
use crate::error::Failure;
use crate::output::detail;

pub(super) async fn run(context: &Context, server: &str) -> Result<(), Failure> {
    let session = context.connect().await?;
    let id = servers::id_by_name(&session.api, server).await?;
    let body = servers::detail(&session.api, &id).await?;
    detail::print(&body, context.format);
    Ok(())
}
