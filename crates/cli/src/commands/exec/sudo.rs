//! Denials that the host's sudo plugin writes into the output (`cli-core.md` §8.6).

use std::time::Duration;

use client::{mfa, oauth, servers};

use super::attempt::Plan;
use crate::browser;
use crate::context::Session;
use crate::output::color::{self, Color};
use crate::output::spinner::Spinner;
use crate::output::{self, message, sanitize};
use crate::{prompt, shell};

const PREFIX: &str = "Alpacon denied this sudo command (";
const SUFFIX: &str = ").";
const MAX_CODE: usize = 63;
const STEP_UP_TICK: Duration = Duration::from_millis(500);
const STEP_UP_LIMIT: Duration = Duration::from_secs(60);

const PRESENCE_REQUIRED: &str = "SUDO_PRESENCE_REQUIRED";
const APPROVAL_REQUIRED: &str = "SUDO_APPROVAL_REQUIRED";
const INTENT_DEVIATION: &str = "SUDO_INTENT_DEVIATION";

/// Known codes in the order in which one of several answers, each with its advice.
const ADVICE: [(&str, &str); 10] = [
    (
        "WORKSPACE_SUDO_WITH_MFA_DISABLED",
        "the workspace does not allow sudo with MFA; an administrator can change it with \
         `alpacon workspace access-control update`",
    ),
    (
        "SUDO_SESSION_MISSING",
        "the server could not tell which session this sudo belongs to; run the command again",
    ),
    (
        "WORK_SESSION_SCOPE_NOT_ALLOWED",
        "the work session does not hold the sudo scope; run `alpacon work-session update \
         [SESSION_ID] --scope command,sudo` (it replaces the whole list and may need approval) or \
         create a session with --sudo",
    ),
    (
        "SUDO_COMMAND_NOT_AUTHORIZED",
        "no person stands behind this login (a service token); run it as a user",
    ),
    (
        "SUDO_NO_WORKSESSION_POLICY",
        "no sudo policy of the session covers the command; run `alpacon work-session update \
         [SESSION_ID] --sudo \"<command>\"`, which may need approval",
    ),
    (
        "SUDO_POLICY_MFA_REQUIRED",
        "a policy covers the command but demands MFA; add one that does not with `alpacon \
         work-session update [SESSION_ID] --sudo \"<command>\"`, which may need approval",
    ),
    (
        PRESENCE_REQUIRED,
        "prove your presence with MFA, then run the command again",
    ),
    (
        APPROVAL_REQUIRED,
        "an approval request was made; run the command again after the approval",
    ),
    (
        INTENT_DEVIATION,
        "the command does not fit the purpose of the session; say what you do with `alpacon \
         work-session update [SESSION_ID] --title \"<…>\"` instead of waiting (changing the \
         description may itself need approval)",
    ),
    (
        "SUDO_RISK_DENIED",
        "the risk assessment does not permit this command",
    ),
];

/// A code as the host wrote it: `[A-Z0-9_]{1,63}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code(String);

/// The denials of one failed command.
#[derive(Clone, Debug)]
pub(super) struct Denials(Vec<Code>);

/// Finds denial lines in output that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    /// The end of what was read, in which a line may have begun.
    tail: String,
    codes: Vec<Code>,
}

impl Scanner {
    pub(super) fn read(&mut self, text: &str) {
        self.tail.push_str(text);
        for code in find(&self.tail) {
            if !self.codes.contains(&code) {
                self.codes.push(code);
            }
        }
        let keep = PREFIX.len() + MAX_CODE + SUFFIX.len();
        let start = self.tail.len().saturating_sub(keep);
        let start = (start..=self.tail.len())
            .find(|index| self.tail.is_char_boundary(*index))
            .unwrap_or_default();
        self.tail.drain(..start);
    }

    pub(super) fn codes(&self) -> &[Code] {
        &self.codes
    }
}

/// All codes in `text`.
pub(super) fn find(text: &str) -> Vec<Code> {
    text.split(PREFIX)
        .skip(1)
        .filter_map(|rest| {
            let (code, _) = rest.split_once(SUFFIX)?;
            let valid = (1..=MAX_CODE).contains(&code.len())
                && code
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
            valid.then(|| Code(code.to_owned()))
        })
        .collect()
}

impl Denials {
    /// `None` without any code.
    pub(super) fn new(codes: Vec<Code>) -> Option<Self> {
        (!codes.is_empty()).then_some(Self(codes))
    }

    pub(super) fn has_presence(&self) -> bool {
        self.has(PRESENCE_REQUIRED)
    }

    pub(super) fn is_pending(&self) -> bool {
        self.has(APPROVAL_REQUIRED) || self.has(INTENT_DEVIATION)
    }

    /// What to tell next to the pending signal.
    pub(super) fn pending_hint(&self) -> Option<&'static str> {
        self.has(INTENT_DEVIATION)
            .then(|| advice(INTENT_DEVIATION))
            .flatten()
    }

    /// What to tell about the first code in the order of the table.
    pub(super) fn hint(&self) -> String {
        let known = ADVICE.iter().find(|(code, _)| self.has(code));
        match (known, self.0.first()) {
            (Some((_, advice)), _) => (*advice).to_owned(),
            (None, code) => format!(
                "sudo was denied with {}; this version has no advice for it: look in the Alpacon \
                 console, and update the CLI",
                code.map_or("an unknown code", |code| code.0.as_str())
            ),
        }
    }

    fn has(&self, wanted: &str) -> bool {
        self.0.iter().any(|code| code.0 == wanted)
    }
}

fn advice(wanted: &str) -> Option<&'static str> {
    ADVICE
        .iter()
        .find(|(code, _)| *code == wanted)
        .map(|(_, advice)| *advice)
}

/// The line that runs the command again; values of variables are left out.
pub(super) fn retry_command(plan: &Plan) -> String {
    let request = &plan.request;
    let mut words = vec!["alpacon".to_owned(), "exec".to_owned()];
    for (flag, value) in [
        ("-u", &request.username),
        ("-g", &request.groupname),
        ("--work-session", &request.work_session),
    ] {
        if !value.is_empty() {
            words.extend([flag.to_owned(), shell::quote(value)]);
        }
    }
    let mut keys: Vec<&str> = request.env.iter().map(super::raw::Variable::key).collect();
    keys.sort_unstable();
    keys.dedup();
    words.extend(
        keys.into_iter()
            .map(|key| shell::quote(&format!("--env={key}"))),
    );
    words.push(shell::quote(&request.server));
    words.push("--".to_owned());
    words.push(shell::quote(&request.line));
    words.join(" ")
}

/// Lets the user prove presence. `true`: run the command again.
pub(super) async fn step_up(session: &mut Session, plan: &Plan) -> bool {
    let link = link(session, plan).await;
    if !prompt::is_interactive() {
        if let Ok(link) = link {
            message::info(&format!("prove your presence here: {link}"));
        }
        return false;
    }
    let link = match link {
        Ok(link) => link,
        Err(error) => {
            message::warning(&format!("no address for MFA: {error}"));
            return false;
        }
    };
    output::stderr(&format!(
        "\nsudo asks for a second factor (MFA). Complete it here:\n{}\n\n",
        color::paint(&sanitize::cell(&link), Color::Blue)
    ));
    if prompt::line("Press Enter to open the browser ").is_err() {
        return false;
    }
    browser::open(&link, session.store.folder());
    let done = {
        let _spinner = Spinner::start("Waiting for MFA...");
        mfa::wait(&session.api, STEP_UP_TICK, STEP_UP_LIMIT).await
    };
    if !done {
        message::warning("MFA was not completed in time");
        return false;
    }
    match oauth::refresh(&session.api, &session.store, &mut session.config).await {
        Ok(()) => true,
        Err(error) => {
            message::warning(&error.to_string());
            false
        }
    }
}

async fn link(session: &Session, plan: &Plan) -> Result<String, client::Error> {
    let server = servers::id_by_name(&session.api, &plan.request.server).await?;
    mfa::link(&session.api, Some(&server), &session.config.workspace_name).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn codes(text: &str) -> Vec<String> {
        find(text).into_iter().map(|code| code.0).collect()
    }

    #[test]
    fn only_the_exact_line_counts() {
        assert_eq!(
            codes("x\nAlpacon denied this sudo command (SUDO_RISK_DENIED).\ny"),
            ["SUDO_RISK_DENIED"]
        );
        for text in [
            "Alpacon denied this sudo command (sudo).",
            "Alpacon denied this sudo command ().",
            "Alpacon denied this sudo command (A)",
            "alpacon denied this sudo command (A).",
            &format!("Alpacon denied this sudo command ({}).", "A".repeat(64)),
        ] {
            assert!(codes(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn the_table_decides_which_code_answers() {
        let denials = |names: &[&str]| {
            Denials::new(names.iter().map(|&name| Code(name.to_owned())).collect()).unwrap()
        };
        let both = denials(&["SUDO_RISK_DENIED", "SUDO_SESSION_MISSING"]);
        assert!(both.hint().contains("run the command again"));
        assert!(!both.is_pending());
        let pending = denials(&["SUDO_RISK_DENIED", "SUDO_INTENT_DEVIATION"]);
        assert!(pending.is_pending());
        assert!(pending.pending_hint().unwrap().contains("--title"));
        assert!(denials(&["NEW_CODE"]).hint().contains("NEW_CODE"));
        assert!(Denials::new(Vec::new()).is_none());
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_are_found(cut in 0_usize..70, before in "\\PC{0,90}") {
            let text = format!("{before}Alpacon denied this sudo command (SUDO_RISK_DENIED).\n");
            let mut scanner = Scanner::default();
            let cut = (0..=cut.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap();
            scanner.read(&text[..cut]);
            scanner.read(&text[cut..]);
            prop_assert_eq!(scanner.codes().len(), 1);
        }
    }
}
