//! From a token of a CI provider to a service token, under a trust rule.

use chrono::{DateTime, TimeDelta, Utc};
use protocol::id::{ApplicationId, TokenId, TrustRuleId};
use serde_json::{Map, Value, json};
use store::applications::NewServiceToken;
use store::audit::{Actor, AuditRecord};
use store::entity::{api_token, application, trust_rule};
use store::{StoreError, Unit, now};
use uuid::Uuid;

use super::conditions;
use super::rule::conditions_of;
use crate::crypto::token::{self, Token};
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::locks::Footing;
use crate::oidc::{self, Claims, OidcError};
use crate::tokens::scopes_of;

/// For refusals.
const SOURCE: &str = "subject_token";
/// A used token is remembered for longer than it can be used anywhere.
const REMEMBER: TimeDelta = TimeDelta::minutes(10);
/// Claims that are recorded, and bytes of each.
const MAX_RECORDED: usize = 64;
const MAX_RECORDED_TEXT: usize = 512;

/// What a job gets.
pub(crate) struct Issued {
    pub(crate) key: Token,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) scopes: Vec<String>,
}

/// Why a job gets nothing.
struct Refusal {
    error: ApiError,
    /// The job, if its token holds, and what it lacks.
    job: Option<(Claims, String)>,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self { error, job: None }
    }
}

/// Exchanges a token. `rule`: the name of the one to use, where several would do.
///
/// Refusals are counted per address, successes are not: many jobs share one.
pub(crate) async fn exchange(
    ctx: &PublicCtx,
    subject_token: &str,
    rule: Option<&str>,
) -> ApiResult<Issued> {
    let refused = match attempt(ctx, subject_token, rule).await {
        Ok(issued) => return Ok(issued),
        Err(refused) => refused,
    };
    if refused.error.status.is_client_error() {
        ctx.app.login_limiter.check(ctx.ip)?;
        if let Some((claims, why)) = &refused.job {
            deny(ctx, claims, why, &refused.error).await?;
        }
    }
    Err(refused.error)
}

async fn attempt(
    ctx: &PublicCtx,
    subject_token: &str,
    rule: Option<&str>,
) -> Result<Issued, Refusal> {
    let issuer = oidc::unverified_issuer(subject_token).map_err(refusal)?;
    // Only issuers that a rule names are gone to.
    let rules = ctx.tenant().trust().in_force(&issuer).await;
    let rules = rules.map_err(ApiError::from)?;
    if rules.is_empty() {
        return Err(not_trusted().into());
    }
    let audiences: Vec<&str> = rules.iter().map(|rule| rule.audience.as_str()).collect();
    let verified = ctx.app.issuers.verify(subject_token, &issuer, &audiences);
    let claims = verified.await.map_err(refusal)?;
    let chosen = match choose(rules, &claims, rule) {
        Ok(chosen) => chosen,
        Err(error) => {
            let why = "no trust rule lets this job in".to_owned();
            let job = Some((claims, why));
            return Err(Refusal { error, job });
        }
    };
    let unit = ctx.begin().await?;
    match issue(ctx, &unit, &chosen, &claims, subject_token).await {
        Ok(issued) => {
            unit.commit().await.map_err(ApiError::from)?;
            Ok(issued)
        }
        Err(error) => {
            let why = format!("trust rule {} gave nothing: {}", chosen.name, error.detail);
            let job = Some((claims, why));
            Err(Refusal { error, job })
        }
    }
}

fn not_trusted() -> ApiError {
    ApiError::invalid(
        SOURCE,
        "No trust rule of this workspace lets this job in; see: alpacon trust-rule ls",
    )
}

fn refusal(error: OidcError) -> ApiError {
    match error {
        OidcError::Unavailable { .. } => ApiError::unavailable(format!("The issuer {error}.")),
        other => ApiError::invalid(SOURCE, format!("Not accepted: {other}.")),
    }
}

/// The one rule that lets a job in.
fn choose(
    rules: Vec<trust_rule::Model>,
    claims: &Claims,
    name: Option<&str>,
) -> ApiResult<trust_rule::Model> {
    let audiences = claims.texts("aud");
    let mut fitting: Vec<trust_rule::Model> = rules
        .into_iter()
        .filter(|rule| name.is_none_or(|name| rule.name == name))
        .filter(|rule| audiences.contains(&rule.audience.as_str()))
        .filter(|rule| conditions::hold(&conditions_of(rule), claims))
        .collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(rule), true) => Ok(rule),
        (None, _) => Err(not_trusted()),
        (Some(last), false) => {
            fitting.push(last);
            let names: Vec<&str> = fitting.iter().map(|rule| rule.name.as_str()).collect();
            let detail = format!(
                "Several trust rules let this job in ({}); say which one to use: --rule NAME",
                names.join(", ")
            );
            Err(ApiError::invalid("rule", detail))
        }
    }
}

/// Issues the token. Reads again what may have changed while the issuer was asked.
async fn issue(
    ctx: &PublicCtx,
    unit: &Unit,
    chosen: &trust_rule::Model,
    claims: &Claims,
    subject_token: &str,
) -> ApiResult<Issued> {
    let tenant = unit.tenant();
    let rule = TrustRuleId(chosen.id);
    let current = tenant.trust().find(rule).await?.ok_or_else(not_trusted)?;
    let is_same = current.enabled
        && current.audience == chosen.audience
        && current.conditions == chosen.conditions
        && current.ttl == chosen.ttl;
    if !is_same {
        return Err(not_trusted());
    }
    let (parent, application) = parent(ctx, unit, &current).await?;
    let end = remembered_until(claims).ok_or_else(not_trusted)?;
    let fingerprint = fingerprint(subject_token, claims);
    let used = tenant.trust().use_up(&fingerprint, end).await;
    used.map_err(|error| match error {
        StoreError::Conflict(_) => ApiError::invalid(
            SOURCE,
            "This token was exchanged before; each is good for one exchange. Get a new one.",
        ),
        other => other.into(),
    })?;
    let expires_at = now() + TimeDelta::seconds(current.ttl);
    let expires_at = parent
        .expires_at
        .map_or(expires_at, |end| end.min(expires_at));
    let key = Token::generate(token::SERVICE)?;
    let scopes = scopes_of(&parent);
    let row = tenant
        .applications()
        .create_token(NewServiceToken {
            application: ApplicationId(application.id),
            name: format!("{} {}", current.name, Uuid::now_v7()),
            key_hash: key.hash(),
            scopes: scopes.clone(),
            expires_at: Some(expires_at),
            issued_from: Some(TokenId(parent.id)),
        })
        .await?;
    let (from, to) = (TokenId(parent.id), TokenId(row.id));
    tenant.acl().copy(from, to).await?;
    tenant.trust().note_use(rule).await?;
    let subject = claims.text("sub").unwrap_or_default();
    unit.audit(AuditRecord {
        actor: Actor {
            kind: "application",
            id: Some(application.id),
            name: application.name.clone(),
        },
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "service_token",
        object_id: Some(row.id),
        action: "issue",
        status_code: 200,
        description: format!(
            "issued a service token of application {} to {subject} by trust rule {}",
            application.name, current.name
        ),
        data: json!({
            "trust_rule": current.id, "service_token": parent.id, "issuer": current.issuer,
            "expires_at": expires_at, "claims": recorded(claims),
        }),
    })
    .await?;
    Ok(Issued {
        key,
        expires_at,
        scopes,
    })
}

/// The token that the issued one is like, if it may be used itself.
async fn parent(
    ctx: &PublicCtx,
    unit: &Unit,
    rule: &trust_rule::Model,
) -> ApiResult<(api_token::Model, application::Model)> {
    let tenant = unit.tenant();
    let id = TokenId(rule.token_id);
    // First, so that a lock or a change in between is seen below or sees what is issued.
    let token = tenant.applications().hold_token(id).await?;
    let footing = Footing {
        token: Some(id),
        ..Footing::default()
    };
    if let Some(held) = ctx.app.locks.on(ctx.workspace_id(), &footing) {
        return Err(held.refusal());
    }
    let ended = || {
        let detail = "The service token of the trust rule is disabled or has expired, or its \
                      application is locked.";
        ApiError::forbidden(detail)
    };
    let token = token
        .filter(|token| token.enabled && token.expires_at.is_none_or(|end| end > now()))
        .ok_or_else(ended)?;
    let owner = ApplicationId(rule.application_id);
    let owner = tenant.applications().find(owner).await?;
    let owner = owner.filter(|owner| owner.is_active).ok_or_else(ended)?;
    Ok((token, owner))
}

/// How long a token is remembered. None: its end is no time.
fn remembered_until(claims: &Claims) -> Option<DateTime<Utc>> {
    let end = DateTime::from_timestamp(claims.seconds("exp")?, 0)?;
    end.max(now()).checked_add_signed(REMEMBER)
}

/// What makes a token the same one: its id where it has one, else what was signed. Not
/// the signature: some can be rewritten without the key.
fn fingerprint(subject_token: &str, claims: &Claims) -> String {
    let issuer = claims.text("iss").unwrap_or_default();
    match claims.text("jti").filter(|id| !id.is_empty()) {
        Some(id) => token::hash(&format!("jti\n{issuer}\n{id}")),
        None => {
            let signed = subject_token
                .rsplit_once('.')
                .map_or("", |(signed, _)| signed);
            token::hash(&format!("token\n{signed}"))
        }
    }
}

/// Records that a job was refused whose token holds.
async fn deny(ctx: &PublicCtx, claims: &Claims, why: &str, error: &ApiError) -> ApiResult<()> {
    let unit = ctx.begin().await?;
    let subject = claims.text("sub").unwrap_or_default();
    unit.audit(AuditRecord {
        actor: Actor::system(),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "service_token",
        object_id: None,
        action: "deny",
        status_code: error.status.as_u16(),
        description: format!("{subject} was refused: {why}"),
        data: json!({"claims": recorded(claims)}),
    })
    .await?;
    Ok(unit.commit().await?)
}

/// The claims as the audit trail keeps them: bounded.
fn recorded(claims: &Claims) -> Map<String, Value> {
    let is_small = |value: &Value| match value {
        Value::String(text) => text.len() <= MAX_RECORDED_TEXT,
        Value::Array(_) | Value::Object(_) => value.to_string().len() <= MAX_RECORDED_TEXT,
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    };
    claims
        .0
        .iter()
        .filter(|(name, value)| name.len() <= MAX_RECORDED_TEXT && is_small(value))
        .take(MAX_RECORDED)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(value: &Value) -> Claims {
        Claims(value.as_object().unwrap().clone())
    }

    #[test]
    fn a_token_is_known_again_whatever_its_signature() {
        let named = claims(&json!({"iss": "a", "jti": "1"}));
        assert_eq!(fingerprint("x.y.z", &named), fingerprint("p.q.r", &named));
        let foreign = claims(&json!({"iss": "b", "jti": "1"}));
        assert_ne!(fingerprint("x.y.z", &named), fingerprint("x.y.z", &foreign));
        let unnamed = claims(&json!({"iss": "a"}));
        assert_eq!(
            fingerprint("x.y.z", &unnamed),
            fingerprint("x.y.Z", &unnamed)
        );
        assert_ne!(
            fingerprint("x.y.z", &unnamed),
            fingerprint("x.Y.z", &unnamed)
        );
    }

    #[test]
    fn a_token_is_remembered_past_its_end() {
        let until = |end: i64| remembered_until(&claims(&json!({"exp": end})));
        let end = now().timestamp() + 300;
        assert_eq!(until(end).unwrap().timestamp(), end + 600);
        assert!(until(0).unwrap() > now());
        for end in [DateTime::<Utc>::MAX_UTC.timestamp(), i64::MAX, i64::MIN] {
            assert!(until(end).is_none(), "{end}");
        }
        assert!(remembered_until(&claims(&json!({}))).is_none());
    }

    #[test]
    fn records_are_bounded() {
        let long = "x".repeat(MAX_RECORDED_TEXT + 1);
        let mut value = json!({"long": long, "list": [long], "sub": "s"});
        let members = value.as_object_mut().unwrap();
        for number in 0..100 {
            members.insert(format!("z{number:03}"), json!(number));
        }
        let kept = recorded(&claims(&value));
        assert_eq!(kept.len(), MAX_RECORDED);
        assert!(kept.contains_key("sub") && !kept.contains_key("long"));
        assert!(!kept.contains_key("list"));
    }
}
