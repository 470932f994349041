//! `alpacon whoami` (`cli-core.md` §5.3). What cannot be read is a warning.

use chrono::{DateTime, TimeDelta, Utc};
use client::auth::Whoami;
use client::config::AuthMethod;
use client::users::CurrentUser;
use client::work_sessions::WorkSession;
use client::{Config, auth, memberships, users, work_sessions};
use serde::Serialize;

use crate::context::{Context, Session};
use crate::error::Failure;
use crate::output::{self, Format, json, message, sanitize, time};

pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    context.config()?;
    let report = match context.connect().await {
        Ok(session) => read(&session).await,
        Err(failure) => {
            let config = context.config()?;
            if let Failure::Error(error) = failure {
                message::warning(&error.message);
            }
            Report::new(&config)
        }
    };
    match context.format {
        Format::Json => json::print(&report),
        Format::Table => output::stdout(&report.text()),
    }
    Ok(())
}

#[derive(Debug, Default, Serialize)]
struct Report {
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    email: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    phone: String,
    workspace_name: String,
    workspace_url: String,
    auth_method: &'static str,
    /// What people see as the method.
    #[serde(skip)]
    auth_shown: &'static str,
    auth_classification: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    expires_at: String,
    #[serde(skip_serializing_if = "is_zero")]
    uid: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    shell: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    home_directory: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    role: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<Group>,
    #[serde(skip_serializing_if = "String::is_empty")]
    principal_type: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    application_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    service_type: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    service_account: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    work_session_required: bool,
    worksession_required_for_access: bool,
    active_work_session: Option<Active>,
    active_worksession: Option<Active>,
}

#[derive(Debug, Serialize)]
struct Group {
    name: String,
    role: String,
}

#[derive(Clone, Debug, Serialize)]
struct Active {
    id: String,
    status: String,
    scopes: Vec<String>,
    servers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde asks for")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

async fn read(session: &Session) -> Report {
    let mut report = Report::new(&session.config);
    warn_about_expiry(&session.config, Utc::now());
    let is_service = session.config.auth_method() == AuthMethod::ServiceToken;
    let (principal, user) = tokio::join!(auth::whoami(&session.api), async {
        if is_service {
            return None;
        }
        warned(users::current(&session.api).await, "your account")
    });
    match principal {
        Ok(principal) => report.take_principal(principal, is_service),
        // Servers before this call know users only.
        Err(error) if error.status() == Some(404) && !is_service => {}
        Err(error) => message::warning(&format!("cannot read the login: {error}")),
    }
    if let Some(user) = user {
        let groups = memberships::of_user(&session.api, &user.id).await;
        report.take_user(user);
        report.groups = warned(groups, "your groups")
            .unwrap_or_default()
            .into_iter()
            .map(|row| Group {
                name: row.group_name,
                role: row.role,
            })
            .collect();
    }
    if report.work_session_required
        && let Some(id) = session.config.active_work_session()
    {
        let active = work_sessions::get(&session.api, id).await;
        report.active_work_session = warned(active, "the active work session").map(Active::from);
        report.active_worksession = report.active_work_session.clone();
    }
    report
}

fn warned<T>(result: Result<T, client::Error>, what: &str) -> Option<T> {
    result
        .inspect_err(|error| message::warning(&format!("cannot read {what}: {error}")))
        .ok()
}

fn warn_about_expiry(config: &Config, now: DateTime<Utc>) {
    let Ok(end) = DateTime::parse_from_rfc3339(&config.expires_at) else {
        return;
    };
    let left = end.with_timezone(&Utc) - now;
    if left <= TimeDelta::zero() {
        message::warning("this login has expired; run `alpacon login`");
    } else if left < TimeDelta::hours(1) {
        let left = match left.num_minutes() {
            0 => format!("{}s", left.num_seconds()),
            minutes => format!("{minutes}m"),
        };
        message::warning(&format!("this login expires in {left}"));
    }
}

impl From<WorkSession> for Active {
    fn from(session: WorkSession) -> Self {
        Self {
            servers: session
                .server_names()
                .into_iter()
                .map(ToOwned::to_owned)
                .collect(),
            expires_at: session.expires_at.map(time::utc),
            id: session.id,
            status: session.status,
            scopes: session.scopes.unwrap_or_default(),
        }
    }
}

impl Report {
    fn new(config: &Config) -> Self {
        let method = config.auth_method();
        let required = method == AuthMethod::BrowserLogin;
        Self {
            workspace_name: config.workspace_name.clone(),
            workspace_url: config.workspace_url.clone(),
            auth_method: method.label(),
            auth_shown: match method {
                AuthMethod::PasswordLogin => method.description(),
                other => other.label(),
            },
            auth_classification: method.classification(),
            expires_at: config.expires_at.clone(),
            work_session_required: required,
            worksession_required_for_access: required,
            ..Self::default()
        }
    }

    fn take_principal(&mut self, principal: Whoami, is_service: bool) {
        // Only the server knows its own policy; where it says nothing, a browser
        // login needs a session and a token does not.
        if let Some(required) = principal.work_session_required {
            self.work_session_required = required;
            self.worksession_required_for_access = required;
        }
        self.principal_type = principal.principal_type;
        if is_service {
            self.scopes = principal.auth.scopes;
        }
        if let Some(application) = principal.application {
            self.application_name = application.name;
            self.service_type = application.service_type;
            self.service_account = application.username;
        }
    }

    fn take_user(&mut self, user: CurrentUser) {
        user.role().clone_into(&mut self.role);
        self.username = user.username;
        self.email = user.email;
        self.phone = user.phone;
        self.uid = user.uid;
        self.shell = user.shell;
        self.home_directory = user.home_directory;
    }

    fn text(&self) -> String {
        let groups: Vec<String> = self
            .groups
            .iter()
            .map(|group| format!("{} ({})", group.name, group.role))
            .collect();
        let uid = match self.uid {
            0 => String::new(),
            uid => uid.to_string(),
        };
        let rows = [
            ("User", self.username.clone()),
            ("Application", self.application_name.clone()),
            ("Service type", self.service_type.clone()),
            ("Service account", self.service_account.clone()),
            ("Scopes", self.scopes.join(", ")),
            ("Email", self.email.clone()),
            ("Phone", self.phone.clone()),
            (
                "Workspace",
                format!("{} ({})", self.workspace_name, self.workspace_url),
            ),
            ("Auth", self.auth_shown.to_owned()),
            ("Auth class", self.auth_classification.to_owned()),
            ("Expires", expiry(&self.expires_at, Utc::now())),
            ("UID", uid),
            ("Shell", self.shell.clone()),
            ("Home", self.home_directory.clone()),
            ("Role", self.role.clone()),
            ("Groups", groups.join(", ")),
            ("WS required", self.requirement()),
        ];
        let rows: Vec<_> = rows
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0) + 2;
        rows.iter()
            .map(|(label, value)| {
                let label = format!("{label}:");
                format!("{label:<width$}{}\n", sanitize::cell(value))
            })
            .collect()
    }

    fn requirement(&self) -> String {
        match (self.work_session_required, &self.active_work_session) {
            (false, _) => "no".to_owned(),
            (true, None) => "yes (none active; see `alpacon work-session list`)".to_owned(),
            (true, Some(active)) => format!("yes (active: {}, {})", active.id, active.status),
        }
    }
}

/// `YYYY-MM-DD HH:MM ZONE (1h5m remaining)`.
fn expiry(text: &str, now: DateTime<Utc>) -> String {
    let Ok(end) = DateTime::parse_from_rfc3339(text) else {
        return text.to_owned();
    };
    let left = end.with_timezone(&Utc) - now;
    let shown = time::local_zoned(end.with_timezone(&Utc));
    if left <= TimeDelta::zero() {
        return format!("{shown} (expired)");
    }
    let (hours, minutes) = (left.num_hours(), left.num_minutes() % 60);
    let left = match hours {
        0 => format!("{minutes}m"),
        _ => format!("{hours}h{minutes}m"),
    };
    format!("{shown} ({left} remaining)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            username: "kim".into(),
            work_session_required: true,
            ..Report::new(&Config {
                workspace_url: "https://a.example.com".into(),
                workspace_name: "a".into(),
                token: "t".into(),
                ..Config::default()
            })
        }
    }

    #[test]
    fn empty_rows_are_left_out() {
        insta::assert_snapshot!(report().text(), @r"
        User:        kim
        Workspace:   a (https://a.example.com)
        Auth:        Token
        Auth class:  token
        WS required: yes (none active; see `alpacon work-session list`)
        ");
    }

    #[test]
    fn four_members_are_always_there() {
        insta::assert_snapshot!(json::pretty(&Report::new(&Config::default()), b"  "), @r#"
        {
          "workspace_name": "",
          "workspace_url": "",
          "auth_method": "unknown",
          "auth_classification": "unknown",
          "work_session_required": false,
          "worksession_required_for_access": false,
          "active_work_session": null,
          "active_worksession": null
        }
        "#);
    }

    #[test]
    fn the_end_of_a_login_is_told() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        assert!(expiry("2026-01-01T01:05:00Z", now).ends_with("(1h5m remaining)"));
        assert!(expiry("2025-01-01T01:05:00Z", now).ends_with("(expired)"));
        assert_eq!(expiry("", now), "");
    }
}
