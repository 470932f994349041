//! `alpacon user describe USER`.

use client::users;

use crate::context::Context;
use crate::error::Failure;
use crate::output::detail;

pub(super) async fn run(context: &Context, user: &str) -> Result<(), Failure> {
    let session = context.connect().await?;
    let id = users::id_by_username(&session.api, user).await?;
    let body = users::detail(&session.api, &id).await?;
    detail::print(&body, context.format);
    Ok(())
}
