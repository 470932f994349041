//! What went wrong, as a page.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::policy::Policy;
use crate::http::ApiError;

/// What a handler of a page gives back.
pub(crate) type PageResult<T> = Result<T, PageError>;

/// Why a page is not shown.
pub(crate) enum PageError {
    /// A refusal or a failure, shown as a page of its own.
    Failed(ApiError),
    /// Another answer instead, such as the way to the sign-in page.
    Elsewhere(Box<Response>),
}

impl PageError {
    pub(crate) fn elsewhere(response: Response) -> Self {
        Self::Elsewhere(Box::new(response))
    }

    /// A refusal in words for people.
    pub(crate) fn refused(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::Failed(ApiError::new(status, detail))
    }
}

impl<E: Into<ApiError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    heading: &'a str,
    detail: &'a str,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let error = match self {
            Self::Elsewhere(response) => return *response,
            Self::Failed(error) => error,
        };
        let page = ErrorPage {
            heading: heading(error.status),
            detail: &error.detail,
        };
        let Ok(html) = page.render() else {
            return error.into_response();
        };
        let mut response = (error.status, html).into_response();
        Policy::default().apply(response.headers_mut(), false);
        if let Some(seconds) = error.retry_after
            && let Ok(value) = HeaderValue::from_str(&seconds.to_string())
        {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }
}

fn heading(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::TOO_MANY_REQUESTS => "Too many attempts",
        StatusCode::GONE => "No longer valid",
        status if status.is_server_error() => "Something went wrong",
        _ => "This did not work",
    }
}
