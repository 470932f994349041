//! Second factors: authenticator apps, passkeys, recovery codes; what a sign-in needs,
//! and proof that the person is there (`rest-identity.md` §13, `docs/mfa.md`).

mod admin;
mod challenge;
mod enrolment;
mod link;
mod method;
mod pages;
mod passkey;
mod policy;
mod presence;
mod proof;
mod record;
mod recovery;
mod routes;
mod sign_in;
mod totp;

pub(crate) use method::Method;
pub(crate) use pages::{
    confirm_path, is_proved_within, passkey_sign_in_path, routes as page_routes,
};
pub(crate) use policy::FEDERATED;
pub(crate) use presence::{
    is_proved_for, require as require_presence, require_for_settings, require_fresh,
};
pub(crate) use proof::Codes;
pub(crate) use routes::routes;
pub(crate) use sign_in::{check_login, check_password_change, missing_factor, suffices_here};
