//! Paging (`rest-identity.md` §15).

use serde::{Deserialize, Serialize};

/// Largest `page_size` a server grants.
pub const MAX_PAGE_SIZE: u64 = 100;
/// `page_size` when the request names none.
pub const DEFAULT_PAGE_SIZE: u64 = 15;

/// A page-number list. `next` is a page number, 0 at the end; never a URL.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// Rows in the whole list.
    #[serde(default)]
    pub count: u64,
    /// This page, from 1.
    #[serde(default)]
    pub current: u64,
    /// The next page or 0.
    #[serde(default)]
    pub next: u64,
    /// The previous page or 0.
    #[serde(default)]
    pub previous: u64,
    /// The last page.
    #[serde(default)]
    pub last: u64,
    /// Rows of this page.
    #[serde(default)]
    pub results: Vec<T>,
}

impl<T> Page<T> {
    /// The page that holds `results` out of `count` rows. `page` counts from 1.
    #[must_use]
    pub fn new(results: Vec<T>, count: u64, page: u64, page_size: u64) -> Self {
        let last = count.div_ceil(page_size.max(1)).max(1);
        Self {
            count,
            current: page,
            next: if page < last { page + 1 } else { 0 },
            previous: page.saturating_sub(1),
            last,
            results,
        }
    }

    /// The same page with every row converted.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page {
            count: self.count,
            current: self.current,
            next: self.next,
            previous: self.previous,
            last: self.last,
            results: self.results.into_iter().map(convert).collect(),
        }
    }
}

/// A cursor list, newest first. `next` is opaque, `null` at the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CursorPage<T> {
    /// The cursor of the following page.
    #[serde(default)]
    pub next: Option<String>,
    /// Rows of this page.
    #[serde(default)]
    pub results: Vec<T>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_count_from_one_and_end_with_zero() {
        let first = Page::new(vec![1, 2], 3, 1, 2);
        assert_eq!((first.next, first.previous, first.last), (2, 0, 2));
        let last = Page::new(vec![3], 3, 2, 2);
        assert_eq!((last.next, last.previous, last.last), (0, 1, 2));
        let empty = Page::<u8>::new(vec![], 0, 1, 15);
        assert_eq!((empty.next, empty.last), (0, 1));
    }
}
