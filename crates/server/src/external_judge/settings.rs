//! Which judge a workspace asks, and when.

use serde::{Deserialize, Serialize};

use crate::egress::Addresses;

/// How long an answer may take, milliseconds.
const DEADLINES: std::ops::RangeInclusive<u64> = 100..=10_000;

/// What is done when there is no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnError {
    /// A reviewer decides.
    #[default]
    Hold,
    /// It is refused.
    Deny,
}

/// About whose commands it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AskedAbout {
    /// Those of agents and tokens.
    #[default]
    Agents,
    /// All.
    Everybody,
}

/// A judge outside of this system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExternalJudge {
    /// Where it is asked; empty: nobody is.
    pub(crate) url: String,
    /// How long its answer may take.
    pub(crate) deadline_ms: u64,
    pub(crate) on_error: OnError,
    pub(crate) asked_about: AskedAbout,
}

impl Default for ExternalJudge {
    fn default() -> Self {
        Self {
            url: String::new(),
            deadline_ms: 2000,
            on_error: OnError::default(),
            asked_about: AskedAbout::default(),
        }
    }
}

impl ExternalJudge {
    /// The form, for refusals.
    pub(crate) const FORM: &'static str = "an object of url, deadline_ms, on_error \
        (hold or deny) and asked_about (agents or everybody)";

    /// Whether somebody is asked at all.
    pub(crate) fn is_named(&self) -> bool {
        !self.url.is_empty()
    }

    /// What is wrong with it, for whoever wrote it.
    pub(crate) fn fault(&self, addresses: &Addresses) -> Option<String> {
        if !DEADLINES.contains(&self.deadline_ms) {
            return Some("deadline_ms must be 100 to 10000".to_owned());
        }
        if !self.is_named() {
            return None;
        }
        addresses
            .check(&self.url)
            .err()
            .map(|error| error.to_string())
    }
}
