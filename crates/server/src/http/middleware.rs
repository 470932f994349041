//! What every request passes: request ids, traces, limits, a net for panics.

use std::any::Any;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::{HeaderName, HeaderValue, header};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

use super::{ApiError, ApiResult};
use crate::app::SharedApp;

/// Body limit of what people and tools send. Agents have their own.
const BODY_LIMIT: usize = 1024 * 1024;
/// Login attempts of one address, at once and per minute.
const LOGIN_BURST: NonZeroU32 = NonZeroU32::new(20).unwrap();
const LOGIN_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).unwrap();

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps the router in the common layers.
pub(crate) fn wrap(router: Router<SharedApp>, app: &SharedApp) -> Router<SharedApp> {
    let measured = axum::middleware::from_fn_with_state(app.clone(), measure);
    router
        // Inside the router, so that the matched path is known.
        .route_layer(measured)
        .layer(
            ServiceBuilder::new()
                .layer(SetRequestIdLayer::new(REQUEST_ID.clone(), MakeRequestUuid))
                .layer(SetSensitiveRequestHeadersLayer::new([
                    header::AUTHORIZATION,
                    header::COOKIE,
                ]))
                .layer(TraceLayer::new_for_http().make_span_with(PathOnlySpan))
                .layer(PropagateRequestIdLayer::new(REQUEST_ID.clone()))
                .layer(SetResponseHeaderLayer::if_not_present(
                    header::X_CONTENT_TYPE_OPTIONS,
                    HeaderValue::from_static("nosniff"),
                ))
                .layer(SetResponseHeaderLayer::if_not_present(
                    header::CACHE_CONTROL,
                    HeaderValue::from_static("no-store"),
                ))
                .layer(CatchPanicLayer::custom(panicked)),
        )
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

/// URLs of WebSockets carry credentials and query strings carry names: spans get
/// the path template only.
#[derive(Clone)]
struct PathOnlySpan;

impl<B> tower_http::trace::MakeSpan<B> for PathOnlySpan {
    fn make_span(&mut self, request: &http::Request<B>) -> tracing::Span {
        let path = request
            .extensions()
            .get::<MatchedPath>()
            .map_or("-", MatchedPath::as_str);
        let id = request
            .headers()
            .get(&REQUEST_ID)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        tracing::info_span!("http", method = %request.method(), path, id)
    }
}

async fn measure(State(app): State<SharedApp>, request: Request, next: Next) -> Response {
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    let method = request.method().clone();
    let started = std::time::Instant::now();
    let response = next.run(request).await;
    app.metrics
        .request(&method, path, response.status(), started.elapsed());
    response
}

#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let cause = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    ApiError::internal(format!("panic: {cause}")).into_response()
}

/// Slows down guessing: one bucket per source address.
pub(crate) struct LoginLimiter(DefaultKeyedRateLimiter<IpAddr>);

impl LoginLimiter {
    pub(crate) fn new() -> Self {
        let quota = Quota::per_minute(LOGIN_PER_MINUTE).allow_burst(LOGIN_BURST);
        Self(RateLimiter::keyed(quota))
    }

    pub(crate) fn check(&self, ip: IpAddr) -> ApiResult<()> {
        self.0.check_key(&ip).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            ApiError::new(
                http::StatusCode::TOO_MANY_REQUESTS,
                "Too many login attempts from this address; wait and try again.",
            )
            .retry_after(wait.max(Duration::from_secs(1)).as_secs())
        })
    }

    /// Forgets addresses that have been quiet.
    pub(crate) fn sweep(&self) {
        self.0.retain_recent();
    }
}
