//! What a workspace wants of second factors. Nothing here asks the database.

use chrono::{DateTime, TimeDelta, Utc};
use store::entity::mfa_factor;

use super::Method;
use crate::identity::sign_in::Factors;
use crate::workspace::Settings;

/// The first factor of whoever signs in with a passkey.
pub(crate) const PASSKEY: &str = "passkey";

/// What a proof stands beside where somebody is signed in already.
pub(crate) const SESSION: &str = "session";

/// Evidence of a second factor at an identity provider whose settings say that it counts.
/// For signing in only: presence is proved here.
pub(crate) const FEDERATED: &str = "federated";

/// Whether the workspace takes `method` as a second factor.
pub(crate) fn allows(settings: &Settings, method: Method) -> bool {
    method == Method::RecoveryCode
        || settings.allowed_mfa_methods.is_empty()
        || settings
            .allowed_mfa_methods
            .iter()
            .any(|name| Method::parse(name) == Some(method))
}

/// What a sign-in still needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Nothing,
    /// A factor that the user has.
    Proof,
    /// A factor that the user has to set up first.
    Enrolment,
}

/// What a sign-in by `first` needs of a user with `enrolled` factors who proved `proved`
/// beside it.
pub(crate) fn missing(
    settings: &Settings,
    first: &str,
    enrolled: &[mfa_factor::Model],
    proved: &Factors,
) -> Missing {
    let methods = || proved.keys().filter_map(|name| Method::parse(name));
    let is_vouched = proved.contains_key(FEDERATED);
    if is_vouched || methods().any(|method| allows(settings, method)) {
        return Missing::Nothing;
    }
    let usable = usable(settings, first, enrolled);
    // Whoever has a factor proves it even where it does not suffice: a password alone
    // must not be enough to set up another one.
    if !usable.is_empty() && methods().next().is_none() {
        return Missing::Proof;
    }
    let suffices = |row: &&mfa_factor::Model| allows(settings, kind(row));
    if !settings.mfa_required {
        Missing::Nothing
    } else if usable.iter().any(suffices) {
        Missing::Proof
    } else {
        Missing::Enrolment
    }
}

/// The factors that may be proved after `first`: what the workspace allows; where the
/// user has none of that, whatever there is. A passkey is not proved twice.
pub(crate) fn usable<'a>(
    settings: &Settings,
    first: &str,
    enrolled: &'a [mfa_factor::Model],
) -> Vec<&'a mfa_factor::Model> {
    let others = || {
        enrolled
            .iter()
            .filter(|row| first != PASSKEY || kind(row) != Method::Webauthn)
    };
    let allowed: Vec<_> = others().filter(|row| allows(settings, kind(row))).collect();
    if allowed.is_empty() {
        others().collect()
    } else {
        allowed
    }
}

/// When a factor that the workspace takes was last proved, if recently enough.
pub(crate) fn presence(
    settings: &Settings,
    proved: &Factors,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let limit = TimeDelta::seconds(settings.mfa_timeout);
    proved
        .iter()
        .filter(|(name, _)| Method::parse(name).is_some_and(|method| allows(settings, method)))
        .map(|(_, time)| *time)
        .filter(|time| *time <= now && now - *time < limit)
        .max()
}

/// What kind of factor a row is.
pub(crate) fn kind(row: &mfa_factor::Model) -> Method {
    if row.kind == store::mfa::WEBAUTHN {
        Method::Webauthn
    } else {
        Method::Totp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "password";

    fn row(kind: &str) -> mfa_factor::Model {
        mfa_factor::Model {
            id: uuid::Uuid::nil(),
            workspace_id: uuid::Uuid::nil(),
            user_id: uuid::Uuid::nil(),
            kind: kind.to_owned(),
            name: String::new(),
            rp_id: String::new(),
            credential_id: None,
            secret: None,
            credential: None,
            last_step: 0,
            added_at: store::now(),
            used_at: None,
        }
    }

    fn proved(names: &[&str]) -> Factors {
        names
            .iter()
            .map(|name| ((*name).to_owned(), store::now()))
            .collect()
    }

    fn settings(required: bool, allowed: &[&str]) -> Settings {
        Settings {
            mfa_required: required,
            allowed_mfa_methods: allowed.iter().map(|name| (*name).to_owned()).collect(),
            ..Settings::default()
        }
    }

    /// Required, allowed, first factor, enrolled, proved beside it; what is missing.
    type Case<'a> = (
        bool,
        &'a [&'a str],
        &'a str,
        &'a [&'a mfa_factor::Model],
        &'a [&'a str],
        Missing,
    );

    #[test]
    fn what_a_sign_in_needs() {
        let both = ["totp", "webauthn"];
        let (totp, passkey) = (row("totp"), row("webauthn"));
        let table: &[Case<'_>] = &[
            (false, &both, PASSWORD, &[], &[], Missing::Nothing),
            (true, &both, PASSWORD, &[], &[], Missing::Enrolment),
            (false, &both, PASSWORD, &[&totp], &[], Missing::Proof),
            (
                false,
                &both,
                PASSWORD,
                &[&totp],
                &["totp"],
                Missing::Nothing,
            ),
            (
                true,
                &both,
                PASSWORD,
                &[&totp],
                &["recovery_code"],
                Missing::Nothing,
            ),
            // A factor that is not allowed any more still guards the account …
            (
                false,
                &["webauthn"],
                PASSWORD,
                &[&totp],
                &[],
                Missing::Proof,
            ),
            (true, &["webauthn"], PASSWORD, &[&totp], &[], Missing::Proof),
            // … and does not suffice.
            (
                false,
                &["webauthn"],
                PASSWORD,
                &[&totp],
                &["totp"],
                Missing::Nothing,
            ),
            (
                true,
                &["webauthn"],
                PASSWORD,
                &[&totp],
                &["totp"],
                Missing::Enrolment,
            ),
            (
                true,
                &["totp"],
                PASSWORD,
                &[&totp, &passkey],
                &["webauthn"],
                Missing::Proof,
            ),
            // A passkey as first factor, where it does not count as both.
            (false, &both, PASSKEY, &[&passkey], &[], Missing::Nothing),
            (true, &both, PASSKEY, &[&passkey], &[], Missing::Enrolment),
            (
                false,
                &both,
                PASSKEY,
                &[&totp, &passkey],
                &[],
                Missing::Proof,
            ),
            // What is no second factor proves none.
            (
                true,
                &both,
                PASSWORD,
                &[&totp],
                &["password", "email"],
                Missing::Proof,
            ),
        ];
        for (required, allowed, first, enrolled, names, expected) in table {
            let rows: Vec<_> = enrolled.iter().map(|row| (*row).clone()).collect();
            let found = missing(&settings(*required, allowed), first, &rows, &proved(names));
            assert_eq!(found, *expected, "{required} {allowed:?} {first} {names:?}");
        }
    }

    #[test]
    fn presence_is_recent_allowed_and_not_of_the_future() {
        let settings = settings(false, &["totp"]);
        let now = store::now();
        let at = |name: &str, seconds: i64| {
            Factors::from([(name.to_owned(), now - TimeDelta::seconds(seconds))])
        };
        let limit = settings.mfa_timeout;
        for (factors, expected) in [
            (at("totp", 0), true),
            (at("totp", limit - 1), true),
            (at("totp", limit), false),
            (at("totp", -1), false),
            (at("webauthn", 0), false),
            (at("recovery_code", 0), true),
            (at("password", 0), false),
            (Factors::new(), false),
        ] {
            let found = presence(&settings, &factors, now).is_some();
            assert_eq!(found, expected, "{factors:?}");
        }
    }
}
