//! Page-number paging of queries.

use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait as _, QuerySelect as _, Select};

use crate::StoreError;

/// Which rows of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// From 1.
    pub page: u64,
    /// 1 to [`protocol::page::MAX_PAGE_SIZE`].
    pub size: u64,
}

impl Default for Paging {
    fn default() -> Self {
        Self {
            page: 1,
            size: protocol::page::DEFAULT_PAGE_SIZE,
        }
    }
}

/// One page of `query`, which must be ordered, and the count of all its rows.
pub(crate) async fn fetch<E, C>(
    query: Select<E>,
    connection: &C,
    paging: Paging,
) -> Result<(Vec<E::Model>, u64), StoreError>
where
    E: EntityTrait,
    E::Model: Send + Sync,
    C: ConnectionTrait,
{
    let offset = paging.page.saturating_sub(1).saturating_mul(paging.size);
    if offset == 0 {
        // Most lists fit on one page, which then is its own count.
        let rows = query.clone().limit(paging.size).all(connection).await?;
        let fetched = rows.len() as u64;
        if fetched < paging.size {
            return Ok((rows, fetched));
        }
        return Ok((rows, query.count(connection).await?));
    }
    let count = query.clone().count(connection).await?;
    if offset >= count {
        return Ok((Vec::new(), count));
    }
    let rows = query
        .offset(offset)
        .limit(paging.size)
        .all(connection)
        .await?;
    Ok((rows, count))
}
