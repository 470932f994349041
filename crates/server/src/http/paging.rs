//! Paging parameters. Every list's filter flattens one of these into its own
//! closed set of fields.

use protocol::Page;
use protocol::page::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE};
use serde::Deserialize;
use store::Paging;

use super::{ApiError, ApiResult};

/// `page` and `page_size`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// From 1.
    #[serde(default)]
    page: Option<String>,
    /// At most 100; 15 by default.
    #[serde(default)]
    page_size: Option<String>,
}

impl PageParams {
    pub(crate) fn paging(&self) -> ApiResult<Paging> {
        let number = |name: &'static str, text: &Option<String>, default: u64| match text.as_deref()
        {
            None | Some("") => Ok(default),
            Some(text) => text.parse::<u64>().ok().filter(|n| *n > 0).ok_or_else(|| {
                ApiError::field(
                    "api",
                    name,
                    format!("{name} must be a positive whole number."),
                )
            }),
        };
        Ok(Paging {
            page: number("page", &self.page, 1)?,
            size: number("page_size", &self.page_size, DEFAULT_PAGE_SIZE)?.min(MAX_PAGE_SIZE),
        })
    }

    /// Whether the caller asked for a page at all.
    pub(crate) fn is_given(&self) -> bool {
        self.page.is_some() || self.page_size.is_some()
    }
}

/// The page that `rows` are, out of `count`.
pub(crate) fn page<T>(rows: Vec<T>, count: u64, paging: Paging) -> Page<T> {
    Page::new(rows, count, paging.page, paging.size)
}

/// `cursor` and `page_size`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CursorParams {
    /// `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
    /// At most 100; 15 by default.
    #[serde(default)]
    page_size: Option<String>,
}

impl CursorParams {
    /// The position to go on before, and how many rows.
    pub(crate) fn position(&self) -> ApiResult<(Option<i64>, u64)> {
        let before = match self.cursor.as_deref() {
            None | Some("") => None,
            Some(text) => Some(text.parse::<i64>().map_err(|_| {
                ApiError::field(
                    "api",
                    "cursor",
                    "The cursor is not one this server gave out.",
                )
            })?),
        };
        let sizes = PageParams {
            page: None,
            page_size: self.page_size.clone(),
        };
        Ok((before, sizes.paging()?.size))
    }
}
