//! `alpacon service-token ls`.

use client::applications;
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::output::{table, time};

#[derive(Serialize)]
struct Row {
    id: String,
    application: String,
    name: String,
    enabled: bool,
    expires_at: String,
    last_used_at: String,
    scopes: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "ID",
        "APPLICATION",
        "NAME",
        "ENABLED",
        "EXPIRES AT",
        "LAST USED",
        "SCOPES",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.application.clone(),
            self.name.clone(),
            self.enabled.to_string(),
            self.expires_at.clone(),
            self.last_used_at.clone(),
            self.scopes.clone(),
        ]
    }
}

pub(super) async fn run(context: &Context, application: Option<&str>) -> Result<(), Failure> {
    let session = context.connect().await?;
    let application = match application {
        Some(name) => Some(applications::id(&session.api, name).await?),
        None => None,
    };
    let rows: Vec<Row> = applications::tokens(&session.api, application.as_deref())
        .await?
        .into_iter()
        .map(|token| Row {
            id: token.id,
            application: token.application_name,
            name: token.name,
            enabled: token.enabled,
            expires_at: time::relative(token.expires_at),
            last_used_at: time::relative(token.last_used_at),
            scopes: token.scopes.join(", "),
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}
