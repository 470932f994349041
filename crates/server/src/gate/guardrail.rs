//! Step 5: the workspace's guardrails, asked with the facts of the operation. They
//! only tighten; a refusal names the guardrail and the policy in it.

use std::collections::BTreeMap;

use guardrail::{Decided, Detail, Facts, Outcome, Principal, PrincipalKind, Requester, Server};
use http::StatusCode;
use protocol::code;
use protocol::id::UserId;
use protocol::work_session::REQUESTER_AGENT;
use serde_json::json;
use store::entity::{server, user, work_session};
use store::now;

use super::Grant;
use crate::guardrails::InForce;
use crate::http::{AgentCtx, ApiError, ApiResult, Ctx, PublicCtx};
use crate::identity::Subject;

const SOURCE: &str = "guardrail";

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
    let place = Place {
        server: &grant.server,
        session: grant.session.as_deref(),
        username: &grant.username,
    };
    Ok(set.decide(&facts(ctx, place, detail).await?))
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
pub(crate) async fn require_guardrails(
    ctx: &Ctx,
    grant: &Grant,
    detail: Detail<'_>,
) -> ApiResult<()> {
    match check_guardrails(ctx, grant, detail).await? {
        None => Ok(()),
        Some(decided) => Err(unapproved(&decided)),
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
    let facts = Facts {
        requester,
        ..facts(
            ctx,
            Place {
                server,
                session: None,
                username: ctx.principal.user().map_or("", |user| &user.username),
            },
            detail,
        )
        .await?
    };
    answer(set.decide(&facts))
}

/// Where, in what, and as whom.
#[derive(Clone, Copy)]
struct Place<'a> {
    server: &'a server::Model,
    session: Option<&'a work_session::Model>,
    username: &'a str,
}

/// The facts of an operation that a caller asks for now.
async fn facts<'d>(ctx: &Ctx, place: Place<'_>, detail: Detail<'d>) -> ApiResult<Facts<'d>> {
    let principal = match &ctx.principal.subject {
        Subject::User(user) => principal_of(ctx, user).await?,
        Subject::Application { name, .. } => Principal {
            kind: PrincipalKind::Application,
            name: name.clone(),
            ..Principal::default()
        },
    };
    let interactive = ctx.principal.is_interactive();
    let is_agent = place.session.is_some_and(is_of_agent);
    Ok(Facts {
        principal,
        server: server_of(place.server),
        requester: match &ctx.principal.subject {
            Subject::Application { .. } => Requester::Ci,
            Subject::User(_) if is_agent || !interactive => Requester::Agent,
            Subject::User(_) => Requester::Human,
        },
        interactive,
        ip: Some(ctx.ip),
        time: now(),
        username: place.username.to_owned(),
        in_session: place.session.is_some(),
        detail,
    })
}

fn is_of_agent(session: &work_session::Model) -> bool {
    session.requester_type == REQUESTER_AGENT
}

/// Asks about sudo, for whoever asked for the command it is called in.
///
/// # Errors
/// When the database cannot be read.
pub(super) async fn check_sudo(
    ctx: &AgentCtx,
    user: Option<UserId>,
    by_token: bool,
    session: Option<&work_session::Model>,
    username: &str,
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
    let found = match user {
        Some(id) => ctx.tenant().identity().user(id).await?,
        None => None,
    };
    let principal = match &found {
        Some(user) => principal_of(ctx, user).await?,
        None => Principal::default(),
    };
    let is_agent = by_token || session.is_some_and(is_of_agent);
    Ok(set.decide(&Facts {
        principal,
        server: server_of(&ctx.server),
        requester: match is_agent {
            true => Requester::Agent,
            false => Requester::Human,
        },
        interactive: !by_token,
        ip: None,
        time: now(),
        username: username.to_owned(),
        in_session: session.is_some(),
        detail,
    }))
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

fn denied(decided: &Decided) -> ApiError {
    refuse(format!("{} ({})", decided.reason, source(decided))).record(recorded(decided))
}

/// That a policy asks for an approval, where nobody can give one.
fn unapproved(decided: &Decided) -> ApiError {
    refuse(format!(
        "{} Nobody can be asked for this kind of operation, so it is refused. ({})",
        decided.reason,
        source(decided)
    ))
    .record(recorded(decided))
}

fn source(decided: &Decided) -> String {
    format!("guardrail {}, policy {}", decided.name, decided.policy)
}

fn recorded(decided: &Decided) -> serde_json::Value {
    json!({"guardrail": {
        "id": decided.guardrail, "name": decided.name, "version": decided.version,
        "policy": decided.policy,
    }})
}
