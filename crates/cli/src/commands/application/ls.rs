//! `alpacon application ls`.

use client::applications;
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::output::table;

#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    service_type: String,
    username: String,
    is_active: bool,
    description: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] =
        &["ID", "NAME", "TYPE", "USERNAME", "ACTIVE", "DESCRIPTION"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.name.clone(),
            self.service_type.clone(),
            self.username.clone(),
            self.is_active.to_string(),
            table::truncate(&self.description, 60),
        ]
    }
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let rows: Vec<Row> = applications::list(&session.api)
        .await?
        .into_iter()
        .map(|application| Row {
            id: application.id,
            name: application.name,
            service_type: application.service_type,
            username: application.username,
            is_active: application.is_active,
            description: application.description,
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}
