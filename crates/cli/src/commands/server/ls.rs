//! `alpacon server ls`.

use client::servers;
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::output::table;

#[derive(Serialize)]
struct Row {
    name: String,
    ip: String,
    os: String,
    connected: bool,
    owner: String,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &["NAME", "IP", "OS", "CONNECTED", "OWNER"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.ip.clone(),
            self.os.clone(),
            self.connected.to_string(),
            self.owner.clone(),
        ]
    }
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let rows: Vec<Row> = servers::list(&session.api)
        .await?
        .into_iter()
        .map(|server| Row {
            os: format!("{} {}", server.os_name, server.os_version),
            name: server.name,
            ip: server.remote_ip,
            connected: server.is_connected,
            owner: server.owner.name,
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}
