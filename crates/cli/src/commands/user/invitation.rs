//! `alpacon user invitation ls` and `alpacon user invitation revoke EMAIL`.

use client::users::{self, Invitation};
use client::{Api, Error};
use serde::Serialize;

use crate::commands::{challenge, privilege};
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{message, table};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List invitations that nobody has taken yet.
    #[command(alias = "list")]
    Ls,
    /// Take an invitation back: its link is void.
    #[command(alias = "rm")]
    Revoke {
        /// Mail address or id of the invitation.
        invitation: String,
    },
}

pub(super) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls => list(context).await,
        Verb::Revoke { invitation } => revoke(context, &invitation).await,
    }
}

#[derive(Serialize)]
struct Row {
    email: String,
    invited_by: String,
    added_at: String,
    expires_at: String,
    id: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &["EMAIL", "INVITED BY", "SINCE", "UNTIL", "ID"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.email.clone(),
            self.invited_by.clone(),
            self.added_at.clone(),
            self.expires_at.clone(),
            self.id.clone(),
        ]
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let rows: Vec<Row> = users::invitations(&session.api)
        .await?
        .into_iter()
        .map(|row| Row {
            email: row.email,
            invited_by: row.invited_by.map(|user| user.name).unwrap_or_default(),
            added_at: row.added_at,
            expires_at: row.expires_at,
            id: row.id,
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}

async fn revoke(context: &Context, named: &str) -> Result<(), Failure> {
    let mut session = context.connect().await?;
    privilege::staff(&session, "revoke invitations").await?;
    let Some(invitation) = find(&session.api, named).await? else {
        return Err(CliError::refusal(format!(
            "there is no open invitation of {named}; see `alpacon user invitation ls`"
        ))
        .into());
    };
    challenge::curing(&mut session, async |api| {
        users::revoke_invitation(api, &invitation.id).await
    })
    .await?;
    message::success(&format!(
        "the invitation of {} is revoked",
        invitation.email
    ));
    Ok(())
}

async fn find(api: &Api, named: &str) -> Result<Option<Invitation>, Error> {
    // Addresses are kept in lower case.
    let email = named.trim().to_lowercase();
    let all = users::invitations(api).await?;
    Ok(all
        .into_iter()
        .find(|row| row.email == email || row.id == named))
}
