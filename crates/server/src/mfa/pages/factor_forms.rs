//! The forms that ask for a second factor, the same on every page that does.

use protocol::id::UserId;
use serde::Deserialize;
use store::entity::{mfa_factor, user};

use crate::http::ApiResult;
use crate::identity::guesses::Acquaintance;
use crate::mfa::proof::{self, Presented};
use crate::mfa::{Method, passkey, policy};
use crate::pages::{PageCtx, SignedIn};

/// What `factor_forms.html` shows.
pub(super) struct FactorForms {
    /// Where the forms go.
    pub(super) action: String,
    /// Where to go on after that.
    pub(super) next: String,
    /// An authenticator app may be used.
    pub(super) totp: bool,
    /// Options of `navigator.credentials.get`, where a passkey may be used.
    pub(super) passkey: Option<String>,
    /// The user has recovery codes.
    pub(super) recovery: bool,
}

impl FactorForms {
    /// Forms for `usable` factors of `user`.
    pub(super) async fn new(
        page: &PageCtx,
        user: &user::Model,
        usable: &[&mfa_factor::Model],
        action: &str,
        next: &str,
    ) -> ApiResult<Self> {
        let passkeys = passkey::of_here(page, usable.iter().copied());
        let passkey = if passkeys.is_empty() {
            None
        } else {
            let options = passkey::begin_proof(page, &page.browser, &passkeys).await?;
            Some(options.to_string())
        };
        let left = page
            .tenant()
            .mfa()
            .count_recovery_codes(UserId(user.id))
            .await?;
        Ok(Self {
            action: action.to_owned(),
            next: next.to_owned(),
            totp: usable.iter().any(|row| policy::kind(row) == Method::Totp),
            passkey,
            recovery: left > 0,
        })
    }

    /// Nothing of what the user has works here.
    pub(super) fn is_empty(&self) -> bool {
        !self.totp && !self.recovery && self.passkey.is_none()
    }
}

/// What the forms send.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    pub(super) code: String,
    pub(super) answer: String,
    pub(super) next: String,
}

impl Answer {
    pub(super) fn presented<'a>(&'a self, page: &'a PageCtx) -> Presented<'a> {
        if self.answer.is_empty() {
            Presented::Code(&self.code)
        } else {
            Presented::Passkey(&page.browser, &self.answer)
        }
    }

    /// Proves one of the `enrolled` factors of who is signed in.
    pub(super) async fn prove(
        &self,
        signed_in: &SignedIn,
        enrolled: &[mfa_factor::Model],
    ) -> ApiResult<Method> {
        let usable = policy::usable(&signed_in.workspace.settings, policy::SESSION, enrolled);
        let presented = self.presented(signed_in);
        let who = Acquaintance::Known(signed_in.session.login_id().to_string());
        proof::prove(signed_in, signed_in.user(), &usable, presented, who).await
    }

    /// Neither a code nor a passkey: a passkey's button without scripts.
    pub(super) fn is_empty(&self) -> bool {
        self.code.trim().is_empty() && self.answer.is_empty()
    }
}
