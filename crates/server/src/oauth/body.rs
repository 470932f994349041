//! Parameters of OAuth endpoints: JSON as the public CLI sends them, forms as the
//! standards have them.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::header;
use serde::de::DeserializeOwned;

use super::error::{OAuthError, OAuthResult};
use crate::app::SharedApp;

/// Bytes of a body.
const LIMIT: usize = 16 * 1024;

/// The parameters of a request.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<SharedApp> for Parameters<T> {
    type Rejection = OAuthError;

    async fn from_request(request: Request, app: &SharedApp) -> OAuthResult<Self> {
        let is_form = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let bytes = Bytes::from_request(request, app)
            .await
            .map_err(|_| OAuthError::invalid_request("The request body could not be read."))?;
        decode(&bytes, is_form).map(Self)
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8], is_form: bool) -> OAuthResult<T> {
    if bytes.len() > LIMIT {
        return Err(OAuthError::invalid_request(
            "The request body is too large.",
        ));
    }
    let decoded = if is_form {
        serde_urlencoded::from_bytes(bytes).ok()
    } else if bytes.trim_ascii_start().starts_with(b"{") {
        serde_json::from_slice(bytes).ok()
    } else {
        // An array would fill the fields in their order.
        None
    };
    decoded.ok_or_else(|| {
        OAuthError::invalid_request("The parameters are not readable; send JSON or a form.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Some {
        client_id: String,
    }

    #[test]
    fn json_and_forms_read_alike_and_repeats_are_refused() {
        let expected = Some {
            client_id: "a b".to_owned(),
        };
        let json = br#"{"client_id": "a b", "more": 1}"#;
        assert_eq!(decode::<Some>(json, false).unwrap(), expected);
        assert_eq!(
            decode::<Some>(b"client_id=a+b&x=1", true).unwrap(),
            expected
        );
        assert!(decode::<Some>(b"client_id=a&client_id=b", true).is_err());
        assert!(decode::<Some>(br#"{"client_id":"a","client_id":"b"}"#, false).is_err());
        assert!(decode::<Some>(br#"{"client_id": ["a"]}"#, false).is_err());
        assert!(decode::<Some>(br#"["a"]"#, false).is_err());
        assert!(decode::<Some>(&[b' '; LIMIT + 1], false).is_err());
    }
}
