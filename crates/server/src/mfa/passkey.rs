//! Passkeys (WebAuthn): user verification always, any attestation, discoverable.
//!
//! The relying party is the host name that the browser shows. A passkey works only for
//! the one it was made for; behind an address without a name there are none.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use protocol::id::{FactorId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};
use store::entity::{mfa_factor, user};
use store::mfa::NewFactor;
use url::{Host, Url};
use webauthn_rs::prelude::{
    AuthenticationResult, DiscoverableAuthentication, Passkey, PasskeyAuthentication,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Webauthn,
    WebauthnBuilder, WebauthnError,
};

use super::challenge::{self, Purpose};
use super::{Method, policy, record};
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::identity::browser::Browser;

/// Longest challenge that is looked for; ours have 43 characters.
const MAX_CHALLENGE: usize = 128;

/// The host name that passkeys are made for here; none where there is only an address.
pub(super) fn rp_id(ctx: &PublicCtx) -> Option<String> {
    match Url::parse(&ctx.base_url).ok()?.host()? {
        // Browsers offer passkeys on secure pages only.
        Host::Domain(name) if ctx.is_secure() || name == "localhost" => Some(name.to_owned()),
        Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// Those of `rows` that are passkeys of this host name.
pub(super) fn of_here<'a>(
    ctx: &PublicCtx,
    rows: impl IntoIterator<Item = &'a mfa_factor::Model>,
) -> Vec<&'a mfa_factor::Model> {
    let Some(rp_id) = rp_id(ctx) else {
        return Vec::new();
    };
    rows.into_iter()
        .filter(|row| policy::kind(row) == Method::Webauthn && row.rp_id == rp_id)
        .collect()
}

/// Options for the browser to make a passkey of `user` with.
pub(super) async fn begin_registration(
    ctx: &PublicCtx,
    browser: &Browser,
    user: &user::Model,
) -> ApiResult<Value> {
    let enrolled = ctx.tenant().mfa().factors(UserId(user.id)).await?;
    let known = of_here(ctx, &enrolled)
        .into_iter()
        .map(|row| credential(row).map(|passkey| passkey.cred_id().clone()))
        .collect::<ApiResult<_>>()?;
    let (options, state) = webauthn(ctx)?
        .start_passkey_registration(user.id, &user.username, &user.username, Some(known))
        .map_err(ApiError::internal)?;
    let mut options = json!(options);
    let name = offered(&options)?;
    challenge::put(ctx, browser, Purpose::Passkey, name, &state).await?;
    // Discoverable: it must be able to sign its user in without a name typed.
    if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection") {
        selection["residentKey"] = json!("required");
        selection["requireResidentKey"] = json!(true);
    }
    Ok(options)
}

/// The passkey that the browser made.
pub(super) async fn finish_registration(
    ctx: &PublicCtx,
    browser: &Browser,
    user: &user::Model,
    answer: &str,
) -> ApiResult<NewFactor> {
    let answer: RegisterPublicKeyCredential = read(answer)?;
    let name = answered(&answer.response.client_data_json)?;
    let state: PasskeyRegistration = challenge::take(ctx, browser, Purpose::Passkey, &name).await?;
    let passkey = match webauthn(ctx)?.finish_passkey_registration(&answer, &state) {
        Ok(passkey) => passkey,
        Err(error) => return Err(refuse(ctx, user, &error).await),
    };
    Ok(NewFactor::Passkey {
        credential_id: encode(passkey.cred_id()),
        credential: serde_json::to_value(&passkey).map_err(ApiError::internal)?,
        rp_id: rp_id(ctx).unwrap_or_default(),
    })
}

/// Options for the browser to prove one of `passkeys` with.
pub(super) async fn begin_proof(
    ctx: &PublicCtx,
    browser: &Browser,
    passkeys: &[&mfa_factor::Model],
) -> ApiResult<Value> {
    let passkeys = passkeys
        .iter()
        .map(|row| credential(row))
        .collect::<ApiResult<Vec<_>>>()?;
    let (options, state) = webauthn(ctx)?
        .start_passkey_authentication(&passkeys)
        .map_err(ApiError::internal)?;
    let options = json!(options);
    challenge::put(ctx, browser, Purpose::Proof, offered(&options)?, &state).await?;
    Ok(options)
}

/// Checks that the browser proved a passkey of `user`.
pub(super) async fn finish_proof(
    ctx: &PublicCtx,
    browser: &Browser,
    user: &user::Model,
    answer: &str,
) -> ApiResult<()> {
    let answer: PublicKeyCredential = read(answer)?;
    let name = answered(&answer.response.client_data_json)?;
    let state: PasskeyAuthentication = challenge::take(ctx, browser, Purpose::Proof, &name).await?;
    match webauthn(ctx)?.finish_passkey_authentication(&answer, &state) {
        Ok(result) => note_use(ctx, user, &result).await,
        Err(error) => Err(refuse(ctx, user, &error).await),
    }
}

/// Options for the browser to sign anybody in with.
pub(super) async fn begin_sign_in(ctx: &PublicCtx, browser: &Browser) -> ApiResult<Value> {
    let (options, state) = webauthn(ctx)?
        .start_discoverable_authentication()
        .map_err(ApiError::internal)?;
    let mut options = json!(options);
    let name = offered(&options)?;
    challenge::put(ctx, browser, Purpose::SignIn, name, &state).await?;
    // A button starts it, not the autofill of a field.
    if let Some(members) = options.as_object_mut() {
        members.remove("mediation");
    }
    Ok(options)
}

/// The user that the browser proved a passkey of.
pub(super) async fn finish_sign_in(
    ctx: &PublicCtx,
    browser: &Browser,
    answer: &str,
) -> ApiResult<user::Model> {
    let answer: PublicKeyCredential = read(answer)?;
    let name = answered(&answer.response.client_data_json)?;
    let state: DiscoverableAuthentication =
        challenge::take(ctx, browser, Purpose::SignIn, &name).await?;
    let webauthn = webauthn(ctx)?;
    let (id, credential_id) = webauthn
        .identify_discoverable_authentication(&answer)
        .map_err(|_| unknown())?;
    let user = ctx
        .tenant()
        .identity()
        .user(UserId(id))
        .await?
        .filter(|user| user.is_active)
        .ok_or_else(unknown)?;
    let enrolled = ctx.tenant().mfa().factors(UserId(user.id)).await?;
    let row = find(ctx, &enrolled, credential_id).ok_or_else(unknown)?;
    let passkey = credential(row)?;
    match webauthn.finish_discoverable_authentication_v2(&answer, state, &passkey) {
        Ok(result) => note_use(ctx, &user, &result).await?,
        Err(error) => return Err(refuse(ctx, &user, &error).await),
    }
    Ok(user)
}

/// Stores the new counter. One that does not go up belongs to a copy.
async fn note_use(
    ctx: &PublicCtx,
    user: &user::Model,
    result: &AuthenticationResult,
) -> ApiResult<()> {
    let unit = ctx.begin().await?;
    let enrolled = unit.tenant().mfa().factors(UserId(user.id)).await?;
    let id = find(ctx, &enrolled, result.cred_id())
        .map(|row| FactorId(row.id))
        .ok_or_else(unknown)?;
    // Again, and locked: another answer may have come since the challenge.
    let row = unit
        .tenant()
        .mfa()
        .lock_factor(UserId(user.id), id)
        .await?
        .ok_or_else(unknown)?;
    let mut passkey = credential(&row)?;
    let went_on = passkey.update_credential(result);
    if went_on.is_none() || (result.counter() > 0 && went_on == Some(false)) {
        drop(unit);
        return Err(refuse(ctx, user, &WebauthnError::CredentialPossibleCompromise).await);
    }
    let stored = serde_json::to_value(&passkey).map_err(ApiError::internal)?;
    unit.tenant().mfa().use_passkey(id, stored).await?;
    Ok(unit.commit().await?)
}

fn find<'a>(
    ctx: &PublicCtx,
    enrolled: &'a [mfa_factor::Model],
    credential_id: &[u8],
) -> Option<&'a mfa_factor::Model> {
    let wanted = encode(credential_id);
    of_here(ctx, enrolled)
        .into_iter()
        .find(|row| row.credential_id.as_deref() == Some(&wanted))
}

fn webauthn(ctx: &PublicCtx) -> ApiResult<Webauthn> {
    let refused = || {
        ApiError::conflict(
            "Passkeys need a host name and HTTPS; open this server by its name, not by its address.",
        )
    };
    let rp_id = rp_id(ctx).ok_or_else(refused)?;
    let origin = Url::parse(&ctx.base_url).map_err(ApiError::internal)?;
    WebauthnBuilder::new(&rp_id, &origin)
        .map(|builder| builder.rp_name("Alpacon"))
        .and_then(WebauthnBuilder::build)
        .map_err(ApiError::internal)
}

fn credential(row: &mfa_factor::Model) -> ApiResult<Passkey> {
    let stored = row.credential.clone().unwrap_or_default();
    serde_json::from_value(stored).map_err(ApiError::internal)
}

/// The challenge in options for the browser.
fn offered(options: &Value) -> ApiResult<&str> {
    let challenge = options.pointer("/publicKey/challenge");
    challenge
        .and_then(Value::as_str)
        .ok_or_else(|| ApiError::internal("options of a passkey without a challenge"))
}

/// The challenge that a browser says it answers; the signature covers it.
fn answered(client_data: &[u8]) -> ApiResult<String> {
    #[derive(Deserialize)]
    struct ClientData {
        challenge: String,
    }
    let data: ClientData = serde_json::from_slice(client_data).map_err(|_| unreadable())?;
    if data.challenge.is_empty() || data.challenge.len() > MAX_CHALLENGE {
        return Err(unreadable());
    }
    Ok(data.challenge)
}

fn read<T: serde::de::DeserializeOwned>(answer: &str) -> ApiResult<T> {
    serde_json::from_str(answer).map_err(|_| unreadable())
}

fn unreadable() -> ApiError {
    ApiError::invalid(
        "mfa",
        "The browser's answer is not one of a passkey. Go back, reload the page and try again.",
    )
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Same words whether the passkey, its user or the signature is not known.
fn unknown() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "The passkey was not accepted. Try again, or use another way.",
    )
}

async fn refuse(ctx: &PublicCtx, user: &user::Model, error: &WebauthnError) -> ApiError {
    tracing::info!(%error, user = %user.id, "a passkey was not accepted");
    record::failure(ctx, user, Some(Method::Webauthn)).await;
    unknown()
}
