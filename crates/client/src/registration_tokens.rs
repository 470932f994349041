//! Registration tokens and installation guides (`rest-identity.md` §18.2).

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::{Api, Error, page, path};

const PATH: &str = "/api/servers/registration-tokens/";

/// A registration token. `key` is there only right after its creation.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct RegistrationToken {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Groups given to servers registered with it.
    pub allowed_groups: Vec<String>,
    /// The secret, shown once.
    pub key: String,
    /// RFC 3339; `None`: never.
    pub expires_at: Option<String>,
    /// Creation time.
    pub added_at: String,
    /// Usable.
    #[serde(skip_serializing)]
    pub enabled: bool,
}

/// How a host is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Package and `alpamon register`.
    TokenInstall,
    /// Ansible collection.
    Ansible,
}

impl Method {
    /// The word on the wire and the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenInstall => "token-install",
            Self::Ansible => "ansible",
        }
    }
}

/// The members common to every guide, in the order they are shown.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct GuideHead {
    /// As asked for.
    pub method_id: String,
    /// As asked for.
    pub platform: String,
    /// For people.
    pub platform_label: String,
    /// Base URL that the agent will use.
    pub alpacon_url: String,
    /// As asked for.
    pub server_name: String,
    /// Proxy for packages.
    pub package_proxy: Option<String>,
    /// Sudo with MFA is on.
    pub allow_sudo_with_mfa: bool,
}

/// Guide of [`Method::TokenInstall`].
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct TokenInstallGuide {
    /// Common part.
    #[serde(flatten)]
    pub head: GuideHead,
    /// Key or a placeholder.
    pub token_key: String,
    /// One per line.
    pub install_commands: Vec<String>,
    /// Registers the host.
    pub register_command: String,
}

/// Guide of [`Method::Ansible`].
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct AnsibleGuide {
    /// Common part.
    #[serde(flatten)]
    pub head: GuideHead,
    /// Key or a placeholder.
    pub registration_token: String,
    /// Installs the collection.
    pub collection_install: String,
    /// Runs the bundled playbook.
    pub run_command_quick: String,
    /// To be saved as `inventory.ini`.
    pub inventory_snippet: String,
    /// To be saved as `playbook.yml`.
    pub playbook_snippet: String,
    /// Runs the custom playbook.
    pub run_command_custom: String,
}

/// What a guide is made for.
#[derive(Clone, Debug, Serialize)]
pub struct GuideRequest<'a> {
    /// `debian`, `rhel`, `darwin`, `windows`.
    pub platform: &'a str,
    /// Empty: the host's name.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub server_name: &'a str,
    /// Id of the token, never its key.
    pub registration_token: &'a str,
}

/// All registration tokens.
///
/// # Errors
/// When the call fails.
pub async fn list(api: &Api) -> Result<Vec<RegistrationToken>, Error> {
    page::all(api, PATH, &[], None).await
}

/// The token with exactly this name.
///
/// # Errors
/// When there is none or the call fails.
pub async fn by_name(api: &Api, name: &str) -> Result<RegistrationToken, Error> {
    let filter = [("search", name.to_owned())];
    let rows: Vec<RegistrationToken> = page::all(api, PATH, &filter, None).await?;
    rows.into_iter()
        .find(|token| token.name == name)
        .ok_or_else(|| Error::NotFound {
            noun: "registration token",
            name: name.to_owned(),
        })
}

/// Creates a token. `groups` are ids.
///
/// # Errors
/// When the call fails.
pub async fn create(
    api: &Api,
    name: &str,
    groups: &[String],
    expires_at: Option<DateTime<Utc>>,
) -> Result<RegistrationToken, Error> {
    #[derive(Serialize)]
    struct Body<'a> {
        name: &'a str,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        allowed_groups: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_at: Option<String>,
    }
    let body = Body {
        name,
        allowed_groups: groups,
        expires_at: expires_at.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true)),
    };
    api.post(PATH, &body).await
}

/// Removes a token.
///
/// # Errors
/// When the call fails.
pub async fn delete(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(PATH, &[id])?).await
}

/// How to set a host up.
///
/// # Errors
/// When the call fails.
pub async fn guide<T: serde::de::DeserializeOwned>(
    api: &Api,
    method: Method,
    request: &GuideRequest<'_>,
) -> Result<T, Error> {
    let path = path::join(
        "/api/servers/registration-methods",
        &[method.as_str(), "guide"],
    )?;
    api.post_query(&path, &[("response_type", "json".to_owned())], request)
        .await
}
