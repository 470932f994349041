//! Rules about who needs an approval, and whose. The first that matches decides; where
//! none does, the other settings do.

use judge::risk::Risk;
use protocol::work_session::{REQUESTER_AGENT, REQUESTER_USER, SCOPES};
use serde::{Deserialize, Serialize};

/// Longest name of a rule, and of a group, characters.
const MAX_NAME: usize = 128;
/// Words of one condition, reviewers and recommendations of one rule.
const MAX_WORDS: usize = 50;
/// Longest recommendation, characters.
const MAX_TEXT: usize = 500;
/// As for `approvals_needed`.
const NEEDED: std::ops::RangeInclusive<i64> = 1..=5;

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Need {
    /// A reviewer decides.
    Required,
    /// Nobody is asked.
    NotRequired,
}

/// A rule. An empty condition holds for everything. With `risks` it is about commands,
/// without about work sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalRule {
    /// For people.
    pub(crate) name: String,
    pub(crate) approval: Need,
    /// `user`, `agent`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) requester_types: Vec<String>,
    /// Scopes of work sessions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) scopes: Vec<String>,
    /// `name`, or `name=value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) server_tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) risks: Vec<Risk>,
    /// Groups whose members decide; empty: superusers do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reviewers: Vec<String>,
    /// How many must agree; none: as everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) needed: Option<i64>,
    /// Advice that sessions show which the rule matches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) recommendations: Vec<String>,
}

/// What is asked for, as rules see it.
#[derive(Clone, Debug)]
pub(crate) struct Facts<'a> {
    /// `user` or `agent`.
    pub(crate) requester_type: &'a str,
    /// What it may be used for.
    pub(crate) scopes: &'a [String],
    /// The tags of each server.
    pub(crate) servers: Vec<&'a serde_json::Value>,
    /// Of a command; none: it is about a session.
    pub(crate) risk: Option<Risk>,
}

impl ApprovalRule {
    /// Whether the rule is about this. What requires an approval matches when one of
    /// several scopes or servers does; what dispenses with one, only when all do: one
    /// harmless server must not open the way to another.
    pub(crate) fn matches(&self, facts: &Facts<'_>) -> bool {
        let about = match facts.risk {
            Some(risk) => self.risks.contains(&risk),
            None => self.risks.is_empty(),
        };
        let requester = self.requester_types.is_empty()
            || (self.requester_types.iter()).any(|kind| kind == facts.requester_type);
        let holds_for_scope = |scope: &String| self.scopes.contains(scope);
        let holds_for_server = |tags: &&serde_json::Value| {
            let holds = |tag: &String| has_tag(tags, tag);
            self.server_tags.iter().any(holds)
        };
        let scopes = self.scopes.is_empty() || self.quantified(facts.scopes, holds_for_scope);
        let servers =
            self.server_tags.is_empty() || self.quantified(&facts.servers, holds_for_server);
        about && requester && scopes && servers
    }

    fn quantified<T>(&self, all: &[T], holds: impl Fn(&T) -> bool) -> bool {
        match self.approval {
            Need::Required => all.iter().any(holds),
            Need::NotRequired => !all.is_empty() && all.iter().all(holds),
        }
    }

    /// What is wrong with a rule.
    pub(super) fn check(&self) -> Result<(), String> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME {
            return Err(format!(
                "every rule has a name of 1 to {MAX_NAME} characters"
            ));
        }
        let wrong = |what: &str| Err(format!("{name}: {what}"));
        let lists = [
            &self.requester_types,
            &self.scopes,
            &self.server_tags,
            &self.reviewers,
            &self.recommendations,
        ];
        if lists.iter().any(|list| list.len() > MAX_WORDS) {
            return wrong(&format!("a list has more than {MAX_WORDS} entries"));
        }
        let is_type = |kind: &String| [REQUESTER_USER, REQUESTER_AGENT].contains(&kind.as_str());
        if !self.requester_types.iter().all(is_type) {
            return wrong("requester_types holds user and agent");
        }
        if !(self.scopes.iter()).all(|scope| SCOPES.contains(&scope.as_str())) {
            return wrong(&format!("scopes holds {}", SCOPES.join(", ")));
        }
        let is_tag = |tag: &String| !tag.is_empty() && !tag.starts_with('=');
        if !self.server_tags.iter().all(is_tag) {
            return wrong("server_tags holds NAME or NAME=VALUE");
        }
        if self.needed.is_some_and(|needed| !NEEDED.contains(&needed)) {
            return wrong("needed is from 1 to 5");
        }
        if self.approval == Need::NotRequired
            && (!self.reviewers.is_empty() || self.needed.is_some())
        {
            return wrong("nobody reviews what needs no approval; take reviewers and needed out");
        }
        let is_advice = |text: &String| {
            let length = text.trim().chars().count();
            (1..=MAX_TEXT).contains(&length) && !text.chars().any(char::is_control)
        };
        if !self.recommendations.iter().all(is_advice) {
            return wrong(&format!(
                "recommendations are lines of 1 to {MAX_TEXT} characters"
            ));
        }
        Ok(())
    }
}

/// The rule that decides.
pub(crate) fn deciding<'a>(
    rules: &'a [ApprovalRule],
    facts: &Facts<'_>,
) -> Option<&'a ApprovalRule> {
    rules.iter().find(|rule| rule.matches(facts))
}

fn has_tag(tags: &serde_json::Value, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((name, value)) => tags.get(name).and_then(|tag| tag.as_str()) == Some(value),
        None => tags.get(wanted).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn rule(document: Value) -> ApprovalRule {
        let rule: ApprovalRule = serde_json::from_value(document).unwrap();
        rule.check().unwrap();
        rule
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn one_server_or_scope_is_enough_to_require_and_too_little_to_dispense() {
        let (prod, dev) = (json!({"env": "prod"}), json!({"env": "dev"}));
        let scopes = words(&["command", "sudo"]);
        let facts = |servers| Facts {
            requester_type: "agent",
            scopes: &scopes,
            servers,
            risk: None,
        };
        let required = json!({"name": "r", "approval": "required", "server_tags": ["env=prod"],
            "scopes": ["sudo"]});
        assert!(rule(required.clone()).matches(&facts(vec![&dev, &prod])));
        assert!(!rule(required).matches(&facts(vec![&dev])));
        let dispensed = json!({"name": "d", "approval": "not_required",
            "server_tags": ["env=dev"]});
        assert!(rule(dispensed.clone()).matches(&facts(vec![&dev, &dev])));
        assert!(!rule(dispensed.clone()).matches(&facts(vec![&dev, &prod])));
        assert!(!rule(dispensed).matches(&facts(vec![])));
        let some = json!({"name": "s", "approval": "not_required", "scopes": ["command"]});
        assert!(!rule(some).matches(&facts(vec![&dev])));
    }

    #[test]
    fn the_first_that_matches_decides() {
        let rules = [
            rule(json!({"name": "people", "approval": "not_required",
                "requester_types": ["user"]})),
            rule(json!({"name": "rest", "approval": "required", "needed": 2})),
        ];
        let scopes = words(&["command"]);
        let tags = json!({});
        let by = |requester_type, risk| {
            let servers = vec![&tags];
            let facts = Facts {
                requester_type,
                scopes: &scopes,
                servers,
                risk,
            };
            deciding(&rules, &facts).map(|rule| rule.name.clone())
        };
        assert_eq!(by("user", None).as_deref(), Some("people"));
        assert_eq!(by("agent", None).as_deref(), Some("rest"));
        assert_eq!(by("agent", Some(Risk::Critical)), None);
    }

    #[test]
    fn rules_about_risks_are_about_commands() {
        let rule = rule(json!({"name": "r", "approval": "required",
            "risks": ["high", "critical"]}));
        let scopes = words(&["command"]);
        let tags = json!({"env": "prod"});
        let facts = |risk| Facts {
            requester_type: "user",
            scopes: &scopes,
            servers: vec![&tags],
            risk,
        };
        assert!(rule.matches(&facts(Some(Risk::High))));
        assert!(!rule.matches(&facts(Some(Risk::Low))));
        assert!(!rule.matches(&facts(None)));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for document in [
            json!({"name": " ", "approval": "required"}),
            json!({"name": "x", "approval": "required", "requester_types": ["robot"]}),
            json!({"name": "x", "approval": "required", "scopes": ["everything"]}),
            json!({"name": "x", "approval": "required", "server_tags": ["=prod"]}),
            json!({"name": "x", "approval": "required", "needed": 0}),
            json!({"name": "x", "approval": "not_required", "reviewers": ["sre"]}),
            json!({"name": "x", "approval": "required", "recommendations": [""]}),
        ] {
            let rule: ApprovalRule = serde_json::from_value(document.clone()).unwrap();
            assert!(rule.check().is_err(), "{document}");
        }
        let unknown = json!({"name": "x", "approval": "required", "servers": ["a"]});
        assert!(serde_json::from_value::<ApprovalRule>(unknown).is_err());
    }

    proptest! {
        #[test]
        fn another_server_never_takes_a_requirement_away(
            envs in prop::collection::vec("prod|dev|test", 1..5), more in "prod|dev|test",
        ) {
            let rules = [
                rule(json!({"name": "a", "approval": "not_required",
                    "server_tags": ["env=dev"]})),
                rule(json!({"name": "b", "approval": "required"})),
            ];
            let scopes = words(&["command"]);
            let mut tags: Vec<Value> = envs.iter().map(|env| json!({"env": env})).collect();
            let required = |tags: &[Value]| {
                let servers = tags.iter().collect();
                let facts = Facts { requester_type: "agent", scopes: &scopes, servers, risk: None };
                deciding(&rules, &facts).unwrap().approval == Need::Required
            };
            let before = required(&tags);
            tags.push(json!({"env": more}));
            prop_assert!(!before || required(&tags));
        }
    }
}
