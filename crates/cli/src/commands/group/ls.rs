//! `alpacon group ls`.

use client::groups;
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::output::table;

#[derive(Serialize)]
struct Row {
    name: String,
    display_name: String,
    tags: String,
    members: i64,
    servers: usize,
    gid: i64,
    ldap_status: &'static str,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "NAME",
        "DISPLAY NAME",
        "TAGS",
        "MEMBERS",
        "SERVERS",
        "GID",
        "LDAP",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.display_name.clone(),
            self.tags.clone(),
            self.members.to_string(),
            self.servers.to_string(),
            self.gid.to_string(),
            self.ldap_status.to_owned(),
        ]
    }
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let rows: Vec<Row> = groups::list(&session.api)
        .await?
        .into_iter()
        .map(|group| Row {
            name: group.name,
            display_name: group.display_name,
            tags: group.tags,
            members: group.num_members,
            servers: group.servers.len(),
            gid: group.gid,
            ldap_status: if group.is_ldap_group { "ldap" } else { "local" },
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}
