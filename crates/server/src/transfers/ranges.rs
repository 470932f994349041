//! The few forms of ranges that transfers need.

use http::header::{CONTENT_RANGE, RANGE};
use http::{HeaderMap, HeaderName};

use super::paths::SOURCE;
use crate::http::{ApiError, ApiResult};

/// A part of content that reaches to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) start: u64,
    pub(super) total: u64,
}

/// A header that is a number.
pub(super) fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// What a reader wants of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) start: u64,
    /// The last byte; absent: to the end.
    pub(super) last: Option<u64>,
}

/// `Range: bytes=N-` or `bytes=N-M`; other forms are refused.
pub(super) fn range(headers: &HeaderMap) -> ApiResult<Option<Wanted>> {
    let Some(value) = headers.get(RANGE) else {
        return Ok(None);
    };
    let wanted = value.to_str().ok().and_then(|text| {
        let (start, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        let start = digits(start)?;
        let last = match last {
            "" => None,
            last => Some(digits(last).filter(|last| *last >= start)?),
        };
        Some(Wanted { start, last })
    });
    match wanted {
        Some(wanted) => Ok(Some(wanted)),
        None => Err(ApiError::invalid(
            SOURCE,
            "Range must have the form bytes=N- or bytes=N-M.",
        )),
    }
}

/// `Content-Range: bytes A-B/TOTAL`, where B is the last byte and `length` fits.
pub(super) fn content_range(headers: &HeaderMap, length: Option<u64>) -> ApiResult<Option<Part>> {
    let Some(value) = headers.get(CONTENT_RANGE) else {
        return Ok(None);
    };
    let part = value.to_str().ok().and_then(|text| {
        let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (start, last) = range.split_once('-')?;
        let (start, last, total) = (digits(start)?, digits(last)?, digits(total)?);
        let fits = start <= last
            && last.checked_add(1)? == total
            && length.is_none_or(|length| length == total - start);
        fits.then_some(Part { start, total })
    });
    match part {
        Some(part) => Ok(Some(part)),
        None => Err(ApiError::invalid(
            SOURCE,
            "Content-Range must have the form bytes A-B/TOTAL and reach to the end.",
        )),
    }
}

fn digits(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn one_range_from_a_start_is_understood() {
        let read = |text| range(&headers(RANGE, text));
        let wanted = |start, last| Some(Wanted { start, last });
        assert_eq!(read("bytes=0-").unwrap(), wanted(0, None));
        assert_eq!(read("bytes=42-").unwrap(), wanted(42, None));
        assert_eq!(read("bytes=1-2").unwrap(), wanted(1, Some(2)));
        assert_eq!(read("bytes=7-7").unwrap(), wanted(7, Some(7)));
        assert_eq!(range(&HeaderMap::new()).unwrap(), None);
        for text in [
            "bytes=-5",
            "bytes=2-1",
            "bytes=1-2,5-6",
            "bytes=1-+2",
            "bytes=1-99999999999999999999",
            "bytes=1-,5-",
            "bytes=+1-",
            "items=1-",
            "bytes=",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parts_reach_to_the_end_and_fit_their_length() {
        let read = |text, length| content_range(&headers(CONTENT_RANGE, text), length);
        let part = Some(Part {
            start: 5,
            total: 10,
        });
        assert_eq!(read("bytes 5-9/10", Some(5)).unwrap(), part);
        assert_eq!(read("bytes 5-9/10", None).unwrap(), part);
        for (text, length) in [
            ("bytes 5-9/10", Some(4)),
            ("bytes 5-8/10", None),
            ("bytes 9-5/10", None),
            ("bytes 5-9/*", None),
            ("bytes */10", None),
            ("bytes 5-18446744073709551615/18446744073709551615", None),
            ("5-9/10", None),
        ] {
            assert!(read(text, length).is_err(), "{text}");
        }
    }
}
