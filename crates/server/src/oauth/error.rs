//! Refusals as OAuth words them (RFC 6749 §5.2, RFC 8628 §3.5): the `error` decides.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::http::ApiError;

/// A refusal of an OAuth endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: String,
    retry_after: Option<u64>,
}

/// What an OAuth endpoint gives back.
pub(super) type OAuthResult<T> = Result<T, OAuthError>;

impl OAuthError {
    pub(super) fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description: description.into(),
            retry_after: None,
        }
    }

    pub(super) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    pub(super) fn invalid_client() -> Self {
        Self::new("invalid_client", "The client is not known here.")
    }

    /// One answer for every grant that does not hold, whatever is wrong with it.
    pub(super) fn invalid_grant() -> Self {
        Self::new(
            "invalid_grant",
            "The grant is not valid, expired or withdrawn; log in again.",
        )
    }
}

impl From<ApiError> for OAuthError {
    fn from(error: ApiError) -> Self {
        let name = match error.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                "temporarily_unavailable"
            }
            status if status.is_server_error() => "server_error",
            _ => "invalid_request",
        };
        Self {
            status: error.status,
            error: name,
            description: error.detail,
            retry_after: error.retry_after,
        }
    }
}

impl From<store::StoreError> for OAuthError {
    fn from(error: store::StoreError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<crate::crypto::token::RandomError> for OAuthError {
    fn from(error: crate::crypto::token::RandomError) -> Self {
        ApiError::from(error).into()
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = json!({
            "error": self.error,
            "error_description": self.description,
            // For clients that read errors of the API.
            "detail": self.description,
        });
        let mut response = (self.status, axum::Json(body)).into_response();
        if let Some(seconds) = self.retry_after
            && let Ok(value) = HeaderValue::from_str(&seconds.to_string())
        {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }
}
