//! `alpacon identity-provider identities|link|unlink`.

use client::{Error, identity_providers, users};
use serde::Serialize;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::Failure;
use crate::output::{message, table, time};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Slug or id of the provider.
    provider: String,
    /// Who they are there: the claim sub, exactly.
    #[arg(long)]
    subject: String,
    /// Who they are here: name or id of the user.
    #[arg(long)]
    user: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UnlinkArgs {
    /// Slug or id of the provider.
    provider: String,
    /// Who they are there: the claim sub, exactly.
    #[arg(long)]
    subject: String,
}

#[derive(Serialize)]
struct Row {
    id: String,
    subject: String,
    user: String,
    email: String,
    last_login_at: String,
    linked_by: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] =
        &["ID", "SUBJECT", "USER", "EMAIL", "LAST LOGIN", "LINKED BY"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.subject.clone(),
            self.user.clone(),
            self.email.clone(),
            self.last_login_at.clone(),
            self.linked_by.clone(),
        ]
    }
}

pub(super) async fn ls(context: &Context, provider: &str) -> Result<(), Failure> {
    let session = context.connect().await?;
    let id = identity_providers::id(&session.api, provider).await?;
    let rows: Vec<Row> = identity_providers::identities(&session.api, &id)
        .await?
        .into_iter()
        .map(|row| Row {
            id: row.id,
            subject: row.subject,
            user: row.user,
            email: row.email,
            last_login_at: time::relative(row.last_login_at),
            linked_by: row.rule,
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = identity_providers::id(api, &args.provider).await?;
        let user = users::id(api, &args.user).await?;
        identity_providers::link(api, &id, &args.subject, &user).await
    })
    .await?;
    message::success(&format!("{} linked to {}", args.subject, args.user));
    Ok(())
}

pub(super) async fn unlink(context: &Context, args: &UnlinkArgs) -> Result<(), Failure> {
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = identity_providers::id(api, &args.provider).await?;
        let links = identity_providers::identities(api, &id).await?;
        let link = links
            .iter()
            .find(|link| link.subject == args.subject)
            .ok_or_else(|| Error::NotFound {
                noun: "linked subject",
                name: args.subject.clone(),
            })?;
        identity_providers::unlink(api, &id, &link.id).await
    })
    .await?;
    message::success(&format!("the link of {} removed", args.subject));
    Ok(())
}
