//! The settings as documents, each a part of all settings (`rest-identity.md` §21).

use judge::risk::RiskActions;
use protocol::workspace::{AccessControl, Preferences, Security};
use serde_json::{Map, Value, json};

use super::address::check_host;
use super::approval_rule::ApprovalRule;
use super::settings::{ApprovalPolicy, Settings};
use crate::http::{ApiError, ApiResult, Document};
use crate::mfa;

/// For refusals.
pub(super) const SOURCE: &str = "workspace";
/// Longest text.
const MAX_TEXT: usize = 64;
/// Domains that may be invited, and longest of them.
const MAX_DOMAINS: usize = 100;
const MAX_DOMAIN: usize = 253;
/// Rules about approvals.
const MAX_RULES: usize = 100;
const MINUTE: i64 = 60;
/// Not shorter than clients wait for the proof before they repeat what needed it.
const MFA_TIMEOUT: std::ops::RangeInclusive<i64> = 3 * MINUTE..=24 * 60 * MINUTE;
/// What presence may be asked for: the operations of the gate, and actions on servers.
const MFA_ACTIONS: [&str; 6] = ["server", "command", "websh", "webftp", "tunnel", "editor"];
const DAY: i64 = 24 * 60 * MINUTE;

/// A part of the settings that is read and changed as one document.
pub(super) trait Part: Sized {
    /// For the audit trail.
    const NAME: &'static str;
    /// Whoever changes it proves presence.
    const IS_PROTECTION: bool;

    /// What it is now.
    fn of(settings: &Settings) -> Self;

    /// Puts what `document` says into `settings`.
    ///
    /// # Errors
    /// When a value has another type or is out of bounds; then nothing may be stored.
    fn apply(document: Document<'_>, settings: &mut Settings) -> ApiResult<()>;
}

impl Part for Preferences {
    const NAME: &'static str = "preferences";
    const IS_PROTECTION: bool = false;

    fn of(settings: &Settings) -> Self {
        Self {
            language: settings.language.clone(),
            timezone: settings.timezone.clone(),
            country: settings.country.clone(),
            invite_ttl: settings.invite_ttl,
            allowed_domains: settings.allowed_domains.clone(),
        }
    }

    fn apply(document: Document<'_>, settings: &mut Settings) -> ApiResult<()> {
        set(&mut settings.language, document.text("language", MAX_TEXT)?);
        set(&mut settings.timezone, document.text("timezone", MAX_TEXT)?);
        set(&mut settings.country, document.text("country", MAX_TEXT)?);
        set(
            &mut settings.invite_ttl,
            document.number("invite_ttl", 5 * MINUTE..=30 * DAY)?,
        );
        let domains = document.texts("allowed_domains", MAX_DOMAINS, MAX_DOMAIN)?;
        set(
            &mut settings.allowed_domains,
            domains.map(domains_of).transpose()?,
        );
        Ok(())
    }
}

impl Part for AccessControl {
    const NAME: &'static str = "access_control";
    const IS_PROTECTION: bool = true;

    fn of(settings: &Settings) -> Self {
        Self {
            allow_direct_root: settings.allow_direct_root,
            allow_sudo_with_mfa: settings.allow_sudo_with_mfa,
            block_local_sudo: settings.block_local_sudo,
            detect_local_access: settings.detect_local_access,
            work_session_max_ttl: settings.work_session_max_ttl,
            work_session_approval: settings.work_session_approval.as_str().to_owned(),
            require_work_session_for_passwords: settings.require_work_session_for_passwords,
            require_work_session_for_tokens: settings.require_work_session_for_tokens,
            approvals_needed: settings.approvals_needed,
            allow_self_approval: settings.allow_self_approval,
            approve_from_cli: settings.approve_from_cli,
            approval_ttl: settings.approval_ttl,
            risk_of_people: settings.risk_of_people.map(|actions| json!(actions)),
            risk_of_agents: settings.risk_of_agents.map(|actions| json!(actions)),
            approval_rules: settings
                .approval_rules
                .iter()
                .map(|rule| json!(rule))
                .collect(),
            hold_programs_of_agents: settings.hold_programs_of_agents,
        }
    }

    fn apply(document: Document<'_>, settings: &mut Settings) -> ApiResult<()> {
        for (field, name) in [
            (&mut settings.allow_direct_root, "allow_direct_root"),
            (&mut settings.allow_sudo_with_mfa, "allow_sudo_with_mfa"),
            (&mut settings.block_local_sudo, "block_local_sudo"),
            (&mut settings.detect_local_access, "detect_local_access"),
            (
                &mut settings.require_work_session_for_passwords,
                "require_work_session_for_passwords",
            ),
            (
                &mut settings.require_work_session_for_tokens,
                "require_work_session_for_tokens",
            ),
            (&mut settings.allow_self_approval, "allow_self_approval"),
            (&mut settings.approve_from_cli, "approve_from_cli"),
            (
                &mut settings.hold_programs_of_agents,
                "hold_programs_of_agents",
            ),
        ] {
            set(field, document.flag(name)?);
        }
        set(
            &mut settings.work_session_max_ttl,
            document.number("work_session_max_ttl", MINUTE..=365 * DAY)?,
        );
        set(
            &mut settings.approvals_needed,
            document.number("approvals_needed", 1..=5)?,
        );
        set(
            &mut settings.approval_ttl,
            document.number("approval_ttl", 5 * MINUTE..=30 * DAY)?,
        );
        for (field, name) in [
            (&mut settings.risk_of_people, "risk_of_people"),
            (&mut settings.risk_of_agents, "risk_of_agents"),
        ] {
            const WHAT: &str = "an object of low, medium, high and critical, \
                each allow, allow_and_notify, hold or deny";
            if let Some(actions) = document.object::<RiskActions>(name, WHAT)? {
                *field = Some(actions);
            }
        }
        set(&mut settings.approval_rules, approval_rules(&document)?);
        let words = ApprovalPolicy::ALL.map(ApprovalPolicy::as_str);
        let word = document.choice("work_session_approval", &words)?;
        set(
            &mut settings.work_session_approval,
            word.and_then(ApprovalPolicy::parse),
        );
        Ok(())
    }
}

impl Part for Security {
    const NAME: &'static str = "security";
    const IS_PROTECTION: bool = true;

    fn of(settings: &Settings) -> Self {
        Self {
            mfa_required: settings.mfa_required,
            passkey_as_mfa: settings.passkey_as_mfa,
            mfa_timeout: settings.mfa_timeout,
            allowed_mfa_methods: settings.allowed_mfa_methods.clone(),
            mfa_required_actions: settings.mfa_required_actions.clone(),
            password_session_ttl: settings.password_session_ttl,
            accept_other_workspaces: settings.accept_other_workspaces,
        }
    }

    fn apply(document: Document<'_>, settings: &mut Settings) -> ApiResult<()> {
        set(&mut settings.mfa_required, document.flag("mfa_required")?);
        set(
            &mut settings.passkey_as_mfa,
            document.flag("passkey_as_mfa")?,
        );
        set(
            &mut settings.mfa_timeout,
            document.number("mfa_timeout", MFA_TIMEOUT)?,
        );
        let methods = document.words("allowed_mfa_methods", &mfa::Method::CHOICES)?;
        set(
            &mut settings.allowed_mfa_methods,
            methods.map(|words| mfa::Method::canonical(&words)),
        );
        set(
            &mut settings.mfa_required_actions,
            document
                .words("mfa_required_actions", &MFA_ACTIONS)?
                .map(|words| words.into_iter().map(str::to_owned).collect()),
        );
        set(
            &mut settings.password_session_ttl,
            document.number("password_session_ttl", 5 * MINUTE..=30 * DAY)?,
        );
        set(
            &mut settings.accept_other_workspaces,
            document.flag("accept_other_workspaces")?,
        );
        Ok(())
    }
}

fn approval_rules(document: &Document<'_>) -> ApiResult<Option<Vec<ApprovalRule>>> {
    const NAME: &str = "approval_rules";
    const WHAT: &str = "an array of rules, each with name, approval (required or \
        not_required), and optionally requester_types, scopes, server_tags, risks, reviewers, \
        needed, recommendations";
    let Some(rules) = document.object::<Vec<ApprovalRule>>(NAME, WHAT)? else {
        return Ok(None);
    };
    let refuse = |why: &str| ApiError::field(SOURCE, NAME, format!("approval_rules: {why}."));
    if rules.len() > MAX_RULES {
        return Err(refuse(&format!("there are at most {MAX_RULES} of them")));
    }
    for rule in &rules {
        rule.check().map_err(|why| refuse(&why))?;
    }
    Ok(Some(rules))
}

/// Domains in lower case, each once.
fn domains_of(given: Vec<String>) -> ApiResult<Vec<String>> {
    let mut domains = Vec::with_capacity(given.len());
    for domain in given {
        let host = check_host(domain.trim_start_matches('@')).map_err(|_| {
            ApiError::field(
                SOURCE,
                "allowed_domains",
                "allowed_domains holds domains such as example.com.",
            )
        })?;
        domains.push(host);
    }
    domains.sort_unstable();
    domains.dedup();
    Ok(domains)
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// Puts changed settings back into the stored ones. What this version does not know
/// there stays: another version may.
pub(super) fn merge(stored: Value, settings: &Settings) -> Result<Value, serde_json::Error> {
    let mut members = match stored {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    if let Value::Object(known) = serde_json::to_value(settings)? {
        members.extend(known);
    }
    Ok(Value::Object(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied<P: Part>(document: &Value) -> ApiResult<Settings> {
        let mut settings = Settings::default();
        let members = document.as_object().unwrap();
        P::apply(Document::new(members, SOURCE), &mut settings)?;
        Ok(settings)
    }

    #[test]
    fn a_document_sent_back_as_it_was_read_changes_nothing() {
        fn unchanged<P: Part + serde::Serialize>() {
            let document = serde_json::to_value(P::of(&Settings::default())).unwrap();
            assert_eq!(applied::<P>(&document).unwrap(), Settings::default());
        }
        unchanged::<Preferences>();
        unchanged::<AccessControl>();
        unchanged::<Security>();
    }

    #[test]
    fn a_part_changes_its_own_and_ignores_the_rest() {
        let settings = applied::<AccessControl>(&json!({
            "block_local_sudo": true, "work_session_approval": "always",
            "language": "ko", "password_session_ttl": 1, "unknown": [],
        }));
        let expected = Settings {
            block_local_sudo: true,
            work_session_approval: ApprovalPolicy::Always,
            ..Settings::default()
        };
        assert_eq!(settings.unwrap(), expected);
    }

    #[test]
    fn values_have_their_type_and_bounds() {
        for document in [
            json!({"block_local_sudo": "true"}),
            json!({"require_work_session_for_passwords": 0}),
            json!({"work_session_max_ttl": 1}),
            json!({"work_session_max_ttl": 3600.5}),
            json!({"work_session_max_ttl": "3600"}),
            json!({"work_session_approval": "sometimes"}),
        ] {
            assert!(applied::<AccessControl>(&document).is_err(), "{document}");
        }
        assert!(applied::<Security>(&json!({"password_session_ttl": -1})).is_err());
        for document in [
            json!({"mfa_timeout": 60}),
            json!({"mfa_required": "yes"}),
            json!({"allowed_mfa_methods": ["email"]}),
            json!({"allowed_mfa_methods": "totp"}),
            json!({"mfa_required_actions": ["command", 1]}),
            json!({"mfa_required_actions": ["sudo"]}),
        ] {
            assert!(applied::<Security>(&document).is_err(), "{document}");
        }
        let words = json!({
            "allowed_mfa_methods": ["otp", "webauthn", "totp"],
            "mfa_required_actions": ["websh", "command", "websh"],
        });
        let settings = applied::<Security>(&words).unwrap();
        assert_eq!(settings.allowed_mfa_methods, ["totp", "webauthn"]);
        assert_eq!(settings.mfa_required_actions, ["websh", "command"]);
        assert!(applied::<Preferences>(&json!({"language": ["en"]})).is_err());
        for domains in [
            json!("example.com"),
            json!([1]),
            json!(["a b"]),
            json!(["x@y"]),
        ] {
            let document = json!({"allowed_domains": domains});
            assert!(applied::<Preferences>(&document).is_err(), "{document}");
        }
        let domains = json!({"allowed_domains": ["@B.example", "a.example", "b.example"]});
        let settings = applied::<Preferences>(&domains).unwrap();
        assert_eq!(settings.allowed_domains, ["a.example", "b.example"]);
    }

    #[test]
    fn stored_settings_of_other_versions_stay() {
        let stored = json!({"of_the_future": [1], "language": "en"});
        let settings = Settings {
            language: "ko".to_owned(),
            ..Settings::default()
        };
        let merged = merge(stored, &settings).unwrap();
        assert_eq!(merged["of_the_future"], json!([1]));
        assert_eq!(merged["language"], "ko");
        let read: Settings = serde_json::from_value(merged).unwrap();
        assert_eq!(read, settings);
    }
}
