//! `alpacon work-session describe SESSION_ID`.

use client::work_sessions::{self, WorkSession};
use client::{decode, users::UserSummary};

use super::mutation;
use crate::context::Context;
use crate::error::Failure;
use crate::output::{self, Format, json, sanitize, table, time};

pub(super) async fn run(context: &Context, id: &str) -> Result<(), Failure> {
    let session = context.connect().await?;
    let body = work_sessions::detail(&session.api, id).await?;
    if context.format == Format::Json {
        json::print(&body);
        return Ok(());
    }
    let found: WorkSession = decode::from_value(body).map_err(|error| client::Error::Decode {
        what: "work session".to_owned(),
        reason: error.to_string(),
    })?;
    table::print_cells(&["FIELD", "VALUE"], &rows(&found));
    output::stdout(&blocks(&found));
    Ok(())
}

fn rows(session: &WorkSession) -> Vec<Vec<String>> {
    let name = |user: &Option<UserSummary>| user.clone().unwrap_or_default().name;
    let mut rows = vec![
        ("ID", session.id.clone()),
        ("Description", session.description.clone()),
        ("Status", session.status.clone()),
        ("Requester type", session.requester_type.clone()),
        (
            "Scopes",
            session.scopes.clone().unwrap_or_default().join(", "),
        ),
        ("Servers", session.server_names().join(", ")),
        ("Created by", name(&session.created_by)),
        ("Assigned user", name(&session.assigned_user)),
        ("Expires at", time::local_minute(session.expires_at)),
        ("Started at", time::local_minute(session.started_at)),
        ("Completed at", time::local_minute(session.completed_at)),
        ("Added at", time::local_minute(session.added_at)),
    ];
    for (field, values) in [
        ("Allowed commands", &session.allow_commands),
        ("Allowed paths", &session.allow_paths),
        ("Allowed ports", &session.allow_ports),
    ] {
        if !values.is_empty() {
            rows.push((field, values.join(", ")));
        }
    }
    if let Some(level) = &session.enforcement {
        rows.push(("Enforcement", level.clone()));
    }
    if let Some(detail) = &session.status_detail {
        rows.push(("Status detail", detail.clone()));
    }
    rows.into_iter()
        .map(|(field, value)| vec![field.to_owned(), value])
        .collect()
}

fn blocks(session: &WorkSession) -> String {
    let mut text = String::new();
    let adjustments = mutation::adjustments(session);
    if !adjustments.is_empty() {
        text.push_str("\nAdjustments:\n");
    }
    for (what, old, new) in adjustments {
        text.push_str(&format!("  {what}: {old} -> {new}\n"));
    }
    let advice: Vec<_> = session.recommendations.iter().flatten().collect();
    if !advice.is_empty() {
        text.push_str("\nRecommendations:\n");
    }
    for advice in advice {
        text.push_str(&format!(
            "  [{}] {}\n",
            advice.severity.to_uppercase(),
            advice.text
        ));
    }
    sanitize::lines(&text)
}
