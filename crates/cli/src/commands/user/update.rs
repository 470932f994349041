//! `alpacon user update USER`: the user's document in an editor.

use client::users;

use crate::commands::document;
use crate::context::Context;
use crate::error::Failure;

pub(super) async fn run(context: &Context, user: &str) -> Result<(), Failure> {
    document::check_terminal()?;
    let mut session = context.connect().await?;
    let id = users::id_by_username(&session.api, user).await?;
    let before = users::detail(&session.api, &id).await?;
    let name = format!("user {user}");
    document::edit(
        context,
        &mut session,
        &name,
        &before,
        async |api, edited| users::update(api, &id, edited).await,
    )
    .await
}
