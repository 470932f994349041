//! Content that is all there, in several parts at once: one connection seldom fills a
//! long way.

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, StatusCode, header};

use super::store::{Object, STALL, Sink, content_range, strong_tag};
use super::{Meter, TransferError};

/// Bytes of one part. Those on their way are held in memory.
const PART: u64 = 4 * 1024 * 1024;
const AT_ONCE: usize = 4;

/// The first part, and what it is part of.
struct First {
    bytes: Bytes,
    total: u64,
    tag: HeaderValue,
}

impl Object<'_> {
    /// Gets the content in parts, if the store gives parts, and otherwise as a whole.
    /// What is missing where a part fails, or what became something else meanwhile, is
    /// got like any content.
    pub(super) async fn get_in_parts(
        &self,
        sink: &mut impl Sink,
        meter: &Meter,
    ) -> Result<(), TransferError> {
        let Some(First { bytes, total, tag }) = self.first().await else {
            return self.get(sink, meter, None).await;
        };
        meter.expect(total);
        meter.advance(bytes.len() as u64);
        sink.take(bytes).await?;
        let starts = (1..total.div_ceil(PART)).map(|number| number * PART);
        let mut parts = stream::iter(starts)
            .map(|start| self.part(start, PART.min(total - start), &tag))
            .buffered(AT_ONCE);
        while let Some(Some(bytes)) = parts.next().await {
            meter.advance(bytes.len() as u64);
            sink.take(bytes).await?;
        }
        drop(parts);
        match sink.taken() == total {
            true => Ok(()),
            false => self.get(sink, meter, Some(tag)).await,
        }
    }

    async fn first(&self) -> Option<First> {
        let range = format!("bytes=0-{}", PART - 1);
        let request = self.client().http().get(self.url().clone());
        let sent = request.header(header::RANGE, range).send();
        let answer = tokio::time::timeout(STALL, sent).await.ok()?.ok()?;
        if answer.status() != StatusCode::PARTIAL_CONTENT {
            return None;
        }
        let total = content_range(&answer)?.strip_prefix("bytes 0-")?;
        let total: u64 = total.split_once('/')?.1.parse().ok()?;
        let tag = strong_tag(&answer)?;
        let bytes = whole(answer, total.min(PART)).await?;
        Some(First { bytes, total, tag })
    }

    async fn part(&self, start: u64, length: u64, tag: &HeaderValue) -> Option<Bytes> {
        let range = format!("bytes={start}-{}", start + length - 1);
        let request = self.client().http().get(self.url().clone());
        let request = request.header(header::RANGE, range);
        let sent = request.header(header::IF_RANGE, tag).send();
        let answer = tokio::time::timeout(STALL, sent).await.ok()?.ok()?;
        let fits = answer.status() == StatusCode::PARTIAL_CONTENT
            && content_range(&answer)?.starts_with(&format!("bytes {start}-"));
        if !fits {
            return None;
        }
        whole(answer, length).await
    }
}

/// The body, if it is exactly so long.
async fn whole(mut answer: reqwest::Response, length: u64) -> Option<Bytes> {
    let length = usize::try_from(length).ok()?;
    let mut body = BytesMut::with_capacity(length);
    while let Some(bytes) = tokio::time::timeout(STALL, answer.chunk())
        .await
        .ok()?
        .ok()?
    {
        if bytes.len() > length - body.len() {
            return None;
        }
        body.extend_from_slice(&bytes);
    }
    (body.len() == length).then(|| body.freeze())
}
