//! What a provider may be set to.

use std::collections::BTreeSet;

use protocol::federation::CreateIdentityProvider;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::Unit;
use store::entity::identity_provider;
use store::federation::ProviderSettings;

use super::groups;
use super::provider::{SECRET_PURPOSE, SOURCE};
use crate::app::SharedApp;
use crate::http::document::check_text;
use crate::http::{ApiError, ApiResult};

/// Longest name on a button, characters.
const MAX_NAME: usize = 64;
/// Longest identifier, secret or value, characters.
const MAX_TEXT: usize = 512;
/// Entries of a list.
const MAX_ENTRIES: usize = 100;

/// Refuses settings that cannot be meant, and gives them as they are stored. `current`:
/// the provider as it is, when it is changed.
pub(super) async fn checked(
    app: &SharedApp,
    unit: &Unit,
    wanted: &CreateIdentityProvider,
    current: Option<&identity_provider::Model>,
    sealed_secret: Option<Vec<u8>>,
    enabled: bool,
) -> ApiResult<ProviderSettings> {
    let name = match wanted.name.trim() {
        "" => wanted.slug.as_str(),
        name => name,
    };
    check_text(SOURCE, "name", name, MAX_NAME)?;
    let client_id = wanted.client_id.trim();
    if client_id.is_empty() {
        return Err(ApiError::missing(SOURCE, "client_id"));
    }
    check_text(SOURCE, "client_id", client_id, MAX_TEXT)?;
    check_text(SOURCE, "group_claim", &wanted.group_claim, MAX_TEXT)?;
    let is_scope = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    };
    check_list("scopes", &wanted.scopes, is_scope)?;
    check_list("mfa_values", &wanted.mfa_values, |_| true)?;
    let domains = domains(&wanted.email_domains)?;
    if (wanted.link_by_email || wanted.provision) && domains.is_empty() {
        return Err(ApiError::field(
            SOURCE,
            "email_domains",
            "Name the mail domains whose addresses link or get an account: a provider for \
             everybody would let everybody in.",
        ));
    }
    if wanted.group_map.len() > MAX_ENTRIES {
        return Err(too_many("group_map"));
    }
    let kept = current.map(of).map(|it| named(&it)).unwrap_or_default();
    check_groups(unit, "default_groups", wanted.default_groups.iter(), &kept).await?;
    check_groups(unit, "group_map", wanted.group_map.values(), &kept).await?;
    if !wanted.group_map.is_empty() && wanted.group_claim.trim().is_empty() {
        return Err(ApiError::field(
            SOURCE,
            "group_claim",
            "Name the claim that lists groups, so that group_map can be used.",
        ));
    }
    let sealed_secret = match wanted.client_secret.as_str() {
        "" => sealed_secret,
        secret => {
            check_text(SOURCE, "client_secret", secret, MAX_TEXT)?;
            let sealed = app.keys.sealing.seal(SECRET_PURPOSE, secret.as_bytes());
            Some(sealed.map_err(ApiError::internal)?)
        }
    };
    Ok(ProviderSettings {
        name: name.to_owned(),
        issuer: wanted.issuer.clone(),
        client_id: client_id.to_owned(),
        sealed_secret,
        scopes: json!(wanted.scopes),
        email_domains: json!(domains),
        link_by_email: wanted.link_by_email,
        provision: wanted.provision,
        default_groups: json!(wanted.default_groups),
        group_claim: wanted.group_claim.trim().to_owned(),
        group_map: json!(wanted.group_map),
        mfa_values: json!(wanted.mfa_values),
        enabled,
    })
}

/// The settings of a provider as they were given.
pub(super) fn of(row: &identity_provider::Model) -> CreateIdentityProvider {
    CreateIdentityProvider {
        slug: row.slug.clone(),
        name: row.name.clone(),
        issuer: row.issuer.clone(),
        client_id: row.client_id.clone(),
        client_secret: String::new(),
        scopes: read(&row.scopes),
        email_domains: read(&row.email_domains),
        link_by_email: row.link_by_email,
        provision: row.provision,
        default_groups: read(&row.default_groups),
        group_claim: row.group_claim.clone(),
        group_map: read(&row.group_map),
        mfa_values: read(&row.mfa_values),
    }
}

/// A stored list or map; empty when it is not readable.
pub(super) fn read<T: DeserializeOwned + Default>(stored: &Value) -> T {
    serde_json::from_value(stored.clone()).unwrap_or_default()
}

fn too_many(field: &'static str) -> ApiError {
    ApiError::field(
        SOURCE,
        field,
        format!("{field} holds at most {MAX_ENTRIES} entries."),
    )
}

fn check_list(field: &'static str, list: &[String], fits: impl Fn(&str) -> bool) -> ApiResult<()> {
    if list.len() > MAX_ENTRIES {
        return Err(too_many(field));
    }
    for entry in list {
        check_text(SOURCE, field, entry, MAX_TEXT)?;
        if entry.trim().is_empty() || !fits(entry) {
            let detail = format!("{entry:?} cannot stand in {field}.");
            return Err(ApiError::field(SOURCE, field, detail));
        }
    }
    Ok(())
}

/// Domains in the form in which addresses are compared.
fn domains(given: &[String]) -> ApiResult<Vec<String>> {
    let is_domain = |text: &str| {
        let labels_fit = text.split('.').all(|label| {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
            !label.is_empty() && label.len() <= 63 && label.chars().all(fits)
        });
        labels_fit && text.contains('.')
    };
    let lower: Vec<String> = given
        .iter()
        .map(|text| text.trim().trim_start_matches('@').to_ascii_lowercase())
        .collect();
    check_list("email_domains", &lower, is_domain)?;
    Ok(lower)
}

/// All groups that settings name.
fn named(settings: &CreateIdentityProvider) -> BTreeSet<String> {
    let mapped = settings.group_map.values();
    settings
        .default_groups
        .iter()
        .chain(mapped)
        .cloned()
        .collect()
}

/// Groups that a provider may put people into: all that exist, but the one of everyone.
/// One that it named before may be gone: signing in passes it over, and it must not keep
/// anybody from disabling the provider.
async fn check_groups(
    unit: &Unit,
    field: &'static str,
    names: impl Iterator<Item = &String>,
    kept: &BTreeSet<String>,
) -> ApiResult<()> {
    for (number, name) in names.enumerate() {
        if number >= MAX_ENTRIES {
            return Err(too_many(field));
        }
        if kept.contains(name) {
            continue;
        }
        if groups::group(unit, name).await?.is_none() {
            return Err(ApiError::field(
                SOURCE,
                field,
                format!("There is no group {name:?} to put people into; see: alpacon group ls"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_names_with_a_dot() {
        let given = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let read = domains(&given(&[" Example.COM ", "@sub.example.com"])).unwrap();
        assert_eq!(read, ["example.com", "sub.example.com"]);
        for wrong in [
            "",
            "com",
            "a@b.c",
            "*.example.com",
            "exa mple.com",
            ".example.com",
            "a..b",
        ] {
            assert!(domains(&given(&[wrong])).is_err(), "{wrong:?}");
        }
    }
}
