//! Webhooks (`rest-operations.md` §13), and who people are in the chats behind them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::servers::LookupRow;
use crate::users::UserSummary;
use crate::{Api, Error, page, path};

const PATH: &str = "/api/notifications/webhooks/";
/// What may receive notifications.
pub const PROVIDERS: [&str; 5] = ["slack", "discord", "teams", "telegram", "custom"];

/// A row of the list of webhooks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Webhook {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Where to.
    pub url: String,
    /// One of [`PROVIDERS`].
    pub provider: String,
    /// Certificates are verified.
    pub ssl_verify: bool,
    /// Notifications go there.
    pub enabled: bool,
    /// Who answers for it.
    pub owner: Option<UserSummary>,
}

/// A webhook to be created.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewWebhook {
    /// Name.
    pub name: String,
    /// Where to.
    pub url: String,
    /// One of [`PROVIDERS`].
    pub provider: String,
    /// Certificates are verified.
    pub ssl_verify: bool,
    /// Notifications go there.
    pub enabled: bool,
    /// Id of who answers for it.
    pub owner: String,
    /// Ours: what signs, or what the chat signs with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// Who a user is in the chat behind a webhook.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChatIdentity {
    /// Id.
    pub id: String,
    /// Who they are there.
    pub external_id: String,
    /// The user.
    pub user: Option<UserSummary>,
}

/// The provider that a URL looks like.
#[must_use]
pub fn provider_of(url: &str) -> &'static str {
    let url = url.to_lowercase();
    let signs = [
        ("slack", "slack"),
        ("discord", "discord"),
        ("teams", "teams"),
        ("office", "teams"),
        ("azure", "teams"),
        ("telegram", "telegram"),
    ];
    let found = signs.iter().find(|(sign, _)| url.contains(sign));
    found.map_or("custom", |(_, provider)| provider)
}

/// All webhooks.
///
/// # Errors
/// When the call fails.
pub async fn list(api: &Api) -> Result<Vec<Webhook>, Error> {
    page::all(api, PATH, &[], None).await
}

/// The id of a webhook; a UUID is taken as it is.
///
/// # Errors
/// When no webhook has the name or the call fails.
pub async fn id(api: &Api, name_or_id: &str) -> Result<String, Error> {
    if Uuid::parse_str(name_or_id).is_ok() {
        return Ok(name_or_id.to_owned());
    }
    let rows = api.get(PATH, &[("name", name_or_id.to_owned())]).await?;
    LookupRow::pick(rows, "webhook", name_or_id)
}

/// The server's own representation.
///
/// # Errors
/// When the call fails.
pub async fn detail(api: &Api, id: &str) -> Result<Value, Error> {
    api.get_json(&path::join(PATH, &[id])?, &[]).await
}

/// Creates a webhook. The answer may hold a `secret` that is shown once.
///
/// # Errors
/// When the call fails.
pub async fn create(api: &Api, webhook: &NewWebhook) -> Result<Value, Error> {
    api.post(PATH, webhook).await
}

/// Sends the whole edited representation back.
///
/// # Errors
/// When the call fails.
pub async fn update(api: &Api, id: &str, document: &Value) -> Result<Value, Error> {
    api.patch_json(&path::join(PATH, &[id])?, document).await
}

/// Removes a webhook.
///
/// # Errors
/// When the call fails.
pub async fn delete(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(PATH, &[id])?).await
}

/// Who is known in the chat behind a webhook.
///
/// # Errors
/// When the call fails.
pub async fn identities(api: &Api, webhook: &str) -> Result<Vec<ChatIdentity>, Error> {
    let path = path::join(PATH, &[webhook, "identities"])?;
    page::all(api, &path, &[], None).await
}

/// Says who the caller is in the chat behind a webhook.
///
/// # Errors
/// When somebody is that already, or the call fails.
pub async fn identify(api: &Api, webhook: &str, external_id: &str) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Body<'a> {
        external_id: &'a str,
    }
    let path = path::join(PATH, &[webhook, "identities"])?;
    api.post_ignoring(&path, &Body { external_id }).await
}

/// Forgets who somebody is in the chat behind a webhook.
///
/// # Errors
/// When nobody is that, or the call fails.
pub async fn forget(api: &Api, webhook: &str, external_id: &str) -> Result<(), Error> {
    let known = identities(api, webhook).await?;
    let identity = known
        .into_iter()
        .find(|identity| identity.external_id == external_id)
        .ok_or_else(|| Error::NotFound {
            noun: "chat identity",
            name: external_id.to_owned(),
        })?;
    api.delete(&path::join(PATH, &[webhook, "identities", &identity.id])?)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_seen_in_urls() {
        for (url, provider) in [
            ("https://hooks.Slack.com/services/x", "slack"),
            ("https://acme.webhook.office.com/x", "teams"),
            ("https://prod.logic.azure.com/x", "teams"),
            ("https://api.telegram.org/botx/sendMessage", "telegram"),
            ("https://discord.com/api/webhooks/x", "discord"),
            ("https://example.com/", "custom"),
        ] {
            assert_eq!(provider_of(url), provider, "{url}");
        }
    }
}
