//! What a workspace lets through in transfers, as a document.

use protocol::workspace::TransferPolicy;

use super::documents::{Part, SOURCE};
use super::settings::Settings;
use crate::http::{ApiError, ApiResult, Document};

/// Patterns in one list, and longest of them.
const MAX_PATTERNS: usize = 100;
const MAX_PATTERN: usize = 128;

impl Part for TransferPolicy {
    const NAME: &'static str = "transfer_policy";
    const IS_PROTECTION: bool = true;

    fn of(settings: &Settings) -> Self {
        settings.transfer_policy.clone()
    }

    fn apply(document: Document<'_>, settings: &mut Settings) -> ApiResult<()> {
        let policy = &mut settings.transfer_policy;
        for (field, name) in [
            (&mut policy.max_bytes, "max_bytes"),
            (&mut policy.requester_quota_bytes, "requester_quota_bytes"),
        ] {
            if let Some(number) = document.number(name, 0..=i64::MAX)? {
                *field = number;
            }
        }
        for (field, name) in [
            (&mut policy.allowed_types, "allowed_types"),
            (&mut policy.forbidden_types, "forbidden_types"),
        ] {
            if let Some(texts) = document.texts(name, MAX_PATTERNS, MAX_PATTERN)? {
                *field = types_of(texts, name)?;
            }
        }
        let name = "forbidden_extensions";
        if let Some(texts) = document.texts(name, MAX_PATTERNS, MAX_PATTERN)? {
            policy.forbidden_extensions = extensions_of(texts, name)?;
        }
        Ok(())
    }
}

/// Types such as `text/plain` or `text/*`, in lower case, each once.
fn types_of(given: Vec<String>, name: &'static str) -> ApiResult<Vec<String>> {
    let is_type = |text: &str| {
        let stem = text.strip_suffix('*').unwrap_or(text);
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/.+-_".contains(&byte);
        !text.is_empty() && stem.bytes().all(known)
    };
    let detail = "a type is like text/plain, text/* or *.";
    clean(given, name, is_type, detail, |text| text)
}

/// Extensions without their dot, in lower case, each once.
fn extensions_of(given: Vec<String>, name: &'static str) -> ApiResult<Vec<String>> {
    let is_extension = |text: &str| {
        let bare = text.trim_start_matches('.');
        !bare.is_empty() && !bare.contains(['/', '.', ' ', '*'])
    };
    let detail = "an extension is like exe, without a path.";
    clean(given, name, is_extension, detail, |text| {
        text.trim_start_matches('.')
    })
}

fn clean(
    given: Vec<String>,
    name: &'static str,
    is_usable: impl Fn(&str) -> bool,
    detail: &str,
    bare: impl Fn(&str) -> &str,
) -> ApiResult<Vec<String>> {
    let mut texts = Vec::with_capacity(given.len());
    for text in given {
        let text = text.trim().to_lowercase();
        if !is_usable(&text) {
            let detail = format!("{name}: {text:?}: {detail}");
            return Err(ApiError::field(SOURCE, name, detail));
        }
        texts.push(bare(&text).to_owned());
    }
    texts.sort();
    texts.dedup();
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn apply(document: &Value) -> ApiResult<TransferPolicy> {
        let members: &Map<String, Value> = document.as_object().unwrap();
        let mut settings = Settings::default();
        TransferPolicy::apply(Document::new(members, SOURCE), &mut settings)?;
        Ok(settings.transfer_policy)
    }

    #[test]
    fn lists_are_cleaned_and_nonsense_is_refused() {
        let policy = apply(&json!({
            "max_bytes": 5,
            "allowed_types": ["Text/*", "text/*", "image/svg+xml"],
            "forbidden_extensions": [".EXE", "exe", "dll"],
        }))
        .unwrap();
        assert_eq!(policy.max_bytes, 5);
        assert_eq!(policy.allowed_types, ["image/svg+xml", "text/*"]);
        assert_eq!(policy.forbidden_extensions, ["dll", "exe"]);
        for wrong in [
            json!({"max_bytes": -1}),
            json!({"allowed_types": [""]}),
            json!({"forbidden_types": ["a b"]}),
            json!({"forbidden_types": ["*x"]}),
            json!({"forbidden_extensions": ["."]}),
            json!({"forbidden_extensions": ["a/b"]}),
        ] {
            assert!(apply(&wrong).is_err(), "{wrong}");
        }
    }
}
