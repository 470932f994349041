//! What an operation is, in the words of the schema.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr as _;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request,
    RestrictedExpression as Value,
};
use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use judge::{Plan, risk};

/// What is about to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A command line.
    Command,
    /// Sudo, asked by a host.
    Sudo,
    /// A file to a server.
    Upload,
    /// A file from a server.
    Download,
    /// A port of a server.
    Tunnel,
    /// A terminal.
    Websh,
    /// An editor.
    Editor,
    /// Asking for a work session.
    WorkSession,
}

impl Operation {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::Command,
        Self::Sudo,
        Self::Upload,
        Self::Download,
        Self::Tunnel,
        Self::Websh,
        Self::Editor,
        Self::WorkSession,
    ];

    /// The name of the action in the schema.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Sudo => "sudo",
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Tunnel => "tunnel",
            Self::Websh => "websh",
            Self::Editor => "editor",
            Self::WorkSession => "work_session",
        }
    }
}

/// What stands behind the credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrincipalKind {
    /// A person, or their token.
    #[default]
    User,
    /// A program with a service token.
    Application,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// What it is.
    pub kind: PrincipalKind,
    /// Username, or name of the application.
    pub name: String,
    /// May change everything.
    pub superuser: bool,
    /// May administrate.
    pub staff: bool,
    /// Names of the groups it is in.
    pub groups: Vec<String>,
}

/// Who decides behind the principal.
pub use judge::risk::Requester;

/// Where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// Its platform.
    pub platform: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// Everything a guardrail may look at.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Who.
    pub principal: Principal,
    /// Where.
    pub server: Server,
    /// Who decides.
    pub requester: Requester,
    /// A person is logged in.
    pub interactive: bool,
    /// From where; none where the record does not say.
    pub ip: Option<IpAddr>,
    /// When.
    pub time: DateTime<Utc>,
    /// Account on the server.
    pub username: String,
    /// Within a work session.
    pub in_session: bool,
    /// What.
    pub detail: Detail<'a>,
}

/// What is about to happen, with its own facts.
#[derive(Clone, Debug)]
pub enum Detail<'a> {
    /// A command line.
    Command {
        /// As given.
        line: &'a str,
        /// As read.
        plan: &'a Plan,
        /// Names of variables that come along.
        env: Vec<String>,
    },
    /// Sudo.
    Sudo {
        /// The call as a line.
        line: &'a str,
        /// As read.
        plan: &'a Plan,
        /// The account it would run as.
        run_as: String,
    },
    /// A file to a server.
    Upload(String),
    /// A file from a server.
    Download(String),
    /// A port.
    Tunnel(u16),
    /// A terminal.
    Websh,
    /// An editor.
    Editor,
    /// A work session.
    WorkSession {
        /// What it is to hold.
        scopes: Vec<String>,
        /// It has an allow-list.
        has_command_rules: bool,
        /// How long it is to last.
        minutes: i64,
    },
}

impl Detail<'_> {
    /// The operation.
    #[must_use]
    pub fn operation(&self) -> Operation {
        match self {
            Self::Command { .. } => Operation::Command,
            Self::Sudo { .. } => Operation::Sudo,
            Self::Upload(_) => Operation::Upload,
            Self::Download(_) => Operation::Download,
            Self::Tunnel(_) => Operation::Tunnel,
            Self::Websh => Operation::Websh,
            Self::Editor => Operation::Editor,
            Self::WorkSession { .. } => Operation::WorkSession,
        }
    }
}

/// The facts in Cedar's terms.
pub(crate) struct Question {
    pub(crate) request: Request,
    pub(crate) entities: Entities,
    /// The principal and its groups.
    pub(crate) principals: Vec<EntityUid>,
}

/// Why facts cannot be asked about; nothing may happen then.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

impl Facts<'_> {
    pub(crate) fn question(&self) -> Result<Question, Fault> {
        let kind = match self.principal.kind {
            PrincipalKind::User => "User",
            PrincipalKind::Application => "Application",
        };
        let principal = uid(kind, &self.principal.name)?;
        let groups = self.principal.groups.iter();
        let groups: Vec<EntityUid> = groups
            .map(|name| uid("Group", name))
            .collect::<Result<_, _>>()?;
        let server = uid("Server", &self.server.name)?;
        let action = uid("Action", self.detail.operation().as_str())?;
        let attributes = match self.principal.kind {
            PrincipalKind::User => vec![
                (
                    "superuser".to_owned(),
                    Value::new_bool(self.principal.superuser),
                ),
                ("staff".to_owned(), Value::new_bool(self.principal.staff)),
            ],
            PrincipalKind::Application => Vec::new(),
        };
        let entities = Entities::from_entities(
            [
                Entity::new(
                    principal.clone(),
                    attributes.into_iter().collect(),
                    groups.iter().cloned().collect(),
                )?,
                Entity::new_with_tags(
                    server.clone(),
                    [("platform".to_owned(), text(&self.server.platform))],
                    [],
                    self.server
                        .tags
                        .iter()
                        .map(|(key, value)| (key.clone(), text(value))),
                )?,
            ],
            None,
        )?;
        let context = Context::from_pairs(self.context()?)?;
        let mut principals = vec![principal.clone()];
        principals.extend(groups);
        Ok(Question {
            request: Request::new(principal, action, server, context, None)?,
            entities,
            principals,
        })
    }

    fn context(&self) -> Result<Vec<(String, Value)>, Fault> {
        let mut request = vec![
            (
                "requester",
                text(match self.requester {
                    Requester::Human => "human",
                    Requester::Agent => "agent",
                    Requester::Ci => "ci",
                }),
            ),
            ("interactive", Value::new_bool(self.interactive)),
            ("hour", Value::new_long(self.time.hour().into())),
            (
                "weekday",
                Value::new_long(self.time.weekday().number_from_monday().into()),
            ),
            ("username", text(&self.username)),
            ("in_session", Value::new_bool(self.in_session)),
        ];
        if let Some(ip) = self.ip {
            request.push(("ip", Value::new_ip(ip.to_string())));
        }
        let mut context = vec![("request".to_owned(), record(request)?)];
        let mut add = |name: &str, value| context.push((name.to_owned(), value));
        match &self.detail {
            Detail::Command { line, plan, env } => add("plan", facts_of(line, plan, env)?),
            Detail::Sudo { line, plan, run_as } => {
                add("plan", facts_of(line, plan, &[])?);
                add("run_as", text(run_as));
            }
            Detail::Upload(path) | Detail::Download(path) => add("path", text(path)),
            Detail::Tunnel(port) => add("port", Value::new_long((*port).into())),
            Detail::Websh | Detail::Editor => {}
            Detail::WorkSession {
                scopes,
                has_command_rules,
                minutes,
            } => {
                add("scopes", set(scopes.iter().map(String::as_str)));
                add("has_command_rules", Value::new_bool(*has_command_rules));
                add("minutes", Value::new_long(*minutes));
            }
        }
        Ok(context)
    }
}

fn facts_of(line: &str, plan: &Plan, env: &[String]) -> Result<Value, Fault> {
    let risk = risk::of(plan);
    let commands = plan.rendered();
    let programs = plan
        .commands
        .iter()
        .filter_map(|command| command.base_name());
    let flags = plan.flags.iter().map(|flag| flag.as_str());
    let writes = plan.redirections.iter().filter(|to| to.writes());
    record([
        ("line", text(line)),
        ("commands", set(commands.iter().map(String::as_str))),
        ("programs", set(programs)),
        ("risk", Value::new_string(risk.to_string())),
        ("risk_level", Value::new_long(risk as i64)),
        ("flags", set(flags)),
        (
            "writes",
            set(writes.map(|to| to.target.as_static().unwrap_or(to.target.source()))),
        ),
        ("env", set(env.iter().map(String::as_str))),
        ("undecidable", Value::new_bool(plan.problem.is_some())),
    ])
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, Fault> {
    Ok(EntityUid::from_type_name_and_id(
        EntityTypeName::from_str(kind)?,
        EntityId::new(id),
    ))
}

fn text(text: &str) -> Value {
    Value::new_string(text.to_owned())
}

fn set<'t>(values: impl Iterator<Item = &'t str>) -> Value {
    Value::new_set(values.map(text))
}

fn record<'n>(fields: impl IntoIterator<Item = (&'n str, Value)>) -> Result<Value, Fault> {
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Ok(Value::new_record(fields)?)
}
