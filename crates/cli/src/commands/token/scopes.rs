//! `alpacon token scopes`.

use client::api_tokens;
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::output::table;

/// Stands where a wildcard has no actions of its own.
const EVERYTHING: &str = "(matches all scopes)";

#[derive(Serialize)]
struct Row {
    name: String,
    actions: String,
    acl: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &["RESOURCE", "ACTIONS", "ACL"];

    fn cells(&self) -> Vec<String> {
        let actions = match self.actions.as_str() {
            "" => EVERYTHING,
            actions => actions,
        };
        vec![self.name.clone(), actions.to_owned(), self.acl.clone()]
    }
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let scopes = api_tokens::scopes(&session.api).await?;
    let wildcards = scopes.wildcards.into_iter().map(|name| Row {
        name,
        actions: String::new(),
        acl: String::new(),
    });
    let resources = scopes.resources.into_iter().map(|resource| Row {
        name: resource.name,
        actions: resource.actions.join(", "),
        acl: resource.acl.join(", "),
    });
    let rows: Vec<Row> = wildcards.chain(resources).collect();
    table::print(&rows, context.format);
    Ok(())
}
