//! Servers joining and leaving (`agent-control.md` §4).

use std::collections::BTreeMap;

use http::{HeaderMap, StatusCode};
use protocol::agent::{Register, Registered};
use protocol::auth::extension;
use protocol::code;
use protocol::id::{GroupId, ServerId, UserId};
use protocol::order::OrderKey;
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::registration_token;
use store::fleet::NewServer;
use store::identity::EVERYONE;
use store::{Unit, now};

use super::slug;
use crate::app::App;
use crate::crypto::token::{self, Token, random_hex};
use crate::http::{AgentCtx, ApiError, ApiResult, PublicCtx};
use crate::identity::Credential;

/// What the agent's package can be built for.
pub(super) const PLATFORMS: [&str; 4] = ["debian", "rhel", "darwin", "windows"];
/// Hex digits that make a requested name unique.
const SUFFIX_LENGTH: usize = 6;
/// Tags of one server.
const MAX_TAGS: usize = 64;
/// Characters of a tag's name and of its value.
const MAX_TAG_NAME: usize = 128;
const MAX_TAG_VALUE: usize = 1024;
/// Extensions an agent may name, and characters of each.
const MAX_EXTENSIONS: usize = 32;
const MAX_EXTENSION: usize = 64;

/// Registers the host that presents a registration token.
pub(super) async fn register(
    ctx: &PublicCtx,
    headers: &HeaderMap,
    request: Register,
) -> ApiResult<Registered> {
    let token = registration_token(ctx, headers).await?;
    slug::check(&request.name)?;
    check_platform(&request.platform)?;
    check_tags(&request.tags)?;
    check_extensions(&request.extensions)?;
    let wants_orders = request
        .extensions
        .iter()
        .any(|name| name == extension::SIGNED_ORDERS);
    let key = Token::generate(token::AGENT)?;
    let name = slug::with_suffix(&request.name, &random_hex(SUFFIX_LENGTH)?);

    let unit = ctx.begin().await?;
    let groups = groups(&unit, &token).await?;
    let server = unit
        .tenant()
        .fleet()
        .create(NewServer {
            name: name.clone(),
            platform: request.platform,
            key_hash: key.hash(),
            extensions: request.extensions,
            tags: request.tags,
            owner: token.created_by.map(UserId),
            remote_ip: ctx.ip.to_string(),
            groups: groups.clone(),
        })
        .await?;
    unit.audit(AuditRecord {
        actor: Actor::agent(server.id, &name),
        ip: ctx.ip.to_string(),
        app: "server",
        model: "server",
        object_id: Some(server.id),
        action: "register",
        status_code: StatusCode::CREATED.as_u16(),
        description: format!("server {name} registered with the token {}", token.name),
        data: json!({
            "registration_token": token.id,
            "platform": server.platform,
            "groups": groups,
            "signed_orders": wants_orders,
        }),
    })
    .await?;
    unit.commit().await?;
    Ok(Registered {
        id: server.id.to_string(),
        key: key.reveal().to_owned(),
        name,
        order_key: wants_orders.then(|| order_key(&ctx.app)),
    })
}

/// The registration token of a request, usable. What is unknown, disabled or
/// expired reads the same; guessing is slowed down.
async fn registration_token(
    ctx: &PublicCtx,
    headers: &HeaderMap,
) -> ApiResult<registration_token::Model> {
    if let Credential::Token(key) = Credential::of(headers)? {
        let found = ctx
            .tenant()
            .fleet()
            .registration_token_by_hash(&token::hash(&key))
            .await?;
        if let Some(row) = found.filter(is_usable) {
            return Ok(row);
        }
    }
    ctx.app.login_limiter.check(ctx.ip)?;
    Err(ApiError::unauthenticated(
        "The registration token is not valid, disabled or expired; create a new one: \
         alpacon server token create",
    ))
}

/// The groups of a new server: those of its token, or else the built-in one. A token
/// whose groups are all gone says who should not see its servers, so they join none.
async fn groups(unit: &Unit, token: &registration_token::Model) -> ApiResult<Vec<GroupId>> {
    let identity = unit.tenant().identity();
    let allowed = allowed_groups(token);
    if !allowed.is_empty() {
        return Ok(identity.existing_groups(allowed).await?);
    }
    let everyone = identity.group_by_name(EVERYONE).await?;
    Ok(everyone.into_iter().map(|row| GroupId(row.id)).collect())
}

fn is_usable(row: &registration_token::Model) -> bool {
    row.enabled && row.expires_at.is_none_or(|time| time > now())
}

/// Groups of a stored token.
pub(super) fn allowed_groups(row: &registration_token::Model) -> Vec<GroupId> {
    serde_json::from_value(row.allowed_groups.clone()).unwrap_or_default()
}

fn order_key(app: &App) -> OrderKey {
    OrderKey {
        key_id: app.keys.orders.id().to_owned(),
        algorithm: "Ed25519".to_owned(),
        public_key: app.keys.orders.public_hex(),
    }
}

/// Refuses platforms that no agent runs on.
pub(super) fn check_platform(platform: &str) -> ApiResult<()> {
    if PLATFORMS.contains(&platform) {
        return Ok(());
    }
    let mut refusal = ApiError::field(
        "server",
        "platform",
        "platform must be one of: debian, rhel, darwin, windows.",
    );
    refusal.code = Some(code::INVALID_CHOICE);
    Err(refusal)
}

/// Refuses tags beyond the bounds.
pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> ApiResult<()> {
    let refuse = |detail: String| Err(ApiError::field("server", "tags", detail));
    if tags.len() > MAX_TAGS {
        return refuse(format!("A server has at most {MAX_TAGS} tags."));
    }
    for (name, value) in tags {
        let name_fits = (1..=MAX_TAG_NAME).contains(&name.chars().count());
        if !name_fits || value.chars().count() > MAX_TAG_VALUE {
            return refuse(format!(
                "The name of a tag has 1 to {MAX_TAG_NAME} characters, its value at most \
                 {MAX_TAG_VALUE}."
            ));
        }
        if name.contains('\0') || value.contains('\0') {
            return refuse("A tag cannot contain NUL characters.".to_owned());
        }
    }
    Ok(())
}

fn check_extensions(extensions: &[String]) -> ApiResult<()> {
    let fits = extensions.len() <= MAX_EXTENSIONS
        && extensions
            .iter()
            .all(|name| name.len() <= MAX_EXTENSION && !name.contains('\0'));
    if fits {
        return Ok(());
    }
    Err(ApiError::field(
        "server",
        "extensions",
        format!("At most {MAX_EXTENSIONS} extensions of {MAX_EXTENSION} bytes each."),
    ))
}

/// Removes the calling agent's own server.
pub(super) async fn unregister(ctx: &AgentCtx) -> ApiResult<()> {
    let name = &ctx.server.name;
    let unit = ctx.begin().await?;
    unit.tenant().fleet().delete(ctx.server_id()).await?;
    unit.audit(AuditRecord {
        actor: ctx.actor(),
        ip: ctx.ip.to_string(),
        app: "server",
        model: "server",
        object_id: Some(ctx.server.id),
        action: "unregister",
        status_code: StatusCode::NO_CONTENT.as_u16(),
        description: format!("server {name} unregistered itself"),
        data: json!({}),
    })
    .await?;
    unit.commit().await?;
    ctx.app.agents.close(ctx.server_id());
    Ok(())
}

/// Refuses an agent that names another server than its own.
pub(super) fn check_own(ctx: &AgentCtx, id: ServerId) -> ApiResult<()> {
    if id == ctx.server_id() {
        Ok(())
    } else {
        Err(ApiError::not_found())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn tags_are_bounded_in_count_and_size() {
        assert!(check_tags(&tags(&[("env", "prod"), ("cloud:region", "")])).is_ok());
        assert!(check_tags(&tags(&[("", "x")])).is_err());
        assert!(check_tags(&tags(&[("a", &"x".repeat(MAX_TAG_VALUE + 1))])).is_err());
        assert!(check_tags(&tags(&[("a", "\0")])).is_err());
        let many = (0..=MAX_TAGS).map(|n| (n.to_string(), String::new()));
        assert!(check_tags(&many.collect()).is_err());
    }

    #[test]
    fn platforms_are_the_four_of_the_agent() {
        for platform in PLATFORMS {
            assert!(check_platform(platform).is_ok());
        }
        let refusal = check_platform("plan9").unwrap_err();
        assert_eq!(refusal.code, Some("invalid_choice"));
    }

    #[test]
    fn tokens_end_by_time_and_by_switch() {
        let row = |enabled, expires_in: Option<i64>| registration_token::Model {
            id: uuid::Uuid::nil(),
            workspace_id: uuid::Uuid::nil(),
            name: String::new(),
            key_hash: String::new(),
            allowed_groups: json!([]),
            enabled,
            created_by: None,
            expires_at: expires_in.map(|seconds| now() + chrono::TimeDelta::seconds(seconds)),
            added_at: now(),
        };
        assert!(is_usable(&row(true, None)));
        assert!(is_usable(&row(true, Some(60))));
        assert!(!is_usable(&row(true, Some(-1))));
        assert!(!is_usable(&row(false, None)));
    }
}
