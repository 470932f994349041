//! What handlers take: each extractor refuses bad input in our own words.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::StatusCode;
use http::header::{self, HeaderMap};
use http::request::Parts;
use protocol::id::WorkspaceId;
use serde::de::DeserializeOwned;
use serde_json::Value;
use store::audit::Actor;
use store::entity::server;

use super::{ApiError, ApiResult};
use crate::app::{App, SharedApp};
use crate::identity::{Credential, Identity, Principal, authenticate};
use crate::locks;
use crate::workspace::Workspace;

/// The address of the peer, put there by the listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// The connection itself is TLS.
    pub(crate) secure: bool,
}

/// A request to a workspace, whoever makes it.
#[derive(Clone)]
pub(crate) struct PublicCtx {
    pub(crate) app: SharedApp,
    pub(crate) workspace: Arc<Workspace>,
    /// Where the request came from.
    pub(crate) ip: IpAddr,
    /// `http(s)://host[:port]` as the caller reaches us.
    pub(crate) base_url: String,
}

impl PublicCtx {
    pub(crate) fn workspace_id(&self) -> WorkspaceId {
        self.workspace.id
    }

    /// A context for work that no request asked for.
    pub(crate) fn internal(app: SharedApp, workspace: Arc<Workspace>) -> Self {
        let base_url = workspace.public_url(&app.config).unwrap_or_default();
        Self {
            app,
            workspace,
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            base_url,
        }
    }

    /// The caller reaches us by TLS, here or at a proxy.
    pub(crate) fn is_secure(&self) -> bool {
        self.base_url.starts_with("https://")
    }

    /// The same address for WebSockets.
    pub(crate) fn websocket_base(&self) -> String {
        self.base_url.replacen("http", "ws", 1)
    }

    /// Queries of the workspace.
    pub(crate) fn tenant(&self) -> store::Tenant<'_, store::Connection> {
        self.app.store.tenant(self.workspace.id)
    }

    /// A unit of work in the workspace.
    pub(crate) async fn begin(&self) -> ApiResult<store::Unit> {
        Ok(self.app.store.begin(self.workspace.id).await?)
    }
}

impl PublicCtx {
    /// Where a request goes, whether or not that is being served.
    fn of_request(parts: &Parts, app: &SharedApp) -> ApiResult<Self> {
        let peer = parts.extensions.get::<Peer>().copied();
        let host = parts
            .headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok())
            .or_else(|| parts.uri.authority().map(http::uri::Authority::as_str))
            .unwrap_or_default()
            .to_owned();
        let workspace = app
            .workspaces
            .by_host(&host)
            .ok_or_else(no_such_workspace)?;
        let base_url = match workspace.url_of_request(&app.config, &host) {
            Some(url) => url,
            None => {
                let secure = peer
                    .is_some_and(|peer| peer.secure || proxied_https(peer, &parts.headers, app));
                format!("{}://{host}", if secure { "https" } else { "http" })
            }
        };
        Ok(Self {
            ip: client_ip(peer, &parts.headers, app),
            app: app.clone(),
            workspace,
            base_url,
        })
    }
}

impl FromRequestParts<SharedApp> for PublicCtx {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> ApiResult<Self> {
        let ctx = Self::of_request(parts, app)?;
        ctx.workspace.require_enabled()?;
        Ok(ctx)
    }
}

fn no_such_workspace() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "No workspace is served under this host name; check the address.",
    )
    .code(protocol::code::WORKSPACE_NOT_FOUND, "workspace")
}

/// Whether a trusted proxy says that its own caller came by HTTPS.
fn proxied_https(peer: Peer, headers: &HeaderMap, app: &App) -> bool {
    app.config
        .server
        .trusted_proxies
        .contains(&peer.address.ip().to_canonical())
        && headers
            .get("x-forwarded-proto")
            .is_some_and(|proto| proto == "https")
}

/// The caller's address: the peer's, or what a trusted proxy says it is.
fn client_ip(peer: Option<Peer>, headers: &HeaderMap, app: &App) -> IpAddr {
    let ip = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| {
        peer.address.ip().to_canonical()
    });
    if !app.config.server.trusted_proxies.contains(&ip) {
        return ip;
    }
    headers
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.rsplit(',').next()?.trim().parse::<IpAddr>().ok())
        .unwrap_or(ip)
}

/// A request of an authenticated principal.
#[derive(Clone)]
pub(crate) struct Ctx {
    pub(crate) public: PublicCtx,
    pub(crate) principal: Principal,
}

impl Deref for Ctx {
    type Target = PublicCtx;
    fn deref(&self) -> &PublicCtx {
        &self.public
    }
}

impl FromRequestParts<SharedApp> for Ctx {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> ApiResult<Self> {
        match Caller::from_request_parts(parts, app).await? {
            Caller::Principal(ctx) => Ok(ctx),
            Caller::Agent(_) => Err(ApiError::forbidden("This endpoint is not for agents.")),
        }
    }
}

/// A request of a registered server's agent.
#[derive(Clone)]
pub(crate) struct AgentCtx {
    pub(crate) public: PublicCtx,
    pub(crate) server: Arc<server::Model>,
}

impl AgentCtx {
    pub(crate) fn server_id(&self) -> protocol::id::ServerId {
        protocol::id::ServerId(self.server.id)
    }

    /// For the audit trail.
    pub(crate) fn actor(&self) -> Actor {
        Actor::agent(self.server.id, &self.server.name)
    }
}

impl Deref for AgentCtx {
    type Target = PublicCtx;
    fn deref(&self) -> &PublicCtx {
        &self.public
    }
}

impl FromRequestParts<SharedApp> for AgentCtx {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> ApiResult<Self> {
        match Caller::from_request_parts(parts, app).await? {
            Caller::Agent(ctx) => Ok(ctx),
            Caller::Principal(_) => Err(ApiError::forbidden("This endpoint is for agents only.")),
        }
    }
}

/// A request of either kind, for the few endpoints that serve both.
pub(crate) enum Caller {
    Principal(Ctx),
    Agent(AgentCtx),
}

impl FromRequestParts<SharedApp> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> ApiResult<Self> {
        let public = PublicCtx::of_request(parts, app)?;
        let credential = Credential::of(&parts.headers)?;
        let kind = credential.kind();
        let started = Instant::now();
        let identity = authenticate(&public, credential).await?;
        app.metrics.authentication(kind, started.elapsed());
        Ok(match identity {
            Identity::Principal(principal) => {
                public.workspace.require_enabled()?;
                locks::admit(&public, &principal)?;
                Self::Principal(Ctx { public, principal })
            }
            // Agents stay: they carry out the end of what runs, and report it.
            Identity::Agent(server) => Self::Agent(AgentCtx {
                public,
                server: Arc::new(*server),
            }),
        })
    }
}

/// A JSON body of people and tools. `null` and nothing at all read as an empty
/// object, because clients send them for calls without arguments. No text in it
/// may hold a NUL character: nothing we store or run can.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<SharedApp> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &SharedApp) -> ApiResult<Self> {
        let bytes = read_body(request, app).await?;
        if holds_nul(&bytes) {
            return Err(ApiError::invalid(
                "api",
                "The request holds a NUL character.",
            ));
        }
        decode_body(&bytes).map(Self)
    }
}

/// A JSON body of an agent: what hosts report may hold any character, and is
/// cleaned where it is stored.
pub(crate) struct AgentBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<SharedApp> for AgentBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &SharedApp) -> ApiResult<Self> {
        decode_body(&read_body(request, app).await?).map(Self)
    }
}

async fn read_body(request: Request, app: &SharedApp) -> ApiResult<Bytes> {
    Bytes::from_request(request, app)
        .await
        .map_err(|rejection| {
            let status = rejection.status();
            let detail = match status {
                StatusCode::PAYLOAD_TOO_LARGE => "The request body is too large.",
                _ => "The request body could not be read.",
            };
            ApiError::new(status, detail)
        })
}

fn decode_body<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    let text: &[u8] = match bytes.trim_ascii() {
        b"" | b"null" => b"{}",
        text => text,
    };
    serde_json::from_slice(text).map_err(|error| body_error(&error))
}

/// Whether a JSON text holds a NUL character in a string. The escape alone may
/// stand for something else (behind another backslash), so it is read to be sure.
fn holds_nul(bytes: &[u8]) -> bool {
    fn inside(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains('\0'),
            Value::Array(items) => items.iter().any(inside),
            Value::Object(members) => members
                .iter()
                .any(|(name, value)| name.contains('\0') || inside(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
    let escape = br"\u0000";
    bytes.windows(escape.len()).any(|window| window == escape)
        && serde_json::from_slice::<Value>(bytes).is_ok_and(|value| inside(&value))
}

/// Says where and why, without repeating what the body holds.
fn body_error(error: &serde_json::Error) -> ApiError {
    use serde_json::error::Category;
    match error.classify() {
        Category::Syntax | Category::Eof => ApiError::invalid(
            "api",
            format!(
                "The request body is not valid JSON (line {}, column {}).",
                error.line(),
                error.column()
            ),
        ),
        Category::Data | Category::Io => {
            let text = error.to_string();
            let reason = text.split(" at line ").next().unwrap_or_default();
            // Up to the first quote: what follows is the caller's own value.
            let reason = reason
                .split(['"', '`'])
                .next()
                .unwrap_or_default()
                .trim_end();
            ApiError::invalid(
                "api",
                format!(
                    "The request body does not have the expected form: {reason} \
                     (line {}, column {}).",
                    error.line(),
                    error.column()
                ),
            )
        }
    }
}

/// Query parameters.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<SharedApp> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> ApiResult<Self> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(ApiError::invalid(
                "api",
                "The request holds a NUL character.",
            ));
        }
        Query::<T>::from_request_parts(parts, app)
            .await
            .map(|Query(params)| Self(params))
            .map_err(|_| {
                ApiError::invalid("api", "A query parameter does not have the expected form.")
            })
    }
}

/// An id in the path. What is not an id names nothing: 404.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr<Err: fmt::Debug> + Send> FromRequestParts<SharedApp> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> ApiResult<Self> {
        let Path(text) = Path::<String>::from_request_parts(parts, app)
            .await
            .map_err(|_| ApiError::not_found())?;
        text.parse().map(Self).map_err(|_| ApiError::not_found())
    }
}

/// An optional id in the query; the empty text is none.
pub(crate) fn optional_id<T: FromStr>(
    name: &'static str,
    text: Option<&str>,
) -> ApiResult<Option<T>> {
    match text {
        None | Some("") => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_| ApiError::field("api", name, format!("{name} must be a UUID."))),
    }
}

/// An optional `true` or `false` in the query; the empty text is neither.
pub(crate) fn optional_flag(name: &'static str, text: Option<&str>) -> ApiResult<Option<bool>> {
    match text {
        None | Some("") => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(ApiError::field(
            "api",
            name,
            format!("{name} must be true or false."),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::holds_nul;

    #[test]
    fn only_real_nul_characters_count() {
        assert!(holds_nul(br#"{"a": ["x\u0000y"]}"#));
        assert!(holds_nul(br#"{"\u0000": 1}"#));
        assert!(!holds_nul(br#"{"line": "printf '\\u0000'"}"#));
        assert!(!holds_nul(br#"{"a": "b"}"#));
    }
}
