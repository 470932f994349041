//! An authorization request (RFC 6749 §4.1.1), read and checked.

use serde::Deserialize;
use url::Url;

use super::client::{self, Client};
use super::pkce;
use super::scope::Scope;
use crate::http::PublicCtx;

/// Longest `state` and `nonce`.
const MAX: usize = 1024;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    scope: String,
    state: String,
    nonce: String,
    prompt: String,
    code_challenge: String,
    code_challenge_method: String,
}

/// A request that may be asked the user about.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) client: Client,
    pub(super) redirect_uri: Url,
    /// As given: the exchange must repeat it.
    pub(super) redirect_text: String,
    pub(super) scope: Scope,
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) challenge: String,
}

/// Why a request is refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Nothing says that the client may be told: the user is.
    Shown(&'static str),
    /// The client is told, at its redirect URI.
    Told(Url),
}

/// Reads and checks a request. Where the code would go is checked first, because
/// every other refusal is sent there too.
pub(super) fn check(ctx: &PublicCtx, query: Query) -> Result<Request, Refusal> {
    if Client::find(&query.client_id) != Some(Client::Console) {
        return Err(Refusal::Shown(
            "The application that asks is not known here.",
        ));
    }
    let redirect_uri = Some(&query.redirect_uri)
        .filter(|uri| client::is_redirect(ctx, uri))
        .and_then(|uri| Url::parse(uri).ok())
        .ok_or(Refusal::Shown(
            "The application wants to be answered at an address that is not allowed.",
        ))?;
    let refuse = |error: &str, description: &str| {
        Err(Refusal::Told(refused(
            ctx,
            &redirect_uri,
            &query.state,
            error,
            description,
        )))
    };
    if query.state.is_empty() || query.state.len() > MAX || query.nonce.len() > MAX {
        return refuse(
            "invalid_request",
            "state is required and at most 1024 bytes",
        );
    }
    if query.response_type != "code" {
        return refuse("unsupported_response_type", "only code is supported");
    }
    if query.code_challenge_method != pkce::METHOD || !pkce::is_challenge(&query.code_challenge) {
        return refuse("invalid_request", "a code_challenge with S256 is required");
    }
    if query.prompt.split(' ').any(|word| word == "none") {
        return refuse("interaction_required", "the user is always asked");
    }
    let scope = Scope::parse(&query.scope).filter(|scope| {
        scope
            .organisation
            .as_ref()
            .is_none_or(|name| *name == ctx.workspace.name)
    });
    let Some(scope) = scope else {
        return refuse("invalid_scope", "the scope names another workspace");
    };
    Ok(Request {
        client: Client::Console,
        redirect_uri,
        redirect_text: query.redirect_uri,
        scope,
        state: query.state,
        nonce: query.nonce,
        challenge: query.code_challenge,
    })
}

/// The redirect that tells the client of a refusal (RFC 6749 §4.1.2.1, RFC 9207).
pub(super) fn refused(
    ctx: &PublicCtx,
    redirect_uri: &Url,
    state: &str,
    error: &str,
    description: &str,
) -> Url {
    let mut url = redirect_uri.clone();
    {
        let mut pairs = url.query_pairs_mut();
        pairs
            .append_pair("error", error)
            .append_pair("error_description", description)
            .append_pair("iss", &ctx.base_url);
        if !state.is_empty() && state.len() <= MAX {
            pairs.append_pair("state", state);
        }
    }
    url
}
