//! `alpacon workspace ls`. Without network: the login names its workspaces.

use client::workspaces;
use serde::Serialize;

use super::show;
use crate::context::Context;
use crate::error::Failure;
use crate::output::{message, table};

#[derive(Serialize)]
struct Row {
    name: String,
    region: String,
    current: &'static str,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &["NAME", "REGION", "CURRENT"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.region.clone(),
            self.current.to_owned(),
        ]
    }
}

pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let config = context.config()?;
    if !config.is_multi_workspace() {
        message::info("this login reaches one workspace");
        return show::run(context);
    }
    let rows: Vec<Row> = workspaces::in_access_token(&config.access_token)?
        .into_iter()
        .map(|workspace| Row {
            current: if workspace.name == config.workspace_name {
                "*"
            } else {
                ""
            },
            name: workspace.name,
            region: workspace.region,
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}
