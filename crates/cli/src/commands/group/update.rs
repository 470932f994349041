//! `alpacon group update GROUP`: the group's document in an editor.

use client::groups;

use crate::commands::document;
use crate::context::Context;
use crate::error::Failure;

pub(super) async fn run(context: &Context, group: &str) -> Result<(), Failure> {
    document::check_terminal()?;
    let mut session = context.connect().await?;
    let id = groups::id(&session.api, group).await?;
    let before = groups::detail(&session.api, &id).await?;
    let name = format!("group {group}");
    document::edit(
        context,
        &mut session,
        &name,
        &before,
        async |api, edited| groups::update(api, &id, edited).await,
    )
    .await
}
