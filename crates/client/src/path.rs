//! Paths of the API. Every id becomes exactly one segment.

use std::fmt::Write as _;

use crate::Error;

/// `/a/b/<id>/`: `segments` joined, each percent-encoded, with the closing slash
/// that every path of the API has.
///
/// # Errors
/// When a segment is empty, `.` or `..`: no encoding keeps those one segment.
pub fn join(prefix: &str, segments: &[&str]) -> Result<String, Error> {
    let mut path = prefix.trim_end_matches('/').to_owned();
    for segment in segments {
        if matches!(*segment, "" | "." | "..") {
            return Err(Error::InvalidId((*segment).to_owned()));
        }
        path.push('/');
        push_encoded(&mut path, segment);
    }
    path.push('/');
    Ok(path)
}

fn push_encoded(path: &mut String, segment: &str) {
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            path.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _infallible = write!(path, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_cannot_leave_its_segment() {
        let path = join("/api/x/", &["../../admin?a#b", "run"]).unwrap();
        assert_eq!(path, "/api/x/..%2F..%2Fadmin%3Fa%23b/run/");
        for id in ["", ".", ".."] {
            assert!(join("/api", &[id]).is_err(), "{id:?}");
        }
    }

    proptest! {
        #[test]
        fn any_id_stays_one_segment(id in "\\PC{1,40}") {
            prop_assume!(!matches!(id.as_str(), "." | ".."));
            let url = format!("http://h{}", join("/api/x", &[&id]).unwrap());
            let url = reqwest::Url::parse(&url).unwrap();
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 4);
            prop_assert!(url.query().is_none() && url.fragment().is_none());
        }
    }
}
