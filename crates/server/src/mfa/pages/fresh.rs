//! Who may change factors: whoever is signed in and proved it a moment ago, or is
//! signing in and has to set one up first.

use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use protocol::id::UserId;
use store::entity::{mfa_factor, user};
use store::now;

use super::CONFIRM;
use crate::crypto::token::{self, Token};
use crate::http::ApiResult;
use crate::identity::sign_in::{self, Attempt, Outcome, factors_of};
use crate::mfa::policy::{self, Missing};
use crate::mfa::{Method, record};
use crate::pages::{
    PageCtx, PageError, PageResult, SIGN_IN, SignedIn, redirect, respond, with_next,
};

/// How long a proof is good for changes of the account.
const FRESH: TimeDelta = TimeDelta::minutes(5);
/// Noted in a login whose user proved the password again.
pub(super) const PASSWORD_AGAIN: &str = "password";

/// Whether who is signed in proved it within `limit`: with a factor, where the user has
/// one.
pub(crate) async fn is_proved_within(signed_in: &SignedIn, limit: TimeDelta) -> ApiResult<bool> {
    let enrolled = enrolled(signed_in, signed_in.user()).await?;
    let login = &signed_in.session.login;
    let proved = factors_of(&login.factors);
    let is_recent = |time: DateTime<Utc>| {
        let now = now();
        time <= now && now - time < limit
    };
    if enrolled.is_empty() {
        let again = proved.get(PASSWORD_AGAIN);
        return Ok(is_recent(login.added_at) || again.is_some_and(|time| is_recent(*time)));
    }
    Ok(proved
        .iter()
        .any(|(name, time)| Method::parse(name).is_some() && is_recent(*time)))
}

/// The page that takes such a proof and goes on to `next`, a local path.
pub(crate) fn confirm_path(next: &str) -> String {
    with_next(CONFIRM, next)
}

/// Sends whoever did not prove it a moment ago to do so, and back to `path`.
pub(super) async fn require(signed_in: &SignedIn, path: &str) -> PageResult<()> {
    if is_proved_within(signed_in, FRESH).await? {
        return Ok(());
    }
    Err(PageError::elsewhere(redirect(&confirm_path(path))?))
}

/// Notes in the browser's login that `factor` was proved, and replaces its cookie:
/// whoever has a copy of the old one has nothing now.
pub(super) async fn note(signed_in: &SignedIn, factor: &str) -> ApiResult<Token> {
    let cookie = Token::generate(token::BROWSER)?;
    let id = signed_in.session.login_id();
    let unit = signed_in.begin().await?;
    unit.tenant().mfa().prove(id, factor, now()).await?;
    unit.tenant()
        .identity()
        .replace_login_secret(id, cookie.hash())
        .await?;
    let name = &signed_in.user().username;
    let mut record = record::change(
        signed_in,
        signed_in.user(),
        "confirm",
        Some(id.0),
        format!("{name} proved again who they are"),
        serde_json::json!({"method": factor}),
    );
    record.model = "login";
    unit.audit(record).await?;
    unit.commit().await?;
    Ok(cookie)
}

/// Someone who may set up a factor now.
pub(super) enum Enrolling {
    SignedIn(SignedIn),
    SigningIn(PageCtx, Box<Attempt>),
}

impl Enrolling {
    /// Who is in front of `page`, or where to go instead and come back to `path` from.
    pub(super) async fn of(page: PageCtx, path: &str) -> PageResult<Self> {
        if page.browser.session.is_some() {
            let signed_in = SignedIn::of(page)?;
            require(&signed_in, path).await?;
            return Ok(Self::SignedIn(signed_in));
        }
        let Some(attempt) = sign_in::attempt(&page, &page.browser).await? else {
            return Err(PageError::elsewhere(redirect(&with_next(SIGN_IN, path))?));
        };
        let enrolled = enrolled(&page, &attempt.user).await?;
        let settings = &page.workspace.settings;
        let missing = policy::missing(settings, attempt.method(), &enrolled, &attempt.factors());
        if missing != Missing::Enrolment {
            return Err(PageError::elsewhere(redirect(super::SECOND_FACTOR)?));
        }
        Ok(Self::SigningIn(page, Box::new(attempt)))
    }

    pub(super) fn page(&self) -> &PageCtx {
        match self {
            Self::SignedIn(signed_in) => signed_in,
            Self::SigningIn(page, _) => page,
        }
    }

    pub(super) fn user(&self) -> &user::Model {
        match self {
            Self::SignedIn(signed_in) => signed_in.user(),
            Self::SigningIn(_, attempt) => &attempt.user,
        }
    }

    /// Sends the browser on after the user set up a factor by `method`, which proves it
    /// too.
    pub(super) async fn done(self, method: Method, next: &str) -> PageResult<Response> {
        let recovery = |next: &str| with_next(super::RECOVERY_CODES, next);
        match self {
            Self::SigningIn(page, attempt) => {
                let mut outcome =
                    sign_in::add_factor(&page, &page.browser, *attempt, method.as_str()).await?;
                if let Outcome::Done { next, .. } = &mut outcome {
                    *next = recovery(next);
                }
                respond(&page, outcome)
            }
            Self::SignedIn(signed_in) => {
                let cookie = note(&signed_in, method.as_str()).await?;
                let user = UserId(signed_in.user().id);
                let left = signed_in.tenant().mfa().count_recovery_codes(user).await?;
                let next = if left == 0 {
                    recovery(next)
                } else {
                    next.to_owned()
                };
                respond(&signed_in, Outcome::Done { user, next, cookie })
            }
        }
    }
}

/// The factors that a user has.
pub(super) async fn enrolled(
    page: &PageCtx,
    user: &user::Model,
) -> ApiResult<Vec<mfa_factor::Model>> {
    Ok(page.tenant().mfa().factors(UserId(user.id)).await?)
}
