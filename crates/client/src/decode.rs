//! Lenient decoding: peers may send `null` for anything.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Decodes `body`, reading every `null` as absent.
///
/// # Errors
/// When it is not JSON or a present member has the wrong type.
pub fn from_slice<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    from_value(serde_json::from_slice(body)?)
}

/// Like [`from_slice`], for a value already parsed.
///
/// # Errors
/// When a present member has the wrong type.
pub fn from_value<T: DeserializeOwned>(mut value: Value) -> Result<T, serde_json::Error> {
    drop_nulls(&mut value);
    serde_json::from_value(value)
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(drop_nulls);
        }
        _ => {}
    }
}

/// For `#[serde(deserialize_with)]`: a time that nobody can read is no time.
pub(crate) fn time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(DateTime::parse_from_rfc3339(&text)
        .ok()
        .map(|time| time.with_timezone(&Utc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Row {
        name: String,
        tags: Vec<String>,
        #[serde(deserialize_with = "time")]
        at: Option<DateTime<Utc>>,
    }

    #[test]
    fn null_reads_as_absent_at_any_depth() {
        let row: Row =
            from_slice(br#"{"name":null,"tags":[null,"a"],"at":null,"other":{"x":null}}"#).unwrap();
        assert_eq!(row.tags, ["a"]);
        assert_eq!(row.at, None);
    }

    #[test]
    fn an_unreadable_time_is_none() {
        let row: Row = from_slice(br#"{"at":""}"#).unwrap();
        assert_eq!(row.at, None);
        let row: Row = from_slice(br#"{"at":"2026-01-02T03:04:05+09:00"}"#).unwrap();
        assert_eq!(row.at.unwrap().to_rfc3339(), "2026-01-01T18:04:05+00:00");
    }

    #[test]
    fn a_wrong_type_is_an_error() {
        assert!(from_slice::<Row>(br#"{"name":5}"#).is_err());
    }
}
