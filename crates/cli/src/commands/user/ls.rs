//! `alpacon user ls`.

use client::users::{self, User};
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::output::table;

#[derive(Serialize)]
struct Row {
    username: String,
    name: String,
    email: String,
    tags: String,
    groups: i64,
    uid: i64,
    status: &'static str,
    ldap_status: &'static str,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &[
        "USERNAME", "NAME", "EMAIL", "TAGS", "GROUPS", "UID", "STATUS", "LDAP",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.username.clone(),
            self.name.clone(),
            self.email.clone(),
            self.tags.clone(),
            self.groups.to_string(),
            self.uid.to_string(),
            self.status.to_owned(),
            self.ldap_status.to_owned(),
        ]
    }
}

pub(super) async fn run(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let rows: Vec<Row> = users::list(&session.api)
        .await?
        .into_iter()
        .map(Row::from)
        .collect();
    table::print(&rows, context.format);
    Ok(())
}

impl From<User> for Row {
    fn from(user: User) -> Self {
        Self {
            name: format!("{} {}", user.last_name, user.first_name),
            status: match &user {
                user if user.is_superuser => "superuser",
                user if user.is_staff => "staff",
                user if user.is_active => "active",
                _ => "inactive",
            },
            ldap_status: if user.is_ldap_user { "ldap" } else { "local" },
            username: user.username,
            email: user.email,
            tags: user.tags,
            groups: user.num_groups,
            uid: user.uid,
        }
    }
}
