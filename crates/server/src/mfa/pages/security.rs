//! The account's security: factors, logins, password.

use askama::Template;
use axum::response::Response;
use chrono::{DateTime, Utc};
use protocol::id::{FactorId, UserId};
use store::entity::{login, mfa_factor};

use super::{AUTHENTICATOR, PASSKEYS, PASSWORD, RECOVERY_CODES, SECURITY, fresh};
use crate::http::Id;
use crate::identity::sessions;
use crate::mfa::{Method, enrolment, passkey, policy};
use crate::pages::{Form, Frame, Nothing, PageResult, SignedIn, redirect};

#[derive(Template)]
#[template(path = "security.html")]
struct SecurityPage {
    frame: Frame,
    factors: Vec<FactorRow>,
    recovery: u64,
    is_required: bool,
    authenticator: Option<&'static str>,
    passkeys: Option<&'static str>,
    recovery_codes: &'static str,
    password: Option<&'static str>,
    logins: Vec<LoginRow>,
}

struct FactorRow {
    id: FactorId,
    name: String,
    kind: &'static str,
    added: String,
    used: String,
    /// A passkey of another host name.
    elsewhere: Option<String>,
}

struct LoginRow {
    id: uuid::Uuid,
    what: String,
    detail: String,
    from: String,
    since: String,
    is_current: bool,
}

pub(super) async fn show(signed_in: SignedIn) -> PageResult<Response> {
    let user = signed_in.user();
    let id = UserId(user.id);
    let enrolled = fresh::enrolled(&signed_in, user).await?;
    let logins = sessions::list(&signed_in, id).await?;
    let settings = &signed_in.workspace.settings;
    let offers = |method| enrolment::is_offered(&signed_in, method);
    let rp_id = passkey::rp_id(&signed_in);
    let page = SecurityPage {
        frame: signed_in.frame(),
        factors: enrolled
            .iter()
            .map(|row| factor_row(row, rp_id.as_deref()))
            .collect(),
        recovery: signed_in.tenant().mfa().count_recovery_codes(id).await?,
        is_required: settings.mfa_required,
        authenticator: offers(Method::Totp).then_some(AUTHENTICATOR),
        passkeys: offers(Method::Webauthn).then_some(PASSKEYS),
        recovery_codes: RECOVERY_CODES,
        password: user.password_hash.as_ref().map(|_| PASSWORD),
        logins: logins
            .into_iter()
            .map(|row| login_row(row, signed_in.session.login.id))
            .collect(),
    };
    signed_in.render(&page)
}

pub(super) async fn remove(Id(id): Id<FactorId>, form: Form<Nothing>) -> PageResult<Response> {
    let Nothing {} = form.data;
    let signed_in = SignedIn::of(form.page)?;
    fresh::require(&signed_in, SECURITY).await?;
    enrolment::remove(&signed_in, signed_in.user(), id).await?;
    redirect(SECURITY)
}

fn factor_row(row: &mfa_factor::Model, rp_id: Option<&str>) -> FactorRow {
    let method = policy::kind(row);
    FactorRow {
        id: FactorId(row.id),
        name: row.name.clone(),
        kind: method.label(),
        added: day(row.added_at),
        used: row.used_at.map(day).unwrap_or_default(),
        elsewhere: (method == Method::Webauthn && rp_id != Some(&row.rp_id))
            .then(|| row.rp_id.clone()),
    }
}

fn login_row(row: login::Model, current: uuid::Uuid) -> LoginRow {
    let what = match row.method.as_str() {
        "browser" => "Browser",
        "oauth" => "Alpacon CLI or application",
        _ => "Password login of the API",
    };
    LoginRow {
        id: row.id,
        what: what.to_owned(),
        detail: row.user_agent,
        from: row.remote_ip,
        since: minute(row.seen_at.unwrap_or(row.added_at)),
        is_current: row.id == current,
    }
}

fn day(time: DateTime<Utc>) -> String {
    time.format("%-d %b %Y").to_string()
}

fn minute(time: DateTime<Utc>) -> String {
    time.format("%-d %b %Y, %H:%M UTC").to_string()
}
