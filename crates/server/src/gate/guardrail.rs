//! Step 5: the workspace's guardrails, asked with the facts of the operation. They
//! only tighten; a refusal names the guardrail and the policy in it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use guardrail::{Decided, Detail, Facts, Outcome, Principal, PrincipalKind, Requester, Server};
use http::StatusCode;
use protocol::code;
use protocol::id::UserId;
use protocol::work_session::REQUESTER_AGENT;
use serde_json::{Value, json};
use store::entity::{server, user, work_session};
use store::now;

use super::{Grant, Judged, sudo};
use crate::guardrails::InForce;
use crate::http::{AgentCtx, ApiError, ApiResult, Ctx, PublicCtx};
use crate::identity::Subject;

const SOURCE: &str = "guardrail";

/// Who asks, from where, and as whom: what guardrails see of every operation besides the
/// operation itself.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    principal: Principal,
    server: Server,
    requester: Requester,
    interactive: bool,
    ip: Option<IpAddr>,
    username: String,
    in_session: bool,
}

impl Origin {
    /// Of what was granted.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) async fn of(ctx: &Ctx, grant: &Grant) -> ApiResult<Self> {
        let session = grant.session.as_deref();
        Self::new(ctx, &grant.server, session, &grant.username).await
    }

    async fn new(
        ctx: &Ctx,
        server: &server::Model,
        session: Option<&work_session::Model>,
        username: &str,
    ) -> ApiResult<Self> {
        let principal = match &ctx.principal.subject {
            Subject::User(user) => principal_of(ctx, user).await?,
            Subject::Application { name, .. } => Principal {
                kind: PrincipalKind::Application,
                name: name.clone(),
                ..Principal::default()
            },
        };
        let interactive = ctx.principal.is_interactive();
        let is_agent = session.is_some_and(is_of_agent);
        Ok(Self {
            principal,
            server: server_of(server),
            requester: match &ctx.principal.subject {
                Subject::Application { .. } => Requester::Ci,
                Subject::User(_) if is_agent || !interactive => Requester::Agent,
                Subject::User(_) => Requester::Human,
            },
            interactive,
            ip: Some(ctx.ip),
            username: username.to_owned(),
            in_session: session.is_some(),
        })
    }

    fn facts<'d>(&self, detail: Detail<'d>) -> Facts<'d> {
        Facts {
            principal: self.principal.clone(),
            server: self.server.clone(),
            requester: self.requester,
            interactive: self.interactive,
            ip: self.ip,
            time: now(),
            username: self.username.clone(),
            in_session: self.in_session,
            detail,
        }
    }

    /// Asks about each of several operations, with the guardrails that are in force now.
    /// Nobody can be asked for an approval: that a policy wants one refuses.
    ///
    /// # Errors
    /// The refusal; what decided is in its record.
    pub(crate) fn require_all<'d>(
        &self,
        ctx: &PublicCtx,
        details: impl IntoIterator<Item = Detail<'d>>,
    ) -> ApiResult<()> {
        let InForce::Set(set) = in_force(ctx)? else {
            return Ok(());
        };
        for detail in details {
            if let Some(decided) = answer(set.decide(&self.facts(detail)))? {
                return Err(unapproved(&decided));
            }
        }
        Ok(())
    }
}

/// What the guardrails say about a granted operation.
///
/// # Errors
/// When they cannot be asked: then nothing may happen.
pub(crate) async fn ask_guardrails(
    ctx: &Ctx,
    grant: &Grant,
    detail: Detail<'_>,
) -> ApiResult<Outcome> {
    let InForce::Set(set) = in_force(ctx)? else {
        return Ok(Outcome::Pass);
    };
    Ok(set.decide(&Origin::of(ctx, grant).await?.facts(detail)))
}

/// Asks them about an operation that can wait for a reviewer. The answer is what wants
/// one, if anything does.
///
/// # Errors
/// The refusal; what decided is in its record.
pub(crate) async fn check_guardrails(
    ctx: &Ctx,
    grant: &Grant,
    detail: Detail<'_>,
) -> ApiResult<Option<Decided>> {
    answer(ask_guardrails(ctx, grant, detail).await?)
}

/// Asks them where nobody can be asked for an approval: that a policy wants one refuses.
///
/// # Errors
/// The refusal; what decided is in its record.
pub(crate) async fn require_guardrails<'d>(
    ctx: &Ctx,
    grant: &Grant,
    details: impl IntoIterator<Item = Detail<'d>>,
) -> ApiResult<()> {
    match in_force(ctx)? {
        InForce::Set(_) => Origin::of(ctx, grant).await?.require_all(ctx, details),
        _ => Ok(()),
    }
}

/// Asks them about a session that is to hold a server.
///
/// # Errors
/// The refusal; what decided is in its record.
pub(crate) async fn check_session_guardrails(
    ctx: &Ctx,
    server: &server::Model,
    requester: Requester,
    detail: Detail<'_>,
) -> ApiResult<Option<Decided>> {
    let InForce::Set(set) = in_force(ctx)? else {
        return Ok(None);
    };
    let username = ctx.principal.user().map_or("", |user| &user.username);
    let origin = Origin {
        requester,
        ..Origin::new(ctx, server, None, username).await?
    };
    answer(set.decide(&origin.facts(detail)))
}

fn is_of_agent(session: &work_session::Model) -> bool {
    session.requester_type == REQUESTER_AGENT
}

/// Asks about sudo, for whoever asked for the command or terminal it is called in.
///
/// # Errors
/// When the database cannot be read.
pub(super) async fn check_sudo(
    ctx: &AgentCtx,
    called_in: &sudo::Origin,
    session: Option<&work_session::Model>,
    detail: Detail<'_>,
) -> ApiResult<Outcome> {
    let set = match in_force(ctx) {
        Ok(InForce::Set(set)) => set,
        Ok(_) => return Ok(Outcome::Pass),
        Err(refusal) => {
            return Ok(Outcome::Deny(Decided {
                guardrail: String::new(),
                name: String::new(),
                version: 0,
                policy: String::new(),
                reason: refusal.detail,
            }));
        }
    };
    let found = match called_in.requested_by.map(UserId) {
        Some(id) => ctx.tenant().identity().user(id).await?,
        None => None,
    };
    let principal = match &found {
        Some(user) => principal_of(ctx, user).await?,
        None => Principal::default(),
    };
    let by_token = called_in.token.is_some();
    let origin = Origin {
        principal,
        server: server_of(&ctx.server),
        requester: match by_token || session.is_some_and(is_of_agent) {
            true => Requester::Agent,
            false => Requester::Human,
        },
        interactive: !by_token,
        ip: called_in
            .remote_ip
            .as_deref()
            .and_then(|ip| ip.parse().ok()),
        username: called_in.username.clone(),
        in_session: session.is_some(),
    };
    Ok(set.decide(&origin.facts(detail)))
}

/// A user as guardrails see them.
pub(crate) async fn principal_of(ctx: &PublicCtx, user: &user::Model) -> ApiResult<Principal> {
    let identity = ctx.tenant().identity();
    let memberships = identity.memberships(Some(UserId(user.id)), None).await?;
    Ok(Principal {
        kind: PrincipalKind::User,
        name: user.username.clone(),
        superuser: user.is_superuser,
        staff: user.is_staff || user.is_superuser,
        groups: memberships
            .into_iter()
            .map(|(_, group)| group.name)
            .collect(),
    })
}

/// A server as guardrails see it.
pub(crate) fn server_of(row: &server::Model) -> Server {
    let tags: BTreeMap<String, String> =
        serde_json::from_value(row.tags.clone()).unwrap_or_default();
    Server {
        name: row.name.clone(),
        platform: row.platform.clone(),
        tags,
    }
}

fn in_force(ctx: &PublicCtx) -> ApiResult<InForce> {
    match ctx.app.guardrails.of(ctx.workspace_id()) {
        InForce::Broken { name, reason } => Err(refuse(format!(
            "Nothing is allowed here, because the guardrail {name} cannot be used: {reason}. A \
             superuser must correct it: alpacon guardrail update {name}"
        ))),
        usable => Ok(usable),
    }
}

fn refuse(detail: String) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, detail).code(code::GUARDRAIL_DENIED, SOURCE)
}

fn answer(outcome: Outcome) -> ApiResult<Option<Decided>> {
    match outcome {
        Outcome::Pass => Ok(None),
        Outcome::Hold(decided) => Ok(Some(decided)),
        Outcome::Deny(decided) => Err(denied(&decided)),
    }
}

/// A command that a guardrail wants a reviewer for waits as one that is risky does.
pub(crate) fn hold_for(decided: Decided, judged: &mut Judged) {
    if let Some(verdict) = judged.verdict.as_object_mut() {
        verdict.insert("guardrail".to_owned(), named(&decided));
    }
    judged.hold.get_or_insert(decided.reason);
}

fn denied(decided: &Decided) -> ApiError {
    refuse(format!("{} ({})", decided.reason, source(decided))).record(recorded(decided))
}

/// That a policy asks for an approval, where nobody can give one.
pub(super) fn unapproved(decided: &Decided) -> ApiError {
    refuse(format!(
        "{} An approval is wanted, and nobody can be asked for one here. ({})",
        decided.reason,
        source(decided)
    ))
    .record(recorded(decided))
}

fn source(decided: &Decided) -> String {
    format!("guardrail {}, policy {}", decided.name, decided.policy)
}

fn recorded(decided: &Decided) -> Value {
    json!({"guardrail": named(decided)})
}

/// A deciding policy, for the record.
fn named(decided: &Decided) -> Value {
    json!({
        "id": decided.guardrail, "name": decided.name, "version": decided.version,
        "policy": decided.policy,
    })
}
