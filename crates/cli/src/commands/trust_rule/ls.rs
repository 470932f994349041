//! `alpacon trust-rule ls`.

use client::trust_rules;
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::output::{table, time};

#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    service_token: String,
    issuer: String,
    conditions: String,
    ttl: i64,
    enabled: bool,
    last_used_at: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "ID",
        "NAME",
        "SERVICE TOKEN",
        "ISSUER",
        "CONDITIONS",
        "TTL",
        "ENABLED",
        "LAST USED",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.name.clone(),
            self.service_token.clone(),
            self.issuer.clone(),
            self.conditions.clone(),
            self.ttl.to_string(),
            self.enabled.to_string(),
            self.last_used_at.clone(),
        ]
    }
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let rows: Vec<Row> = trust_rules::list(&session.api)
        .await?
        .into_iter()
        .map(|rule| Row {
            id: rule.id,
            name: rule.name,
            service_token: format!("{}/{}", rule.application_name, rule.service_token_name),
            issuer: rule.issuer,
            conditions: rule
                .conditions
                .iter()
                .flat_map(|(claim, patterns)| {
                    patterns.iter().map(move |text| format!("{claim}={text}"))
                })
                .collect::<Vec<_>>()
                .join(", "),
            ttl: rule.ttl,
            enabled: rule.enabled,
            last_used_at: time::relative(rule.last_used_at),
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}
