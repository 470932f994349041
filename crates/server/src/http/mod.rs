//! The HTTP edge: the router and what every request passes.

pub(crate) mod document;
pub(crate) mod error;
pub(crate) mod extract;
mod header;
pub(crate) mod health;
pub(crate) mod listen;
pub(crate) mod middleware;
pub(crate) mod paging;
pub(crate) mod router;
mod stall;

pub(crate) use document::Document;
pub(crate) use error::ApiError;
pub(crate) use extract::{AgentBody, AgentCtx, Body, Ctx, Id, Params, PublicCtx};
pub(crate) use header::lists;
pub(crate) use paging::{CursorParams, PageParams};

/// What a handler gives back.
pub(crate) type ApiResult<T> = Result<T, ApiError>;
