//! `alpacon server update SERVER`: the server's document in an editor.

use client::servers;

use crate::commands::document;
use crate::context::Context;
use crate::error::Failure;

pub(super) async fn run(context: &Context, server: &str) -> Result<(), Failure> {
    document::check_terminal()?;
    let mut session = context.connect().await?;
    let id = servers::id_by_name(&session.api, server).await?;
    let before = servers::detail(&session.api, &id).await?;
    let name = format!("server {server}");
    document::edit(
        context,
        &mut session,
        &name,
        &before,
        async |api, edited| servers::update(api, &id, edited).await,
    )
    .await
}
