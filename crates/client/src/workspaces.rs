//! Workspaces: those a login reaches (`rest-identity.md` §10) and the settings of
//! the current one (§21).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use crate::{Api, Error, decode, path};

const PATH: &str = "/api/workspaces/";

/// Settings kept as one document each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settings {
    /// Language, time-outs and the like.
    Preferences,
    /// What people may do on servers.
    AccessControl,
    /// The second factor.
    Authentication,
}

impl Settings {
    fn path(self) -> Result<String, Error> {
        let name = match self {
            Self::Preferences => "preferences",
            Self::AccessControl => "access-control",
            Self::Authentication => "security",
        };
        path::join(PATH, &[name, "-"])
    }
}

/// A workspace that a browser login reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Workspace {
    /// Name.
    #[serde(rename = "schema_name")]
    pub name: String,
    /// Region, a label of its address.
    pub region: String,
    /// Ours: its whole address, where the server knows it.
    pub url: String,
}

/// The workspaces named by an access token. Its signature is not checked: the
/// server does that, here it only says where one may go.
///
/// # Errors
/// When it is no JWT or names no workspaces.
pub fn in_access_token(token: &str) -> Result<Vec<Workspace>, Error> {
    #[derive(Deserialize)]
    struct Claims {
        #[serde(rename = "https://alpacon.io/workspaces")]
        workspaces: Vec<Workspace>,
    }
    let unreadable =
        || Error::Login("the access token names no workspaces; log in again".to_owned());
    let parts: Vec<&str> = token.split('.').collect();
    let [_header, claims, _signature] = parts.as_slice() else {
        return Err(unreadable());
    };
    let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| unreadable())?;
    let claims: Claims = decode::from_slice(&claims).map_err(|_| unreadable())?;
    Ok(claims.workspaces)
}

/// A document of settings, as the server wrote it.
///
/// # Errors
/// When the call fails.
pub async fn settings(api: &Api, which: Settings) -> Result<Value, Error> {
    api.get_json(&which.path()?, &[]).await
}

/// Sends the whole edited document back.
///
/// # Errors
/// When the call fails.
pub async fn update_settings(api: &Api, which: Settings, document: &Value) -> Result<Value, Error> {
    api.patch_json(&which.path()?, document).await
}

/// The second factors that the workspace accepts.
///
/// # Errors
/// When the call fails.
pub async fn mfa_methods(api: &Api) -> Result<Value, Error> {
    let path = path::join(PATH, &["security", "-", "mfa-methods"])?;
    api.get_json(&path, &[]).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_token_names_the_workspaces() {
        let claims = r#"{"https://alpacon.io/workspaces": [
            {"schema_name": "acme", "auth0_id": "org_1", "region": "us1"},
            {"schema_name": "beta", "auth0_id": null, "region": null}]}"#;
        let workspaces = in_access_token(&token(claims)).unwrap();
        let names: Vec<_> = workspaces
            .iter()
            .map(|workspace| (workspace.name.as_str(), workspace.region.as_str()))
            .collect();
        assert_eq!(names, [("acme", "us1"), ("beta", "")]);
        let none = r#"{"https://alpacon.io/workspaces": []}"#;
        assert_eq!(in_access_token(&token(none)).unwrap(), []);
    }

    #[test]
    fn other_tokens_are_refused() {
        for token in ["", "opaque", "a.b", "a.!.c", &token("{}"), &token("[]")] {
            assert!(in_access_token(token).is_err(), "{token}");
        }
        assert!(in_access_token(&format!("{}.more", token("{}"))).is_err());
    }

    proptest! {
        #[test]
        fn any_text_gets_an_answer(token in "[A-Za-z0-9_.=-]{0,80}") {
            let _either = in_access_token(&token);
        }
    }
}
