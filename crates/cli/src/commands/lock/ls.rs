//! `alpacon lock ls`.

use client::locks;
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::output::table;

#[derive(Serialize)]
struct Row {
    kind: String,
    name: String,
    object: String,
    reason: String,
    locked_by: String,
    added_at: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] =
        &["KIND", "NAME", "ID", "REASON", "LOCKED BY", "SINCE"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.kind.clone(),
            self.name.clone(),
            self.object.clone(),
            self.reason.clone(),
            self.locked_by.clone(),
            self.added_at.clone(),
        ]
    }
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let rows: Vec<Row> = locks::list(&session.api)
        .await?
        .into_iter()
        .map(|lock| Row {
            kind: lock.kind,
            name: lock.name,
            object: lock.object,
            reason: lock.reason,
            locked_by: lock.locked_by.map(|user| user.name).unwrap_or_default(),
            added_at: lock.added_at,
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}
