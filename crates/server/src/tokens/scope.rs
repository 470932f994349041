//! What tokens can be scoped to (`rest-identity.md` §19).

use protocol::code;
use protocol::token::{ScopeCatalogue, ScopeResource};

use crate::http::{ApiError, ApiResult};

/// Leave for everything.
const EVERYTHING: &str = "*";
/// Scopes of one token.
const MAX_SCOPES: usize = 100;

/// A resource, its actions, and the lists that bound it beside its scopes.
type Resource = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// What this version asks scopes for. What it does not know cannot be granted:
/// the grant would come into force with a later version, unseen.
const RESOURCES: [Resource; 16] = [
    ("activity", &["read"], &[]),
    (
        "command",
        &["create", "delete", "read"],
        &["command", "server"],
    ),
    ("event_session", &["create"], &[]),
    ("event_subscription", &["create"], &[]),
    ("group", &["create", "delete", "read", "update"], &[]),
    // Changing guardrails takes a login.
    ("guardrail", &["read"], &[]),
    // Unlocking takes a login.
    ("lock", &["create", "read"], &[]),
    ("membership", &["create", "delete", "read"], &[]),
    ("registration_method", &["read"], &[]),
    ("registration_token", &["create", "delete", "read"], &[]),
    ("server", &["delete", "read", "update"], &["server"]),
    ("tunnel", &["create", "read"], &["server"]),
    ("user", &["create", "delete", "read", "update"], &[]),
    ("webftp", &["create", "delete", "read"], &["file", "server"]),
    ("websh", &["create", "read"], &["command", "server"]),
    ("workspace", &["read"], &[]),
];

/// The scopes that a caller who holds `held` may grant.
pub(super) fn catalogue(held: &[String]) -> ScopeCatalogue {
    let holds = |scope: &str| held.iter().any(|own| own == scope || own == EVERYTHING);
    let resources = RESOURCES.iter().filter_map(|(name, actions, acl)| {
        let whole = holds(&format!("{name}:*"));
        let actions: Vec<String> = actions
            .iter()
            .filter(|action| whole || holds(&format!("{name}:{action}")))
            .map(|action| (*action).to_owned())
            .collect();
        (!actions.is_empty()).then(|| ScopeResource {
            name: (*name).to_owned(),
            actions,
            acl: acl.iter().map(|list| (*list).to_owned()).collect(),
        })
    });
    let wildcards = holds(EVERYTHING).then(|| EVERYTHING.to_owned());
    ScopeCatalogue {
        resources: resources.collect(),
        wildcards: wildcards.into_iter().collect(),
    }
}

/// The scopes of a new token; none means everything.
pub(crate) fn checked(mut scopes: Vec<String>) -> ApiResult<Vec<String>> {
    if scopes.is_empty() {
        return Ok(vec![EVERYTHING.to_owned()]);
    }
    if scopes.len() > MAX_SCOPES {
        let detail = format!("A token has at most {MAX_SCOPES} scopes.");
        return Err(ApiError::field("token", "scopes", detail));
    }
    if !scopes.iter().all(|scope| is_known(scope)) {
        let mut refusal = ApiError::field(
            "token",
            "scopes",
            "A scope is *, resource:* or resource:action of: alpacon token scopes",
        );
        refusal.code = Some(code::INVALID_CHOICE);
        return Err(refusal);
    }
    scopes.sort_unstable();
    scopes.dedup();
    Ok(scopes)
}

fn is_known(scope: &str) -> bool {
    let Some((name, action)) = scope.split_once(':') else {
        return scope == EVERYTHING;
    };
    RESOURCES
        .iter()
        .any(|(known, actions, _)| *known == name && (action == "*" || actions.contains(&action)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(scopes: &[&str]) -> Vec<String> {
        scopes.iter().map(|scope| (*scope).to_owned()).collect()
    }

    #[test]
    fn no_scopes_mean_all_and_unknown_ones_are_refused() {
        assert_eq!(checked(vec![]).unwrap(), ["*"]);
        let given = owned(&["server:read", "command:*", "server:read"]);
        assert_eq!(checked(given).unwrap(), ["command:*", "server:read"]);
        for scope in [
            "",
            "server",
            "server:",
            "server:fly",
            "sever:read",
            "*:read",
        ] {
            let refusal = checked(owned(&[scope])).unwrap_err();
            assert_eq!(refusal.code, Some("invalid_choice"), "{scope}");
        }
        assert!(checked(vec!["*".to_owned(); MAX_SCOPES + 1]).is_err());
    }

    #[test]
    fn everything_offered_can_be_granted() {
        let all = catalogue(&owned(&["*"]));
        assert_eq!(all.wildcards, ["*"]);
        for resource in &all.resources {
            for action in &resource.actions {
                assert!(is_known(&format!("{}:{action}", resource.name)));
            }
        }
    }

    #[test]
    fn a_caller_is_offered_no_more_than_they_hold() {
        let some = catalogue(&owned(&["server:read", "command:*"]));
        assert!(some.wildcards.is_empty());
        let names: Vec<_> = some.resources.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["command", "server"]);
        assert_eq!(some.resources[0].actions.len(), 3);
        assert_eq!(some.resources[1].actions, ["read"]);
    }
}
