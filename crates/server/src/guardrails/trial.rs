//! What guardrails would say, without anything happening.

use guardrail::{
    Detail, Facts, Operation, Outcome, Principal, PrincipalKind, Requester, Set, Source,
};
use judge::Plan;
use protocol::code;
use protocol::guardrail::{GuardrailOutcome, TestGuardrail, ValidateGuardrail, ValidatedGuardrail};
use store::entity::user;
use store::now;

use super::change::SOURCE;
use super::{InForce, view};
use crate::gate;
use crate::http::{ApiError, ApiResult, Ctx};

/// Longest line and path.
const MAX_TEXT: usize = 64 * 1024;

/// Whether a text may be stored.
pub(super) fn validate(ctx: &Ctx, request: &ValidateGuardrail) -> ApiResult<ValidatedGuardrail> {
    reader(ctx)?;
    Ok(match guardrail::check(&request.policy) {
        Ok(checked) => ValidatedGuardrail {
            valid: true,
            error: None,
            policies: checked.policies,
            warnings: checked.warnings,
        },
        Err(error) => ValidatedGuardrail {
            error: Some(error.to_string()),
            ..ValidatedGuardrail::default()
        },
    })
}

/// Staff and superusers: guardrails say what an attacker must avoid.
pub(super) fn reader(ctx: &Ctx) -> ApiResult<()> {
    ctx.principal.require_scope(SOURCE, "read")?;
    ctx.principal.require_staff()
}

/// What would be decided about an operation.
pub(super) async fn test(ctx: &Ctx, request: TestGuardrail) -> ApiResult<GuardrailOutcome> {
    reader(ctx)?;
    let server = ctx
        .tenant()
        .fleet()
        .find(ctx.principal.viewer(), request.server)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let user = subject(ctx, request.user.as_deref()).await?;
    let line = request.line.clone().unwrap_or_default();
    let plan = Plan::read(&line);
    let detail = detail(&request, &line, &plan)?;
    let principal = match &user {
        Some(user) => gate::principal_of(ctx, user).await?,
        None => Principal {
            kind: PrincipalKind::Application,
            name: ctx.principal.actor().name,
            ..Principal::default()
        },
    };
    let own = user.as_ref().map_or("", |user| user.username.as_str());
    let requester = requester(request.requester.as_deref())?;
    let facts = Facts {
        principal,
        server: gate::server_of(&server),
        requester,
        interactive: requester == Requester::Human,
        ip: match &request.ip {
            Some(text) => Some(text.parse().map_err(|_| {
                ApiError::field(SOURCE, "ip", "ip must be an IPv4 or IPv6 address.")
            })?),
            None => Some(ctx.ip),
        },
        time: request.time.unwrap_or_else(now),
        username: request.username.clone().unwrap_or_else(|| own.to_owned()),
        in_session: true,
        detail,
    };
    let outcome = match &request.policy {
        Some(text) => {
            let source = Source {
                id: String::new(),
                name: "tested".to_owned(),
                version: 0,
                text: text.clone(),
            };
            let set = Set::compile(&[source])
                .map_err(|(_, error)| ApiError::field(SOURCE, "policy", error.to_string()))?;
            set.decide(&facts)
        }
        None => match ctx.app.guardrails.of(ctx.workspace_id()) {
            InForce::Nothing => Outcome::Pass,
            InForce::Set(set) => set.decide(&facts),
            InForce::Broken { name, reason } => {
                return Err(ApiError::conflict(format!(
                    "The guardrail {name} cannot be used: {reason}"
                )));
            }
        },
    };
    Ok(view::outcome(outcome))
}

async fn subject(ctx: &Ctx, username: Option<&str>) -> ApiResult<Option<user::Model>> {
    let Some(username) = username else {
        return Ok(ctx.principal.user().cloned());
    };
    let found = ctx.tenant().identity().user_by_name(username).await?;
    let user = found.ok_or_else(|| {
        ApiError::field(
            SOURCE,
            "user",
            "There is no such user; see: alpacon user ls",
        )
    })?;
    Ok(Some(user))
}

fn requester(word: Option<&str>) -> ApiResult<Requester> {
    match word {
        None | Some("human") => Ok(Requester::Human),
        Some("agent") => Ok(Requester::Agent),
        Some("ci") => Ok(Requester::Ci),
        Some(_) => Err(choice("requester", "human, agent or ci")),
    }
}

fn choice(field: &'static str, words: &str) -> ApiError {
    let mut refusal = ApiError::field(SOURCE, field, format!("{field} must be {words}."));
    refusal.code = Some(code::INVALID_CHOICE);
    refusal
}

fn detail<'a>(request: &TestGuardrail, line: &'a str, plan: &'a Plan) -> ApiResult<Detail<'a>> {
    let operation = Operation::ALL
        .into_iter()
        .find(|operation| operation.as_str() == request.operation)
        .ok_or_else(|| {
            let words: Vec<_> = Operation::ALL.map(Operation::as_str).into();
            choice("operation", &format!("one of: {}", words.join(", ")))
        })?;
    let path = || {
        let path = request.path.clone().unwrap_or_default();
        match path.is_empty() || path.len() > MAX_TEXT {
            true => Err(ApiError::missing(SOURCE, "path")),
            false => Ok(path),
        }
    };
    if matches!(operation, Operation::Command | Operation::Sudo)
        && (line.trim().is_empty() || line.len() > MAX_TEXT)
    {
        return Err(ApiError::missing(SOURCE, "line"));
    }
    Ok(match operation {
        Operation::Command => Detail::Command {
            line,
            plan,
            env: Vec::new(),
        },
        Operation::Sudo => Detail::Sudo {
            line,
            plan,
            run_as: request.run_as.clone().unwrap_or_else(|| "root".to_owned()),
        },
        Operation::Upload => Detail::Upload(path()?),
        Operation::Download => Detail::Download(path()?),
        Operation::Tunnel => Detail::Tunnel(
            request
                .port
                .filter(|port| *port > 0)
                .ok_or_else(|| ApiError::missing(SOURCE, "port"))?,
        ),
        Operation::Websh => Detail::Websh,
        Operation::Editor => Detail::Editor,
        Operation::WorkSession => Detail::WorkSession {
            scopes: request.scopes.clone(),
            has_command_rules: false,
            minutes: request.minutes.unwrap_or(60),
        },
    })
}
