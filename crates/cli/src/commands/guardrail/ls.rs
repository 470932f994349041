//! `alpacon guardrail list`.

use client::guardrails;
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::output::{table, time};

#[derive(Serialize)]
struct Row {
    name: String,
    enabled: bool,
    version: i64,
    description: String,
    changed_by: String,
    updated_at: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "NAME",
        "ENABLED",
        "VERSION",
        "DESCRIPTION",
        "CHANGED BY",
        "CHANGED",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.enabled.to_string(),
            self.version.to_string(),
            self.description.clone(),
            self.changed_by.clone(),
            self.updated_at.clone(),
        ]
    }
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let rows: Vec<Row> = guardrails::list(&session.api)
        .await?
        .into_iter()
        .map(|row| Row {
            name: row.name,
            enabled: row.enabled,
            version: row.version,
            description: row.description,
            changed_by: row.changed_by.map(|user| user.name).unwrap_or_default(),
            updated_at: row.updated_at.map(time::utc).unwrap_or_default(),
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}
