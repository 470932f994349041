//! Pages of second factors.

mod authenticator;
mod confirm;
mod enrol;
mod factor_forms;
mod fresh;
mod passkey_sign_in;
mod passkeys;
mod password;
mod qr;
mod recovery_codes;
mod second_factor;
mod security;
mod sessions;
mod step_up;

pub(crate) use fresh::{confirm_path, is_proved_within};

use axum::Router;
use axum::routing::{get, post};
use serde::Deserialize;

use crate::app::SharedApp;
use crate::http::PublicCtx;
use crate::pages::local_path;

/// Asks a sign-in for a second factor.
pub(super) const SECOND_FACTOR: &str = "/login/second-factor/";
/// Has a sign-in set one up.
pub(super) const ENROL: &str = "/login/enrol/";
/// Signs in with a passkey alone.
const PASSKEY_SIGN_IN: &str = "/login/passkey/";
/// Factors, logins and the password of who is signed in.
const SECURITY: &str = "/account/security/";
/// Asks for a proof before any of that changes.
const CONFIRM: &str = "/account/security/confirm/";
const AUTHENTICATOR: &str = "/account/security/authenticator/";
const PASSKEYS: &str = "/account/security/passkeys/";
const RECOVERY_CODES: &str = "/account/security/recovery-codes/";
const PASSWORD: &str = "/account/security/password/";

/// Path of the page that proves presence for another login.
pub(super) fn step_up_path(token: &str) -> String {
    format!("/mfa/{token}/")
}

pub(crate) fn routes() -> Router<SharedApp> {
    Router::new()
        .route(
            SECOND_FACTOR,
            get(second_factor::show).post(second_factor::submit),
        )
        .route(ENROL, get(enrol::show))
        .route(
            PASSKEY_SIGN_IN,
            get(passkey_sign_in::show).post(passkey_sign_in::submit),
        )
        .route(SECURITY, get(security::show))
        .route(CONFIRM, get(confirm::show).post(confirm::submit))
        .route(
            AUTHENTICATOR,
            get(authenticator::show).post(authenticator::submit),
        )
        .route(PASSKEYS, get(passkeys::show).post(passkeys::submit))
        .route(
            RECOVERY_CODES,
            get(recovery_codes::show).post(recovery_codes::submit),
        )
        .route(PASSWORD, get(password::show).post(password::submit))
        .route(
            "/account/security/factors/{id}/remove/",
            post(security::remove),
        )
        .route("/account/security/sessions/{id}/end/", post(sessions::end))
        .route("/account/security/sessions/end/", post(sessions::end_all))
        .route("/mfa/{token}/", get(step_up::show).post(step_up::submit))
}

/// Path of the page that signs in with a passkey alone, where there can be one.
pub(crate) fn passkey_sign_in_path(ctx: &PublicCtx) -> Option<&'static str> {
    super::passkey::rp_id(ctx).map(|_| PASSKEY_SIGN_IN)
}

/// Where to go on, in a query or a form.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Next {
    next: String,
}

impl Next {
    /// A local path; the account's security page where none was named.
    fn path(&self) -> &str {
        next_path(&self.next)
    }
}

fn next_path(next: &str) -> &str {
    match local_path(next) {
        "/" => SECURITY,
        path => path,
    }
}
