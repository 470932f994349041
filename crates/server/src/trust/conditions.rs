//! What claims must be for a rule to let a job in.

use protocol::trust::{Conditions, GITHUB, GITLAB};
use serde_json::Value;

use super::pattern;
use super::rule::SOURCE;
use crate::http::{ApiError, ApiResult};
use crate::oidc::Claims;

/// Conditions of one rule.
const MAX_CONDITIONS: usize = 16;
/// Patterns of one condition.
const MAX_PATTERNS: usize = 32;
/// Longest name of a claim, bytes.
const MAX_NAME: usize = 64;

/// Issuers that sign for everybody's jobs, and the claims that say whose one is.
const SHARED: [(&str, &[&str]); 2] = [
    (
        GITHUB,
        &[
            "sub",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "job_workflow_ref",
        ],
    ),
    (
        GITLAB,
        &[
            "sub",
            "project_path",
            "project_id",
            "namespace_path",
            "namespace_id",
        ],
    ),
];

/// Refuses conditions that cannot be meant.
pub(super) fn check(issuer: &str, conditions: &Conditions) -> ApiResult<()> {
    let refuse = |detail: String| Err(ApiError::field(SOURCE, "conditions", detail));
    if conditions.is_empty() || conditions.len() > MAX_CONDITIONS {
        return refuse(format!(
            "Give 1 to {MAX_CONDITIONS} conditions, such as repository = acme/app: without one, \
             every job that the issuer signs for would be let in."
        ));
    }
    for (claim, patterns) in conditions {
        let is_name =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':');
        if claim.is_empty() || claim.len() > MAX_NAME || !claim.chars().all(is_name) {
            return refuse(format!("{claim:?} is not the name of a claim."));
        }
        if matches!(
            claim.as_str(),
            "iss" | "aud" | "exp" | "iat" | "nbf" | "jti"
        ) {
            return refuse(format!(
                "{claim} is checked already; name a claim that says whose job it is."
            ));
        }
        if patterns.is_empty() || patterns.len() > MAX_PATTERNS {
            return refuse(format!("{claim} needs 1 to {MAX_PATTERNS} patterns."));
        }
        let is_long = |pattern: &String| pattern.is_empty() || pattern.len() > pattern::MAX_PATTERN;
        if patterns.iter().any(is_long) {
            let most = pattern::MAX_PATTERN;
            return refuse(format!("A pattern of {claim} has 1 to {most} bytes."));
        }
    }
    let binding = SHARED.iter().find(|(shared, _)| *shared == issuer);
    let binds = |(claim, patterns): (&String, &Vec<String>)| match binding {
        Some((_, claims)) => {
            claims.contains(&claim.as_str()) && patterns.iter().all(|pattern| names_owner(pattern))
        }
        None => patterns
            .iter()
            .all(|pattern| pattern::says_something(pattern)),
    };
    if conditions.iter().any(binds) {
        return Ok(());
    }
    refuse(match binding {
        Some((issuer, claims)) => format!(
            "{issuer} signs for everybody's jobs, so one of {} must name an owner: without *, \
             or with * only after the first /.",
            claims.join(", ")
        ),
        None => "One condition must say something: its patterns may not begin with *.".to_owned(),
    })
}

/// Whether a pattern fixes the owner: no star, or a star only after a slash.
fn names_owner(pattern: &str) -> bool {
    pattern
        .split_once('*')
        .is_none_or(|(literal, _)| literal.contains('/'))
}

/// Whether the claims are what all conditions want. A claim that is missing, or is no
/// text, number, truth value or list of texts, fulfils none.
pub(super) fn hold(conditions: &Conditions, claims: &Claims) -> bool {
    !conditions.is_empty()
        && conditions.iter().all(|(name, patterns)| {
            let claim = claims.0.get(name);
            claim.is_some_and(|claim| is_covered(claim, patterns))
        })
}

fn is_covered(claim: &Value, patterns: &[String]) -> bool {
    let covers = |text: &str| {
        patterns
            .iter()
            .any(|pattern| pattern::matches(pattern, text))
    };
    match claim {
        Value::String(text) => covers(text),
        Value::Bool(_) | Value::Number(_) => covers(&claim.to_string()),
        Value::Array(items) => items.iter().filter_map(Value::as_str).any(covers),
        Value::Null | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn conditions(pairs: &[(&str, &[&str])]) -> Conditions {
        let list = |patterns: &[&str]| patterns.iter().map(|it| (*it).to_owned()).collect();
        pairs
            .iter()
            .map(|(claim, patterns)| ((*claim).to_owned(), list(patterns)))
            .collect()
    }

    fn claims(value: &Value) -> Claims {
        Claims(value.as_object().unwrap().clone())
    }

    #[test]
    fn a_shared_issuer_needs_an_owner() {
        for (pairs, fits) in [
            (vec![("repository", &["acme/app"][..])], true),
            (vec![("repository", &["acme/*"][..])], true),
            (vec![("repository_owner_id", &["42"][..])], true),
            (
                vec![("sub", &["repo:acme/app:**"][..]), ("ref", &["**"][..])],
                true,
            ),
            (vec![("repository", &["acme*"][..])], false),
            (vec![("repository", &["acme/app", "*/app"][..])], false),
            (vec![("repository_owner", &["ac*"][..])], false),
            (vec![("sub", &["repo:**"][..])], false),
            (vec![("ref", &["refs/heads/main"][..])], false),
            (vec![("repository_visibility", &["private"][..])], false),
            (vec![], false),
            (vec![("iss", &["x"][..])], false),
            (vec![("repository", &[][..])], false),
        ] {
            let checked = check(GITHUB, &conditions(&pairs));
            assert_eq!(checked.is_ok(), fits, "{pairs:?}");
        }
        let own = "https://git.example";
        assert!(check(own, &conditions(&[("project_path", &["infra*"])])).is_ok());
        assert!(check(own, &conditions(&[("project_path", &["*"])])).is_err());
    }

    #[test]
    fn all_conditions_must_hold_and_missing_claims_hold_none() {
        let wanted = conditions(&[("repository", &["acme/*"]), ("ref", &["refs/heads/main"])]);
        let good = json!({"repository": "acme/app", "ref": "refs/heads/main"});
        assert!(hold(&wanted, &claims(&good)));
        for bad in [
            json!({"repository": "acme/app"}),
            json!({"repository": "acme-evil/app", "ref": "refs/heads/main"}),
            json!({"repository": "acme/app", "ref": "refs/heads/dev"}),
            json!({"repository": null, "ref": "refs/heads/main"}),
            json!({"repository": {"x": "acme/app"}, "ref": "refs/heads/main"}),
            json!({}),
        ] {
            assert!(!hold(&wanted, &claims(&bad)), "{bad}");
        }
        assert!(!hold(&Conditions::new(), &claims(&json!({"a": "b"}))));
        let typed = conditions(&[
            ("id", &["42"]),
            ("protected", &["true"]),
            ("groups", &["ops"]),
        ]);
        let given = json!({"id": 42, "protected": true, "groups": ["dev", "ops"]});
        assert!(hold(&typed, &claims(&given)));
    }
}
