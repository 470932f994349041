//! The one table from what went wrong to what the caller sees.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use protocol::{ErrorBody, code};
use serde_json::json;
use store::StoreError;

/// A refused or failed request. `detail` is for the caller; what only the
/// operator should see goes to the log where the error is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: Option<&'static str>,
    pub(crate) source: Option<&'static str>,
    pub(crate) detail: String,
    pub(crate) field: Option<&'static str>,
    pub(crate) retry_after: Option<u64>,
    /// For the audit record of the refusal; the caller does not see it.
    pub(crate) recorded: Option<Box<serde_json::Value>>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: None,
            source: None,
            detail: detail.into(),
            field: None,
            retry_after: None,
            recorded: None,
        }
    }

    pub(crate) fn code(mut self, code: &'static str, source: &'static str) -> Self {
        self.code = Some(code);
        self.source = Some(source);
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// Members for the audit record of the refusal.
    pub(crate) fn record(mut self, data: serde_json::Value) -> Self {
        self.recorded = Some(Box::new(data));
        self
    }

    /// The body or a parameter is not acceptable.
    pub(crate) fn invalid(source: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail).code(code::INVALID_INPUT, source)
    }

    /// One member of the body is not acceptable.
    pub(crate) fn field(
        source: &'static str,
        field: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            field: Some(field),
            ..Self::invalid(source, detail)
        }
    }

    /// A required member of the body is missing.
    pub(crate) fn missing(source: &'static str, field: &'static str) -> Self {
        Self {
            field: Some(field),
            ..Self::new(
                StatusCode::BAD_REQUEST,
                format!("The field {field} is required."),
            )
            .code(code::API_INSUFFICIENT_DATA, source)
        }
    }

    /// The credential is missing or no longer valid. Carries no code: that is what
    /// tells clients to log in again.
    pub(crate) fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// What does not exist, and what the caller may not know to exist.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found.")
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// Nothing was done; the caller may try again.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(1)
    }

    /// Our own mistake. The cause is logged, not shown.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal error; see the server's log.",
        )
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(_) => {
                Self::conflict("An object with these values exists already.")
            }
            StoreError::Dangling(_) => Self::invalid(
                "api",
                "The request refers to an object that does not exist.",
            ),
            StoreError::Stale => {
                Self::conflict("The object changed meanwhile; read it again and repeat.")
            }
            StoreError::Unavailable(cause) => {
                tracing::error!(%cause, "database unavailable");
                Self::unavailable("The database is not available; nothing was done. Try again.")
            }
            other => Self::internal(other),
        }
    }
}

impl From<crate::crypto::token::RandomError> for ApiError {
    fn from(error: crate::crypto::token::RandomError) -> Self {
        Self::internal(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = ErrorBody {
            code: self.code.map(str::to_owned),
            source: self.source.map(str::to_owned),
            detail: Some(self.detail),
            ..ErrorBody::default()
        };
        if let (Some(field), Some(detail)) = (self.field, &body.detail) {
            body.fields.insert(field.to_owned(), json!([detail]));
        }
        let mut response = (self.status, axum::Json(body)).into_response();
        if let Some(seconds) = self.retry_after
            && let Ok(value) = HeaderValue::from_str(&seconds.to_string())
        {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        if self.status == StatusCode::PAYLOAD_TOO_LARGE {
            // What was not read still comes; nobody may send another request after it.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }
}
