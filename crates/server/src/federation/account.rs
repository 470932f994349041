//! Who somebody at a provider is here. Links decide; rules of the provider make them,
//! and never from an address that the provider has not verified.

use http::StatusCode;
use protocol::id::{ProviderId, UserId};
use serde_json::{Value, json};
use store::audit::{Actor, AuditRecord};
use store::entity::{identity_provider, user};
use store::federation::LinkRule;
use store::identity::NewUser;
use store::{StoreError, Unit};

use super::arrive::Arrived;
use super::groups;
use super::settings::read;
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::iam;
use crate::oidc::Claims;

/// Longest name taken over, characters.
const MAX_NAME: usize = 64;

/// The user behind an arrival, linked or made where the provider's rules say so, in the
/// groups that its claims name.
pub(super) async fn resolve(
    ctx: &PublicCtx,
    provider: &identity_provider::Model,
    arrived: &Arrived,
) -> ApiResult<user::Model> {
    let unit = ctx.begin().await?;
    let id = ProviderId(provider.id);
    let federation = unit.tenant().federation();
    let email = arrived.claims.text("email").unwrap_or_default();
    let known = federation.identity_of(id, &arrived.subject).await?;
    let user = match known {
        Some(link) => {
            let found = unit.tenant().identity().user(UserId(link.user_id)).await?;
            let user = found.ok_or_else(|| unknown(provider))?;
            // They may have become one since a rule linked them.
            if administers(&user) && link.rule != LinkRule::Superuser.as_str() {
                return Err(unconfirmed(provider));
            }
            federation.note_login(link, email).await?;
            user
        }
        None => admit(ctx, &unit, provider, arrived).await?,
    };
    if !user.is_active {
        // Nothing is kept: who is deactivated is not linked, and joins nothing.
        return Err(ApiError::forbidden("Your account here is not active."));
    }
    groups::apply(ctx, &unit, provider, &user, &arrived.claims).await?;
    unit.commit().await?;
    Ok(user)
}

/// Links or makes an account for somebody who has none here, if a rule says so.
async fn admit(
    ctx: &PublicCtx,
    unit: &Unit,
    provider: &identity_provider::Model,
    arrived: &Arrived,
) -> ApiResult<user::Model> {
    let domains: Vec<String> = read(&provider.email_domains);
    let email = vouched_email(&arrived.claims, &domains).ok_or_else(|| unknown(provider))?;
    let same = unit.tenant().identity().users_by_email(&email).await?;
    let (user, action, rule) = match same.as_slice() {
        [user] if provider.link_by_email && !administers(user) => {
            (user.clone(), "link", LinkRule::Email)
        }
        [] if provider.provision => (
            provision(unit, arrived, &email).await?,
            "provision",
            LinkRule::Provision,
        ),
        _ => return Err(unknown(provider)),
    };
    let id = UserId(user.id);
    let federation = unit.tenant().federation();
    let linked = federation.link(ProviderId(provider.id), &arrived.subject, id, &email, rule);
    let link = linked.await.map_err(|error| match error {
        StoreError::Conflict(_) => {
            ApiError::conflict("Somebody else just signed in as you; try again.")
        }
        other => other.into(),
    })?;
    federation.note_login(link, &email).await?;
    if rule == LinkRule::Provision {
        groups::join_defaults(unit, provider, id).await?;
    }
    unit.audit(AuditRecord {
        actor: Actor::user(&user),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "federated_identity",
        object_id: Some(user.id),
        action,
        status_code: StatusCode::OK.as_u16(),
        description: format!("{action} {email} by identity provider {}", provider.slug),
        data: json!({"provider": provider.id, "subject": arrived.subject, "email": email}),
    })
    .await?;
    Ok(user)
}

/// Records that somebody whom a provider vouches for was refused. Their subject is what
/// an administrator needs to link them.
pub(super) async fn deny(
    ctx: &PublicCtx,
    provider: &identity_provider::Model,
    arrived: &Arrived,
    error: &ApiError,
) -> ApiResult<()> {
    if !error.status.is_client_error() {
        return Ok(());
    }
    let unit = ctx.begin().await?;
    unit.audit(AuditRecord {
        actor: Actor::system(),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "federated_identity",
        object_id: Some(provider.id),
        action: "deny",
        status_code: error.status.as_u16(),
        description: format!(
            "sign-in of {} by identity provider {} refused: {}",
            arrived.subject, provider.slug, error.detail
        ),
        data: json!({
            "provider": provider.id, "subject": arrived.subject,
            "email": arrived.claims.text("email"),
            "email_verified": is_verified(&arrived.claims),
        }),
    })
    .await?;
    Ok(unit.commit().await?)
}

/// A provider must not be able to take over whoever administers it by a rule: for these a
/// superuser says who they are there.
fn administers(user: &user::Model) -> bool {
    user.is_superuser || user.is_staff
}

fn unconfirmed(provider: &identity_provider::Model) -> ApiError {
    ApiError::forbidden(format!(
        "Your account here administers this workspace, and no superuser has said that your \
         account at {} is yours; ask one to link it: alpacon identity-provider link",
        provider.name
    ))
}

fn unknown(provider: &identity_provider::Model) -> ApiError {
    ApiError::forbidden(format!(
        "You have no account here that belongs to your account at {}; ask an administrator \
         to link it.",
        provider.name
    ))
}

/// The address that the provider vouches for, if it is in one of `domains`.
fn vouched_email(claims: &Claims, domains: &[String]) -> Option<String> {
    let email = claims.text("email")?.trim().to_ascii_lowercase();
    let (mailbox, domain) = email.rsplit_once('@')?;
    let is_plain =
        !mailbox.is_empty() && !mailbox.contains('@') && iam::check_email(&email).is_ok();
    let is_listed = domains.iter().any(|listed| listed == domain);
    (is_verified(claims) && is_plain && is_listed).then_some(email)
}

/// True as a text is what some providers write; anything else is not verified.
fn is_verified(claims: &Claims) -> bool {
    match claims.0.get("email_verified") {
        Some(Value::Bool(is_verified)) => *is_verified,
        Some(Value::String(text)) => text == "true",
        _ => false,
    }
}

/// A new account without privileges, password or account name: that one is chosen
/// later, by the rules for account names. The address is not proven to us, so it joins
/// no accounts of other workspaces.
async fn provision(unit: &Unit, arrived: &Arrived, email: &str) -> ApiResult<user::Model> {
    let name = |claim: &str| {
        let text = arrived.claims.text(claim).unwrap_or_default();
        let plain = text.chars().filter(|c| !c.is_control());
        plain.take(MAX_NAME).collect::<String>()
    };
    Ok(unit
        .tenant()
        .identity()
        .create_user(NewUser {
            email: email.to_owned(),
            first_name: name("given_name"),
            last_name: name("family_name"),
            shell: iam::DEFAULT_SHELL.to_owned(),
            ..NewUser::default()
        })
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_verified_addresses_of_listed_domains_are_vouched_for() {
        let domains = ["example.com".to_owned()];
        let vouched = |email: &str, verified: Value| {
            let claims = json!({"email": email, "email_verified": verified});
            vouched_email(&Claims(claims.as_object().unwrap().clone()), &domains)
        };
        assert_eq!(
            vouched("Jane@Example.com", json!(true)).as_deref(),
            Some("jane@example.com")
        );
        assert!(vouched("jane@example.com", json!("true")).is_some());
        for verified in [
            json!(false),
            json!("false"),
            json!("yes"),
            json!(1),
            Value::Null,
        ] {
            assert!(
                vouched("jane@example.com", verified.clone()).is_none(),
                "{verified}"
            );
        }
        for email in [
            "",
            "@example.com",
            "jane@evil.example",
            "jane@sub.example.com",
            "jane@example.com.evil.example",
            "jane@evil.example@example.com",
            "jane@example.com\u{0}",
        ] {
            assert!(vouched(email, json!(true)).is_none(), "{email:?}");
        }
    }
}
