//! The answer.

use serde::Serialize;

use crate::{plan::Flag, risk::Risk};

/// The judge's answer for one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What to do.
    pub decision: Decision,
    /// The rule that decided, as its author wrote it. For an allowed line, the
    /// rule of its first command.
    pub rule: Option<String>,
    /// What the audit should show beside the line.
    pub flags: Vec<Flag>,
    /// How much harm the line can do.
    pub risk: Risk,
}

/// What to do with a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Decision {
    /// Run it.
    Allow,
    /// Refuse it.
    Deny {
        /// Machine code.
        code: DenyCode,
        /// One sentence for the caller.
        reason: String,
    },
    /// Ask somebody first.
    Hold {
        /// One sentence for the reviewer.
        reason: String,
    },
}

/// Machine codes of a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum DenyCode {
    /// No rule allows one of the commands.
    #[serde(rename = "command_not_allowed")]
    CommandNotAllowed,
    /// What the line would run cannot be said for certain.
    #[serde(rename = "command_undecidable")]
    Undecidable,
    /// A variable changes what runs, and no rule names it.
    #[serde(rename = "command_environment_not_allowed")]
    EnvironmentNotAllowed,
    /// No file rule allows a redirection's target.
    #[serde(rename = "command_file_not_allowed")]
    FileNotAllowed,
    /// The risk is too high for the requester.
    #[serde(rename = "command_risk_denied")]
    RiskDenied,
    /// The session does not hold the `sudo` scope.
    #[serde(rename = "WORK_SESSION_SCOPE_NOT_ALLOWED")]
    SudoScope,
    /// No sudo policy names the command.
    #[serde(rename = "SUDO_NO_WORKSESSION_POLICY")]
    SudoNoPolicy,
}

impl DenyCode {
    /// The code on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CommandNotAllowed => "command_not_allowed",
            Self::Undecidable => "command_undecidable",
            Self::EnvironmentNotAllowed => "command_environment_not_allowed",
            Self::FileNotAllowed => "command_file_not_allowed",
            Self::RiskDenied => "command_risk_denied",
            Self::SudoScope => "WORK_SESSION_SCOPE_NOT_ALLOWED",
            Self::SudoNoPolicy => "SUDO_NO_WORKSESSION_POLICY",
        }
    }
}
