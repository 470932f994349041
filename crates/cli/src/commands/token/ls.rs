//! `alpacon token ls`.

use client::api_tokens;
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::output::{table, time};

#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    enabled: bool,
    updated_at: String,
    expires_at: String,
    scopes: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "ID",
        "NAME",
        "ENABLED",
        "UPDATED AT",
        "EXPIRES AT",
        "SCOPES",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.name.clone(),
            self.enabled.to_string(),
            self.updated_at.clone(),
            self.expires_at.clone(),
            self.scopes.clone(),
        ]
    }
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let rows: Vec<Row> = api_tokens::list(&session.api)
        .await?
        .into_iter()
        .map(|token| Row {
            id: token.id,
            name: token.name,
            enabled: token.enabled,
            updated_at: time::relative(token.updated_at),
            expires_at: time::relative(token.expires_at),
            scopes: token.scopes.join(", "),
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}
