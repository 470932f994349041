//! People and groups: who there is, who is in which group, and who may change that
//! (`rest-identity.md` §14, §17).

mod authority;
mod everyone;
mod group;
mod group_routes;
mod group_view;
mod membership;
mod membership_routes;
pub(crate) mod password;
mod user;
mod user_change;
mod user_end;
mod user_routes;
mod user_view;
mod username;

use utoipa_axum::router::OpenApiRouter;

use crate::app::SharedApp;

pub(crate) use authority::require_manager;
pub(crate) use everyone::ensure as ensure_everyone;
pub(crate) use user::{DEFAULT_SHELL, check_email};
pub(crate) use user_view::user as user_view;
pub(crate) use username::{check_own as check_username, in_use as username_in_use};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .merge(user_routes::routes())
        .merge(group_routes::routes())
        .merge(membership_routes::routes())
}
