//! The pages of a sign-in with a provider.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;
use store::Paging;
use store::entity::identity_provider;
use store::now;

use super::arrive::{self, Arrival};
use super::settings::read;
use super::{account, depart};
use crate::http::{ApiError, ApiResult, Params, PublicCtx};
use crate::identity::sign_in::{self, Factors, Proof};
use crate::mfa;
use crate::oidc::Claims;
use crate::pages::{Form, Frame, PageCtx, PageResult, local_path, respond};

/// Providers that are offered at once.
const MAX_BUTTONS: u64 = 20;

/// A provider on the sign-in page.
pub(crate) struct Button {
    pub(crate) slug: String,
    pub(crate) name: String,
}

/// The providers that people may sign in with, by name.
pub(crate) async fn buttons(ctx: &PublicCtx) -> ApiResult<Vec<Button>> {
    let page = Paging {
        page: 1,
        size: MAX_BUTTONS,
    };
    let (rows, _) = ctx.tenant().federation().providers(None, page).await?;
    let offered = rows.into_iter().filter(|row| row.enabled);
    let button = |row: identity_provider::Model| Button {
        slug: row.slug,
        name: row.name,
    };
    Ok(offered.map(button).collect())
}

#[derive(Template)]
#[template(path = "federation_leave.html")]
struct LeavePage<'a> {
    frame: Frame,
    name: &'a str,
    address: &'a str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Leave {
    next: String,
}

async fn provider(ctx: &PublicCtx, slug: &str) -> ApiResult<identity_provider::Model> {
    let found = ctx.tenant().federation().provider_by_slug(slug).await?;
    found
        .filter(|row| row.enabled)
        .ok_or_else(ApiError::not_found)
}

/// Sends the browser to the provider: by a page that leads there, because a form may
/// not end in a redirect to another origin.
pub(super) async fn leave(Path(slug): Path<String>, form: Form<Leave>) -> PageResult<Response> {
    let Form { page, data } = form;
    let provider = provider(&page, &slug).await?;
    let next = local_path(&data.next);
    let address = depart::depart(&page, &page.browser, &provider, next).await?;
    page.render(&LeavePage {
        frame: page.frame(),
        name: &provider.name,
        address: address.as_str(),
    })
}

/// The browser comes back.
pub(super) async fn come_back(
    Path(slug): Path<String>,
    page: PageCtx,
    Params(arrival): Params<Arrival>,
) -> PageResult<Response> {
    let provider = provider(&page, &slug).await?;
    let arrived = arrive::arrive(&page, &page.browser, &provider, &arrival).await?;
    let user = match account::resolve(&page, &provider, &arrived).await {
        Ok(user) => user,
        Err(error) => {
            account::deny(&page, &provider, &arrived, &error).await?;
            return Err(error.into());
        }
    };
    let proof = Proof {
        user,
        method: format!("oidc:{}", provider.slug),
        factors: factors(&provider, &arrived.claims),
        next: local_path(&arrived.next).to_owned(),
    };
    let outcome = sign_in::proceed(&page, &page.browser, proof).await?;
    respond(&page, outcome)
}

/// What of the sign-in at the provider counts as a second factor: nothing, unless the
/// provider's settings name the value that says so.
fn factors(provider: &identity_provider::Model, claims: &Claims) -> Factors {
    let accepted: Vec<String> = read(&provider.mfa_values);
    let mut said = claims.texts("amr").into_iter().chain(claims.text("acr"));
    let mut factors = Factors::new();
    if said.any(|value| accepted.iter().any(|it| it == value)) {
        factors.insert(mfa::FEDERATED.to_owned(), now());
    }
    factors
}
