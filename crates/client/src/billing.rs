//! What a cloud workspace uses and costs (`rest-identity.md` §22). The service is
//! another host, which gets the workspace's credential.

use std::collections::BTreeMap;

use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Api, Error, page, path};

const PATH: &str = "/api/workspaces/workspaces/";
const CLOUD: &str = ".alpacon.io";
const SERVICE: &str = "https://pay.alpacax.com";
const STAGING_SERVICE: &str = "https://pay.staging.alpacax.com";

/// What is used and what it costs, in the order it is shown.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Usage {
    /// The time it is about.
    pub billing_period: BillingPeriod,
    /// Currency of all amounts.
    pub currency: String,
    /// What was ordered.
    pub subscription: Subscription,
    /// What is used, by key.
    pub services: BTreeMap<String, Service>,
    /// The plan; `None` without one.
    pub metadata: Option<Metadata>,
}

/// A time from a day to another.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Period {
    /// First day.
    pub start: String,
    /// Last day.
    pub end: String,
}

/// The time that is billed.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct BillingPeriod {
    /// First day.
    pub start: String,
    /// Last day.
    pub end: String,
    /// Its days.
    pub total_days: i64,
}

/// What was ordered. Amounts are decimal text.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Subscription {
    /// Product, for people.
    pub product_name: String,
    /// Plan, for people.
    pub plan_name: String,
    /// Product, for programs.
    pub product_code: String,
    /// Plan, for programs.
    pub plan_code: String,
    /// Units that the plan holds.
    pub base_quantity: i64,
    /// Price of a unit.
    pub unit_price: String,
    /// Price of all.
    pub sub_total: String,
    /// The time it is ordered for.
    pub period: Period,
}

/// What is used of one thing. Costs are decimal text.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Service {
    /// For people.
    pub name: String,
    /// What is counted.
    pub unit: String,
    /// Number; `null`: no limit.
    pub limit: Value,
    /// Number.
    pub current_usage: Value,
    /// Cost so far.
    pub current_cost: String,
    /// Cost beyond the limit.
    pub overage_cost: Option<String>,
}

/// The plan.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Metadata {
    /// Its name.
    pub plan: String,
    /// Ordered.
    pub is_subscribed: bool,
    /// Being tried.
    pub is_trialing: bool,
    /// Paid.
    pub is_paid: bool,
    /// Decimal text.
    pub available_credit: String,
}

/// Where the billing service of a workspace is. `configured` wins. `None`: there is
/// none, because only cloud workspaces have one.
///
/// # Errors
/// When `configured` is no address that a credential may be sent to: it must be
/// `https`, or a service on this machine.
pub fn service_of(workspace: &str, configured: Option<&str>) -> Result<Option<String>, Error> {
    if let Some(configured) = configured {
        let is_safe = Url::parse(configured).is_ok_and(|url| match url.scheme() {
            "https" => true,
            "http" => matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")),
            _ => false,
        });
        if !is_safe {
            return Err(Error::Login(format!(
                "the address of the billing service must begin with https://: {configured}"
            )));
        }
        return Ok(Some(configured.to_owned()));
    }
    let url = Url::parse(workspace).ok();
    let host = url
        .as_ref()
        .filter(|url| url.scheme() == "https")
        .and_then(Url::host_str)
        .filter(|host| host.ends_with(CLOUD));
    Ok(host.map(|host| {
        let labels: Vec<&str> = host.split('.').collect();
        let is_staging = labels.len() >= 4 && labels.get(1).is_some_and(|l| l.contains("dev"));
        if is_staging { STAGING_SERVICE } else { SERVICE }.to_owned()
    }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Row {
    id: Value,
    schema_name: String,
}

/// What the workspace uses. `api` is the billing service.
///
/// # Errors
/// When the service does not know the workspace or a call fails.
pub async fn usage(api: &Api, workspace: &str) -> Result<Usage, Error> {
    estimate(api, workspace, |row| row.schema_name == workspace).await
}

/// What the workspace of `api` uses, which names one workspace: its own.
///
/// # Errors
/// When the call fails, with status 404 where the server does not tell.
pub async fn own_usage(api: &Api) -> Result<Usage, Error> {
    estimate(api, "of this address", |_| true).await
}

async fn estimate(api: &Api, name: &str, is_wanted: impl Fn(&Row) -> bool) -> Result<Usage, Error> {
    let rows: Vec<Row> = page::all(api, PATH, &[], None).await?;
    let id = rows
        .into_iter()
        .find(is_wanted)
        .map(|row| match row.id {
            Value::String(id) => id,
            id => id.to_string(),
        })
        .ok_or_else(|| Error::NotFound {
            noun: "workspace",
            name: name.to_owned(),
        })?;
    api.get(&path::join(PATH, &[&id, "estimate"])?, &[]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_to_the_cloud_service_only_for_the_cloud() {
        let service = |workspace: &str| service_of(workspace, None).unwrap();
        assert_eq!(
            service("https://acme.us1.alpacon.io").as_deref(),
            Some(SERVICE)
        );
        assert_eq!(
            service("https://acme.dev1.alpacon.io").as_deref(),
            Some(STAGING_SERVICE)
        );
        for workspace in [
            "https://alpacon.example.com",
            "https://acme.us1.alpacon.io.example.com",
            "https://evilalpacon.io",
            "https://acme.us1.alpacon.io@example.com",
            "http://acme.us1.alpacon.io",
            "",
        ] {
            assert_eq!(service(workspace), None, "{workspace}");
        }
    }

    #[test]
    fn a_configured_service_must_be_safe() {
        let configured = |url: &str| service_of("https://x.example.com", Some(url));
        for url in ["https://pay.example.com", "http://127.0.0.1:8000"] {
            assert_eq!(configured(url).unwrap().as_deref(), Some(url));
        }
        for url in [
            "http://pay.example.com",
            "http://127.0.0.1@example.com",
            "pay",
        ] {
            assert!(configured(url).is_err(), "{url}");
        }
    }
}
