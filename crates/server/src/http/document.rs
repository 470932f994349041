//! Documents that clients read, edit and send back whole (`rest-identity.md` §16):
//! what may change is checked, everything else in them is ignored, and null says
//! nothing.

use std::ops::RangeInclusive;

use protocol::code;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{ApiError, ApiResult};

/// A document as received.
#[derive(Clone, Copy)]
pub(crate) struct Document<'a> {
    members: &'a Map<String, Value>,
    /// For refusals.
    source: &'static str,
}

impl<'a> Document<'a> {
    pub(crate) fn new(members: &'a Map<String, Value>, source: &'static str) -> Self {
        Self { members, source }
    }

    fn member(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn refuse(&self, name: &'static str, what: &str) -> ApiError {
        ApiError::field(self.source, name, format!("{name} must be {what}."))
    }

    /// A text of at most `max` characters, none of them a control character other
    /// than line breaks and tabs.
    pub(crate) fn text(&self, name: &'static str, max: usize) -> ApiResult<Option<String>> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        let text = value
            .as_str()
            .ok_or_else(|| self.refuse(name, "a text"))?
            .to_owned();
        check_text(self.source, name, &text, max)?;
        Ok(Some(text))
    }

    /// True or false.
    pub(crate) fn flag(&self, name: &'static str) -> ApiResult<Option<bool>> {
        self.member(name)
            .map(|value| {
                value
                    .as_bool()
                    .ok_or_else(|| self.refuse(name, "true or false"))
            })
            .transpose()
    }

    /// An object of a known form, described by `what`.
    pub(crate) fn object<T: DeserializeOwned>(
        &self,
        name: &'static str,
        what: &str,
    ) -> ApiResult<Option<T>> {
        self.member(name)
            .map(|value| T::deserialize(value).map_err(|_| self.refuse(name, what)))
            .transpose()
    }

    /// A whole number.
    pub(crate) fn number(
        &self,
        name: &'static str,
        range: RangeInclusive<i64>,
    ) -> ApiResult<Option<i64>> {
        let what = format!("a whole number from {} to {}", range.start(), range.end());
        self.member(name)
            .map(|value| {
                value
                    .as_i64()
                    .filter(|number| range.contains(number))
                    .ok_or_else(|| self.refuse(name, &what))
            })
            .transpose()
    }

    /// One of `choices`.
    pub(crate) fn choice(
        &self,
        name: &'static str,
        choices: &[&'static str],
    ) -> ApiResult<Option<&'static str>> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        let chosen = choices
            .iter()
            .find(|choice| value.as_str() == Some(**choice));
        chosen.copied().map(Some).ok_or_else(|| {
            let mut refusal = self.refuse(name, &format!("one of: {}", choices.join(", ")));
            refusal.code = Some(code::INVALID_CHOICE);
            refusal
        })
    }

    /// Some of `choices`, each once, in the order given.
    pub(crate) fn words(
        &self,
        name: &'static str,
        choices: &[&'static str],
    ) -> ApiResult<Option<Vec<&'static str>>> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        let refuse = || {
            let mut refusal = self.refuse(name, &format!("an array of: {}", choices.join(", ")));
            refusal.code = Some(code::INVALID_CHOICE);
            refusal
        };
        let mut words: Vec<&'static str> = Vec::new();
        for item in value.as_array().ok_or_else(refuse)? {
            let known = choices
                .iter()
                .find(|choice| item.as_str() == Some(**choice));
            let word = known.copied().ok_or_else(refuse)?;
            if !words.contains(&word) {
                words.push(word);
            }
        }
        Ok(Some(words))
    }

    /// An array of at most `count` texts of at most `max` characters each.
    pub(crate) fn texts(
        &self,
        name: &'static str,
        count: usize,
        max: usize,
    ) -> ApiResult<Option<Vec<String>>> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        let refuse = || self.refuse(name, &format!("an array of at most {count} texts"));
        let items = value
            .as_array()
            .filter(|items| items.len() <= count)
            .ok_or_else(refuse)?;
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            let text = item.as_str().ok_or_else(refuse)?;
            check_text(self.source, name, text, max)?;
            texts.push(text.to_owned());
        }
        Ok(Some(texts))
    }

    /// An id, or an object that has one.
    pub(crate) fn id(&self, name: &'static str) -> ApiResult<Option<Uuid>> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        let id = value.get("id").unwrap_or(value).as_str();
        let id = id.and_then(|id| id.parse().ok());
        id.map(Some).ok_or_else(|| self.refuse(name, "an id"))
    }

    /// Ids, or objects that have one; sorted, each once.
    pub(crate) fn ids(&self, name: &'static str, max: usize) -> ApiResult<Option<Vec<Uuid>>> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        let refuse = || self.refuse(name, &format!("an array of at most {max} ids"));
        let items = value
            .as_array()
            .filter(|items| items.len() <= max)
            .ok_or_else(refuse)?;
        let mut ids = Vec::with_capacity(items.len());
        for item in items {
            let id = item.get("id").unwrap_or(item).as_str();
            ids.push(id.and_then(|id| id.parse().ok()).ok_or_else(refuse)?);
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(Some(ids))
    }
}

/// Refuses a text that is too long or holds control characters other than line
/// breaks and tabs.
pub(crate) fn check_text(
    source: &'static str,
    name: &'static str,
    text: &str,
    max: usize,
) -> ApiResult<()> {
    let fits = text.chars().count() <= max
        && !text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    if fits {
        return Ok(());
    }
    Err(ApiError::field(
        source,
        name,
        format!("{name} has at most {max} characters, none of them control characters."),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn members(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_is_there_has_its_type() {
        let id = Uuid::now_v7();
        let given = members(&json!({
            "t": "x", "f": true, "n": 3, "c": "a", "i": [{"id": id}, id], "null": null,
        }));
        let document = Document::new(&given, "test");
        assert_eq!(document.text("t", 1).unwrap().as_deref(), Some("x"));
        assert_eq!(document.flag("f").unwrap(), Some(true));
        assert_eq!(document.number("n", 1..=3).unwrap(), Some(3));
        assert_eq!(document.choice("c", &["a", "b"]).unwrap(), Some("a"));
        assert_eq!(document.ids("i", 2).unwrap(), Some(vec![id]));
        assert_eq!(document.text("null", 1).unwrap(), None);
        assert_eq!(document.flag("absent").unwrap(), None);
    }

    #[test]
    fn other_types_and_sizes_are_refused_by_name() {
        let given = members(&json!({
            "t": "xx", "f": "true", "n": 4, "c": "z", "i": ["x"], "e": "\u{1b}[31m", "h": 1.5,
        }));
        let document = Document::new(&given, "test");
        let refusals = [
            document.text("t", 1).unwrap_err(),
            document.flag("f").unwrap_err(),
            document.number("n", 1..=3).unwrap_err(),
            document.number("h", 1..=3).unwrap_err(),
            document.choice("c", &["a"]).unwrap_err(),
            document.ids("i", 2).unwrap_err(),
            document.text("e", 9).unwrap_err(),
        ];
        let fields: Vec<_> = refusals
            .iter()
            .filter_map(|refusal| refusal.field)
            .collect();
        assert_eq!(fields, ["t", "f", "n", "h", "c", "i", "e"]);
        assert!(refusals.iter().all(|refusal| refusal.status == 400));
    }
}
