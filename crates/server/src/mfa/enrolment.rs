//! Setting factors up and removing them. Who may do that the pages decide: only after a
//! fresh proof of who is there, see [`super::pages`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use http::StatusCode;
use protocol::id::{FactorId, UserId};
use serde_json::json;
use store::entity::{mfa_factor, user};
use store::mfa::NewFactor;

use super::challenge::{self, Purpose};
use super::totp::Seed;
use super::{Method, passkey, policy, proof, record, recovery};
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::identity::browser::Browser;

/// Factors of a user.
const MAX_FACTORS: usize = 20;
/// Characters of a factor's name.
const MAX_NAME: usize = 64;

/// The seed that is being set up in this browser: the same while its user tries.
pub(super) async fn seed(ctx: &PublicCtx, browser: &Browser) -> ApiResult<Seed> {
    if let Some(text) = challenge::peek::<String>(ctx, browser, Purpose::Totp).await?
        && let Some(seed) = decode(&text)
    {
        return Ok(seed);
    }
    let seed = Seed::generate()?;
    let text = STANDARD.encode(seed.as_bytes());
    challenge::put(ctx, browser, Purpose::Totp, "", &text).await?;
    Ok(seed)
}

fn decode(text: &str) -> Option<Seed> {
    Seed::from_bytes(&STANDARD.decode(text).ok()?)
}

/// Adds the authenticator app that shows `code` for the seed of this browser.
pub(super) async fn add_totp(
    ctx: &PublicCtx,
    browser: &Browser,
    user: &user::Model,
    name: &str,
    code: &str,
) -> ApiResult<()> {
    let pending: Option<String> = challenge::peek(ctx, browser, Purpose::Totp).await?;
    let seed = pending.as_deref().and_then(decode).ok_or_else(|| {
        ApiError::new(
            StatusCode::GONE,
            "This took too long. Scan the new QR code and try again.",
        )
    })?;
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let step = seed.step_of(&code, Utc::now().timestamp()).ok_or_else(|| {
        ApiError::field(
            "mfa",
            "code",
            "The code is not right. Check that the clock of the device is, wait for the \
                 next code and try again.",
        )
    })?;
    let secret = ctx
        .app
        .keys
        .sealing
        .seal(&proof::seed_purpose(UserId(user.id)), seed.as_bytes())
        .map_err(ApiError::internal)?;
    // Of two answers one adds the app.
    challenge::take::<String>(ctx, browser, Purpose::Totp, "").await?;
    add(ctx, user, name, NewFactor::Totp { secret, step }).await
}

/// Adds the passkey that the browser made.
pub(super) async fn add_passkey(
    ctx: &PublicCtx,
    browser: &Browser,
    user: &user::Model,
    name: &str,
    answer: &str,
) -> ApiResult<()> {
    let new = passkey::finish_registration(ctx, browser, user, answer).await?;
    add(ctx, user, name, new).await
}

async fn add(ctx: &PublicCtx, user: &user::Model, name: &str, new: NewFactor) -> ApiResult<()> {
    let method = match new {
        NewFactor::Totp { .. } => Method::Totp,
        NewFactor::Passkey { .. } => Method::Webauthn,
    };
    require_allowed(ctx, method)?;
    let name = checked_name(name, method)?;
    let unit = ctx.begin().await?;
    let id = UserId(user.id);
    let mfa = unit.tenant().mfa();
    if mfa.factors(id).await?.len() >= MAX_FACTORS {
        return Err(ApiError::conflict(
            "You have many factors already; remove one first.",
        ));
    }
    let row = mfa.add_factor(id, &name, new).await.map_err(|error| {
        if matches!(error, store::StoreError::Conflict(_)) {
            ApiError::conflict("This passkey is registered already.")
        } else {
            error.into()
        }
    })?;
    let description = format!("{} set up the {} {name}", user.username, method.label());
    let data = json!({"method": method.as_str(), "name": name});
    unit.audit(record::change(
        ctx,
        user,
        "create",
        Some(row.id),
        description,
        data,
    ))
    .await?;
    Ok(unit.commit().await?)
}

/// Whether a factor by `method` can be set up here: the workspace takes it, and a passkey
/// can be made for this address.
pub(super) fn is_offered(ctx: &PublicCtx, method: Method) -> bool {
    policy::allows(&ctx.workspace.settings, method)
        && (method != Method::Webauthn || passkey::rp_id(ctx).is_some())
}

/// Refuses to set up what the workspace does not take.
pub(super) fn require_allowed(ctx: &PublicCtx, method: Method) -> ApiResult<()> {
    if policy::allows(&ctx.workspace.settings, method) {
        return Ok(());
    }
    Err(ApiError::forbidden(
        "This workspace does not take this kind of second factor; choose another one.",
    ))
}

fn checked_name(name: &str, method: Method) -> ApiResult<String> {
    let name = name.trim();
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(ApiError::field(
            "mfa",
            "name",
            format!("A name has at most {MAX_NAME} characters."),
        ));
    }
    Ok(if name.is_empty() {
        method.label()
    } else {
        name
    }
    .to_owned())
}

/// Removes a factor. Without any left, the recovery codes go too: they stand in for
/// something that is no more.
pub(super) async fn remove(ctx: &PublicCtx, user: &user::Model, id: FactorId) -> ApiResult<()> {
    let unit = ctx.begin().await?;
    let owner = UserId(user.id);
    let mfa = unit.tenant().mfa();
    let rows = mfa.factors(owner).await?;
    let row = find(&rows, id)?;
    let suffices =
        |row: &mfa_factor::Model| policy::allows(&ctx.workspace.settings, policy::kind(row));
    if ctx.workspace.settings.mfa_required
        && suffices(row)
        && !rows
            .iter()
            .any(|other| other.id != row.id && suffices(other))
    {
        return Err(ApiError::conflict(
            "This workspace requires a second factor; set up another one before you remove this one.",
        ));
    }
    if !mfa.remove_factor(owner, id).await? {
        return Err(ApiError::not_found());
    }
    if rows.len() == 1 {
        mfa.remove_all(owner).await?;
    }
    let method = policy::kind(row);
    let description = format!(
        "{} removed the {} {}",
        user.username,
        method.label(),
        row.name
    );
    let data = json!({"method": method.as_str(), "name": row.name});
    unit.audit(record::change(
        ctx,
        user,
        "delete",
        Some(id.0),
        description,
        data,
    ))
    .await?;
    Ok(unit.commit().await?)
}

fn find(rows: &[mfa_factor::Model], id: FactorId) -> ApiResult<&mfa_factor::Model> {
    rows.iter()
        .find(|row| row.id == id.0)
        .ok_or_else(ApiError::not_found)
}

/// New recovery codes, in place of the old ones. They are shown once.
pub(super) async fn new_recovery_codes(
    ctx: &PublicCtx,
    user: &user::Model,
) -> ApiResult<Vec<String>> {
    let codes = recovery::generate()?;
    let unit = ctx.begin().await?;
    let id = UserId(user.id);
    let mfa = unit.tenant().mfa();
    if mfa.factors(id).await?.is_empty() {
        return Err(ApiError::conflict(
            "Recovery codes stand in for a second factor; set one up first.",
        ));
    }
    let hashes = codes.iter().filter_map(|code| recovery::hash(code));
    mfa.replace_recovery_codes(id, hashes).await?;
    let description = format!("{} made new recovery codes", user.username);
    let data = json!({"method": Method::RecoveryCode.as_str(), "count": codes.len()});
    unit.audit(record::change(ctx, user, "create", None, description, data))
        .await?;
    unit.commit().await?;
    Ok(codes)
}
