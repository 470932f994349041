//! `alpacon webhook identities|identify|forget`: who people are in a chat. An addition of
//! our server.

use client::webhooks;
use serde::Serialize;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::Failure;
use crate::output::{message, table};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Webhook name.
    webhook: String,
    /// TEAM/USER in Slack, TENANT/OBJECT in Teams.
    external_id: String,
}

#[derive(Serialize)]
struct Row {
    external_id: String,
    user: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &["ID IN THE CHAT", "USER"];

    fn cells(&self) -> Vec<String> {
        vec![self.external_id.clone(), self.user.clone()]
    }
}

pub(super) async fn ls(context: &Context, webhook: &str) -> Result<(), Failure> {
    let session = context.connect().await?;
    let id = webhooks::id(&session.api, webhook).await?;
    let rows: Vec<Row> = webhooks::identities(&session.api, &id)
        .await?
        .into_iter()
        .map(|identity| Row {
            external_id: identity.external_id,
            user: identity.user.unwrap_or_default().name,
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}

pub(super) async fn identify(context: &Context, args: &Args) -> Result<(), Failure> {
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = webhooks::id(api, &args.webhook).await?;
        webhooks::identify(api, &id, &args.external_id).await
    })
    .await?;
    message::success(&format!(
        "what {} decides behind {} is your decision now",
        args.external_id, args.webhook
    ));
    Ok(())
}

pub(super) async fn forget(context: &Context, args: &Args) -> Result<(), Failure> {
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = webhooks::id(api, &args.webhook).await?;
        webhooks::forget(api, &id, &args.external_id).await
    })
    .await?;
    message::success(&format!("{} is forgotten", args.external_id));
    Ok(())
}
