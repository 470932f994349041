//! Reading what peers of other versions write.

use serde_json::Value;

/// Peers may write `null` for anything they leave out.
#[must_use]
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name, without_nulls(value)))
                .collect(),
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_read_as_absent() {
        let value = serde_json::json!({"a": null, "b": {"c": null, "d": [null, 1]}});
        assert_eq!(
            without_nulls(value),
            serde_json::json!({"b": {"d": [null, 1]}})
        );
    }
}
