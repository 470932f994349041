//! Guardrails: what must not happen in a workspace. An addition of our server.

use protocol::guardrail::{
    Guardrail, GuardrailOutcome, GuardrailVersion, TestGuardrail, ValidateGuardrail,
    ValidatedGuardrail, WriteGuardrail,
};
use serde_json::Value;

use crate::{Api, Error, page, path};

const PATH: &str = "/api/security/guardrails/";

/// All guardrails, by name.
///
/// # Errors
/// When the caller may not see them or the call fails.
pub async fn list(api: &Api) -> Result<Vec<Guardrail>, Error> {
    page::all(api, PATH, &[], None).await
}

/// A guardrail by name or id.
///
/// # Errors
/// When there is none, the caller may not see it, or the call fails.
pub async fn find(api: &Api, name_or_id: &str) -> Result<Guardrail, Error> {
    list(api)
        .await?
        .into_iter()
        .find(|row| row.name == name_or_id || row.id.to_string() == name_or_id)
        .ok_or_else(|| Error::NotFound {
            noun: "guardrail",
            name: name_or_id.to_owned(),
        })
}

/// Its versions, newest first.
///
/// # Errors
/// When the call fails.
pub async fn versions(api: &Api, id: &str) -> Result<Vec<GuardrailVersion>, Error> {
    page::all(api, &path::join(PATH, &[id, "versions"])?, &[], None).await
}

/// Creates one.
///
/// # Errors
/// When it cannot be used, the caller may not, or the call fails.
pub async fn create(api: &Api, guardrail: &WriteGuardrail) -> Result<Guardrail, Error> {
    api.post(PATH, guardrail).await
}

/// Changes one.
///
/// # Errors
/// When it cannot be used, the caller may not, or the call fails.
pub async fn update(api: &Api, id: &str, change: &WriteGuardrail) -> Result<Value, Error> {
    api.patch_json(&path::join(PATH, &[id])?, change).await
}

/// Deletes one.
///
/// # Errors
/// When the caller may not, or the call fails.
pub async fn delete(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(PATH, &[id])?).await
}

/// Whether a text would be accepted.
///
/// # Errors
/// When the call fails.
pub async fn validate(api: &Api, policy: &str) -> Result<ValidatedGuardrail, Error> {
    let body = ValidateGuardrail {
        policy: policy.to_owned(),
    };
    api.post(&path::join(PATH, &["validate"])?, &body).await
}

/// What guardrails would say about an operation.
///
/// # Errors
/// When the call fails.
pub async fn test(api: &Api, question: &TestGuardrail) -> Result<GuardrailOutcome, Error> {
    api.post(&path::join(PATH, &["test"])?, question).await
}
