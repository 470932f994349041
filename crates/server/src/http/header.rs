//! Reading headers.

use http::HeaderMap;
use http::header::AsHeaderName;

/// Whether a header that holds a list names `wanted`.
pub(crate) fn lists(headers: &HeaderMap, name: impl AsHeaderName, wanted: &str) -> bool {
    let list = headers.get(name).and_then(|value| value.to_str().ok());
    list.is_some_and(|list| list.split(',').any(|entry| entry.trim() == wanted))
}
