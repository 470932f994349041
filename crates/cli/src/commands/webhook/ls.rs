//! `alpacon webhook ls`.

use client::webhooks;
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::output::table;

#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    url: String,
    provider: String,
    ssl_verify: bool,
    enabled: bool,
    owner: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "ID",
        "NAME",
        "URL",
        "PROVIDER",
        "SSL VERIFY",
        "ENABLED",
        "OWNER",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.name.clone(),
            self.url.clone(),
            self.provider.clone(),
            self.ssl_verify.to_string(),
            self.enabled.to_string(),
            self.owner.clone(),
        ]
    }
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let rows: Vec<Row> = webhooks::list(&session.api)
        .await?
        .into_iter()
        .map(|webhook| Row {
            id: webhook.id,
            name: webhook.name,
            url: webhook.url,
            provider: webhook.provider,
            ssl_verify: webhook.ssl_verify,
            enabled: webhook.enabled,
            owner: webhook.owner.unwrap_or_default().name,
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}
