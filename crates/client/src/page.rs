//! Walks over lists (`rest-identity.md` §15).

use protocol::page::MAX_PAGE_SIZE;
use protocol::{CursorPage, Page};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::Query;
use crate::{Api, Error, decode};

/// Pages read at most: a server that never ends its list must not hang us.
const MAX_PAGES: u64 = 100_000;

/// All rows of a page-number list, or the first `limit`.
///
/// # Errors
/// When any page fails.
pub async fn all<T: DeserializeOwned + Default>(
    api: &Api,
    path: &str,
    filters: &Query<'_>,
    limit: Option<usize>,
) -> Result<Vec<T>, Error> {
    let mut rows = Vec::new();
    for page in 1..=MAX_PAGES {
        let mut query = filters.to_vec();
        query.push(("page", page.to_string()));
        query.push(("page_size", page_size(limit).to_string()));
        let answer: Page<T> = decoded(path, api.get_json(path, &query).await?)?;
        let ended = answer.next == 0 || answer.results.is_empty();
        rows.extend(answer.results);
        if ended || limit.is_some_and(|limit| rows.len() >= limit) {
            break;
        }
    }
    rows.truncate(limit.unwrap_or(usize::MAX));
    Ok(rows)
}

/// The newest `limit` rows of a cursor list.
///
/// # Errors
/// When any page fails.
pub async fn newest<T: DeserializeOwned + Default>(
    api: &Api,
    path: &str,
    filters: &Query<'_>,
    limit: usize,
) -> Result<Vec<T>, Error> {
    let mut rows: Vec<T> = Vec::new();
    let mut cursor: Option<String> = None;
    while rows.len() < limit {
        let mut query = filters.to_vec();
        query.push(("page_size", page_size(Some(limit - rows.len())).to_string()));
        if let Some(cursor) = cursor.take() {
            query.push(("cursor", cursor));
        }
        let answer: CursorPage<T> = api.get(path, &query).await?;
        let ended = answer.results.is_empty();
        rows.extend(answer.results);
        cursor = answer.next.filter(|next| !next.is_empty());
        if ended || cursor.is_none() {
            break;
        }
    }
    rows.truncate(limit);
    Ok(rows)
}

/// Some lists come bare, without paging.
fn decoded<T: DeserializeOwned + Default>(path: &str, answer: Value) -> Result<Page<T>, Error> {
    let rows = match answer {
        rows @ Value::Array(_) => decode::from_value(rows).map(|results| Page {
            results,
            ..Page::default()
        }),
        answer => decode::from_value(answer),
    };
    rows.map_err(|error| Error::Decode {
        what: format!("GET {path}"),
        reason: error.to_string(),
    })
}

fn page_size(limit: Option<usize>) -> u64 {
    limit
        .and_then(|limit| u64::try_from(limit).ok())
        .map_or(MAX_PAGE_SIZE, |limit| limit.clamp(1, MAX_PAGE_SIZE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bare_lists_are_one_page() {
        let bare: Page<String> = decoded("/x/", json!(["a", null])).unwrap();
        assert_eq!(
            (bare.results.as_slice(), bare.next),
            (["a".to_owned()].as_slice(), 0)
        );
        let paged: Page<String> = decoded("/x/", json!({"next": null, "results": ["a"]})).unwrap();
        assert_eq!((paged.results.len(), paged.next), (1, 0));
        assert!(decoded::<String>("/x/", json!({"next": "http://x/?page=2"})).is_err());
        assert!(decoded::<String>("/x/", json!([1])).is_err());
    }

    #[test]
    fn pages_are_never_larger_than_the_server_grants() {
        assert_eq!(page_size(None), 100);
        assert_eq!(page_size(Some(25)), 25);
        assert_eq!(page_size(Some(1000)), 100);
    }
}
