//! The content of transfers, behind signed links. Whoever calls shows no other
//! credential; the link is one.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use protocol::code;
use protocol::id::TransferId;
use protocol::transfer::UPLOAD_OFFSET_HEADER;
use serde_json::json;
use store::entity::transfer;
use tokio::sync::OwnedMutexGuard;

use super::paths::SOURCE;
use super::ranges::{self, Part};
use super::{authority, finish, policy, quota};
use crate::gate::{self, Operation};
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::locks::Footing;
use crate::objects::{Access, Digested, End, Flow, Progress, ReceiveError, Signed, Span, Stored};

/// A reader waits this long for content to begin.
const START_PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);

/// The transfer behind a link.
///
/// # Errors
/// When the link is not good for `method`, or the transfer has nothing to give or
/// take any more.
async fn behind(
    ctx: &PublicCtx,
    id: TransferId,
    signed: &Signed,
    method: &Method,
) -> ApiResult<transfer::Model> {
    let access = ctx
        .app
        .objects
        .verify(ctx.workspace_id(), id, signed)
        .ok_or_else(|| ApiError::forbidden("This link is not valid, or has expired."))?;
    if !access.covers(method) {
        return Err(ApiError::forbidden("This link is for another method."));
    }
    let row = ctx.tenant().transfers().find(id).await?;
    let row = row.ok_or_else(ApiError::not_found)?;
    if row.removed
        || row.success == Some(false)
        || (access == Access::Write && row.success.is_some())
    {
        return Err(gone(&row));
    }
    // A link outlives neither a lock nor the session it was given in.
    if !gate::still_holds(ctx, Operation::Webftp, &Footing::of_transfer(&row)).await? {
        return Err(ApiError::new(StatusCode::GONE, authority::ENDED));
    }
    Ok(row)
}

/// Looks again once the flow is at hand: whoever ends the transfer from now on finds it
/// there, and whoever did before is seen here.
async fn require_open(ctx: &PublicCtx, id: TransferId) -> ApiResult<()> {
    let row = ctx.tenant().transfers().find(id).await?;
    let row = row.ok_or_else(ApiError::not_found)?;
    if row.removed || row.success == Some(false) {
        ctx.app.objects.end(id, "The transfer has ended.");
        return Err(gone(&row));
    }
    Ok(())
}

fn gone(row: &transfer::Model) -> ApiError {
    let detail = match row.success {
        Some(false) => row.message.clone(),
        _ => "The transfer has ended, and its content is gone.".to_owned(),
    };
    ApiError::new(StatusCode::GONE, detail)
}

/// `HEAD` on an upload link: how much has arrived.
pub(super) async fn offset(
    ctx: &PublicCtx,
    id: TransferId,
    signed: &Signed,
) -> ApiResult<Response> {
    let row = behind(ctx, id, signed, &Method::HEAD).await?;
    let Progress { written, total, .. } = ctx.app.objects.flow(id, row.stored).progress();
    // Whoever is told of the last byte may rely on all of it being recorded. Until it is,
    // that byte is asked for once more.
    let may_be_all = total.is_none_or(|total| written >= total);
    let arrived = match may_be_all && !row.stored {
        true => written.saturating_sub(1),
        false => written,
    };
    let mut response = StatusCode::OK.into_response();
    response
        .headers_mut()
        .insert(UPLOAD_OFFSET_HEADER, HeaderValue::from(arrived));
    Ok(response)
}

/// `PUT` on an upload link.
pub(super) async fn put(
    ctx: &PublicCtx,
    id: TransferId,
    signed: &Signed,
    headers: &HeaderMap,
    body: Body,
) -> ApiResult<Response> {
    let row = behind(ctx, id, signed, &Method::PUT).await?;
    if row.stored {
        return Err(ApiError::conflict(
            "The content is there already; a link takes it once.",
        ));
    }
    let flow = ctx.app.objects.flow(id, false);
    let Some(writing) = flow.try_write() else {
        return Err(ApiError::conflict("Somebody else is sending this content."));
    };
    require_open(ctx, id).await?;
    let length = ranges::number(headers, &CONTENT_LENGTH);
    let part = ranges::content_range(headers, length)?;
    let (offset, total) = match part {
        Some(Part { start, total }) => (start, Some(total)),
        None => (0, length),
    };
    let arrived = flow.progress().written;
    if offset > arrived {
        return Err(ApiError::conflict(format!(
            "Only {arrived} bytes have arrived; go on there."
        )));
    }
    let span = Span {
        offset,
        total,
        limit: room(ctx, &row, total).await?,
    };
    // In a task of its own: a sender that is cut off after its last byte has sent all.
    let taking = take(ctx.clone(), id, flow, writing, span, body);
    let stored = ctx.app.tasks.spawn(taking).await;
    let stored = stored.map_err(ApiError::internal)??;
    Ok(Json(json!({"size": stored.size, "sha256": stored.sha256})).into_response())
}

/// Takes content in and records that it is there.
async fn take(
    ctx: PublicCtx,
    id: TransferId,
    flow: Arc<Flow>,
    writing: OwnedMutexGuard<Digested>,
    span: Span,
    body: Body,
) -> ApiResult<Stored> {
    let local = &ctx.app.objects.local;
    let policy = ctx.workspace.settings.transfer_policy.clone();
    let admit = Box::new(move |head: &[u8]| policy::check_content(&policy, head));
    let received = local
        .receive(id, flow.clone(), writing, span, admit, body)
        .await;
    let stored = match received {
        Ok(stored) => stored,
        Err(ReceiveError::NotAdmitted(reason)) => {
            finish::not_admitted(&ctx, id, &reason).await?;
            return Err(refuse(&ReceiveError::NotAdmitted(reason)));
        }
        Err(error) => return Err(refuse(&error)),
    };
    let size = i64::try_from(stored.size).unwrap_or(i64::MAX);
    let unit = ctx.begin().await?;
    let transfers = unit.tenant().transfers();
    let first = transfers.stored(id, size, &stored.sha256).await?;
    unit.commit().await?;
    if !first {
        // Whoever ended it may have looked for content before there was any.
        local.remove(id).map_err(ApiError::internal)?;
        return Err(ApiError::conflict("The transfer ended meanwhile."));
    }
    // Known to the database first: whoever reads to the end may rely on it.
    flow.complete(stored.size);
    Ok(stored)
}

/// Bytes that may be taken, at most.
async fn room(ctx: &PublicCtx, row: &transfer::Model, total: Option<u64>) -> ApiResult<u64> {
    let limits = &ctx.app.config.transfers;
    let most = quota::max_bytes(ctx);
    let left = quota::left(ctx, row).await?;
    let limit = u64::try_from(most.min(left)).unwrap_or(0);
    if total.is_some_and(|total| total > limit) {
        return Err(match left < most {
            true => quota::used_up(),
            false => refuse(&ReceiveError::TooLarge(limit)),
        });
    }
    let free = ctx
        .app
        .objects
        .local
        .free_bytes()
        .map_err(ApiError::internal)?;
    let reserve = u64::try_from(limits.reserve_bytes).unwrap_or(0);
    let room = free.saturating_sub(reserve);
    if total.unwrap_or(1) > room {
        return Err(full());
    }
    Ok(limit.min(room.max(1)))
}

fn full() -> ApiError {
    ApiError::new(
        StatusCode::INSUFFICIENT_STORAGE,
        "The server's store has no space left on device for this content.",
    )
    .code(code::TRANSFER_LIMIT_EXCEEDED, SOURCE)
}

fn refuse(error: &ReceiveError) -> ApiError {
    match error {
        ReceiveError::TooLarge(limit) => ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("A transfer may have at most {limit} bytes."),
        )
        .code(code::TRANSFER_LIMIT_EXCEEDED, SOURCE),
        ReceiveError::Silent => ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "Nothing arrived for too long; go on where it stopped.",
        ),
        ReceiveError::Broken | ReceiveError::Short => ApiError::new(
            StatusCode::BAD_REQUEST,
            "The content ended early; go on where it stopped.",
        ),
        ReceiveError::NotAdmitted(reason) => {
            ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason.clone())
                .code(code::CONTENT_NOT_ALLOWED, SOURCE)
        }
        ReceiveError::Ended => ApiError::conflict("The transfer ended meanwhile."),
        ReceiveError::Io(cause) if cause.kind() == std::io::ErrorKind::StorageFull => full(),
        ReceiveError::Io(cause) => ApiError::internal(cause),
    }
}

/// `GET` on a download link: the content as it is there, or as it comes.
pub(super) async fn get(
    ctx: &PublicCtx,
    id: TransferId,
    signed: &Signed,
    headers: &HeaderMap,
) -> ApiResult<Response> {
    let row = behind(ctx, id, signed, &Method::GET).await?;
    let mut wanted = ranges::range(headers)?;
    let is_download = row.direction == "download";
    if is_download && row.fetched_at.is_some() && wanted.is_none() {
        return Err(ApiError::new(
            StatusCode::GONE,
            "The content was read; a link gives it once.",
        ));
    }
    let flow = ctx.app.objects.flow(id, row.stored);
    require_open(ctx, id).await?;
    let progress = begun(ctx, &flow, wanted.is_some()).await?;
    let tag = progress.tag.to_string();
    if headers
        .get(IF_RANGE)
        .is_some_and(|known| known.as_bytes() != tag.as_bytes())
    {
        // What the reader has is of something else: it gets all of this.
        wanted = None;
    }
    let offset = wanted.map_or(0, |wanted| wanted.start);
    // Where there is a last byte, the length is known; see `begun`.
    let last = wanted.and_then(|wanted| wanted.last);
    let is_outside = |total: u64| offset > total || (last.is_some() && offset == total);
    if progress.total.is_some_and(is_outside) {
        return Err(ApiError::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "The content is shorter than that.",
        ));
    }
    let part_end = match (last, progress.total) {
        (Some(last), Some(total)) => Some(last.saturating_add(1).min(total)),
        _ => None,
    };
    // A part before the end is not yet all of it, however long the next one takes.
    let is_last = part_end.is_none() || part_end == progress.total;
    let notes_end = is_download && (is_last || row.fetched_at.is_some());
    let reader = ctx.clone();
    let on_end = move || {
        if notes_end {
            let app = reader.app.clone();
            app.spawn(async move { note_fetched(&reader, id).await });
        }
    };
    let body = ctx
        .app
        .objects
        .local
        .send(id, &flow, progress.tag, (offset, part_end), on_end)
        .map_err(ApiError::internal)?;
    let mut response = Response::new(body);
    let answer = response.headers_mut();
    answer.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    // A browser that is led here must not show it as a page of ours.
    answer.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    answer.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        answer.insert(ETAG, value);
    }
    if let Some(total) = progress.total {
        let end = part_end.unwrap_or(total);
        answer.insert(CONTENT_LENGTH, HeaderValue::from(end - offset));
        if wanted.is_some() {
            let last = end.saturating_sub(1);
            if let Ok(value) = HeaderValue::from_str(&format!("bytes {offset}-{last}/{total}")) {
                answer.insert(CONTENT_RANGE, value);
            }
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
    }
    Ok(response)
}

/// Waits until there is content to read; for a part of it, until it is known how much
/// there will be. Of nothing only the end can be read, so that is waited for: who was
/// told that there is nothing may rely on it.
async fn begun(ctx: &PublicCtx, flow: &Flow, is_part: bool) -> ApiResult<Progress> {
    let mut progress = flow.follow();
    let ready = progress.wait_for(|progress| {
        let known = progress.total.is_some_and(|total| total > 0);
        progress.end.is_some() || known || (progress.written > 0 && !is_part)
    });
    let ready = tokio::select! {
        () = ctx.app.shutdown.cancelled() => {
            return Err(ApiError::unavailable("The server is shutting down."));
        }
        ready = tokio::time::timeout(START_PATIENCE, ready) => ready,
    };
    let now = match ready {
        Ok(Ok(now)) => now.clone(),
        Ok(Err(_)) => return Err(ApiError::new(StatusCode::GONE, "The transfer has ended.")),
        Err(_) => {
            return Err(ApiError::unavailable(
                "The content has not begun to arrive.",
            ));
        }
    };
    match now.end {
        Some(End::Failed(reason)) => Err(ApiError::new(StatusCode::GONE, reason)),
        Some(End::Complete) | None => Ok(now),
    }
}

async fn note_fetched(ctx: &PublicCtx, id: TransferId) {
    let noted: ApiResult<()> = async {
        let unit = ctx.begin().await?;
        unit.tenant().transfers().fetched(id).await?;
        Ok(unit.commit().await?)
    }
    .await;
    if let Err(error) = noted {
        tracing::warn!(detail = error.detail, "a read could not be noted");
    }
}
