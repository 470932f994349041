//! `alpacon identity-provider ls`.

use client::identity_providers;
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::output::table;

#[derive(Serialize)]
struct Row {
    id: String,
    slug: String,
    name: String,
    issuer: String,
    client_id: String,
    link_by_email: bool,
    provision: bool,
    enabled: bool,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "ID",
        "SLUG",
        "NAME",
        "ISSUER",
        "CLIENT ID",
        "LINKS BY EMAIL",
        "PROVISIONS",
        "ENABLED",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.slug.clone(),
            self.name.clone(),
            self.issuer.clone(),
            self.client_id.clone(),
            self.link_by_email.to_string(),
            self.provision.to_string(),
            self.enabled.to_string(),
        ]
    }
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let rows: Vec<Row> = identity_providers::list(&session.api)
        .await?
        .into_iter()
        .map(|row| Row {
            id: row.id,
            slug: row.slug,
            name: row.name,
            issuer: row.issuer,
            client_id: row.client_id,
            link_by_email: row.link_by_email,
            provision: row.provision,
            enabled: row.enabled,
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}
