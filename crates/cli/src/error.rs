//! How a command ends when it does not succeed. One table from the kind of an error
//! to exit status, hint and form.

use protocol::code;
use serde_json::json;

use crate::envelope::Envelope;
use crate::gate::Denial;
use crate::output::{Format, message};
use crate::pending::Pending;

/// Where to report what looks like our mistake.
const ISSUES_URL: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/issues");

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error with a message.
    Error(Box<CliError>),
    /// The work-session gate refused: exit 3.
    Gate(Box<Denial>),
    /// A person has to decide first: exit 4.
    Pending(Box<Pending>),
    /// Everything has been said; only the status is left.
    Status(u8),
}

/// What kind of error, and so which exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Unexpected: exit 1 and a pointer to the issue tracker.
    General,
    /// A refusal with a clear reason: exit 1.
    Refusal,
    /// The command line is wrong: exit 2.
    Usage,
    /// The server is in use: exit 5.
    Busy,
    /// The awaited approval was not granted: exit 6.
    NotGranted,
}

/// An error with everything needed to report it.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) kind: Kind,
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) operation: Option<&'static str>,
}

impl Kind {
    fn exit_status(self) -> u8 {
        match self {
            Self::General | Self::Refusal => 1,
            Self::Usage => 2,
            Self::Busy => 5,
            Self::NotGranted => 6,
        }
    }
}

impl CliError {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: None,
            message: message.into(),
            hint: None,
            operation: None,
        }
    }

    pub(crate) fn refusal(message: impl Into<String>) -> Self {
        Self::new(Kind::Refusal, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            code: Some(code::USAGE_ERROR.to_owned()),
            ..Self::new(Kind::Usage, message)
        }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Says what was being done, before the reason.
    pub(crate) fn while_doing(self, what: &str) -> Self {
        Self {
            message: format!("{what}: {}", self.message),
            ..self
        }
    }

    /// Names the operation in the envelope, where it is not the command word.
    pub(crate) fn during(self, operation: &'static str) -> Self {
        Self {
            operation: Some(operation),
            ..self
        }
    }
}

/// The table: what each error of the client is to the user.
impl From<client::Error> for CliError {
    fn from(error: client::Error) -> Self {
        use client::Error as E;
        let kind = match &error {
            E::NotLoggedIn
            | E::Config { .. }
            | E::NotFound { .. }
            | E::Refresh(_)
            | E::Login(_)
            | E::SubmissionUnknown => Kind::Refusal,
            E::InvalidId(_) => Kind::Usage,
            E::Api(refusal) => match refusal.code.as_deref() {
                Some(
                    code::COMMAND_INLINE_CREDENTIAL
                    | code::COMMAND_NOT_ALLOWED
                    | code::API_TOKEN_ACL_NOT_ALLOWED,
                ) => Kind::Refusal,
                _ => Kind::General,
            },
            _ => Kind::General,
        };
        let code = match kind {
            Kind::Usage => Some(code::USAGE_ERROR.to_owned()),
            _ => error.code().map(ToOwned::to_owned),
        };
        Self {
            code,
            ..Self::new(kind, error.to_string())
        }
    }
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        Self::Error(Box::new(error))
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        CliError::from(error).into()
    }
}

impl From<Denial> for Failure {
    fn from(denial: Denial) -> Self {
        Self::Gate(Box::new(denial))
    }
}

impl From<Pending> for Failure {
    fn from(pending: Pending) -> Self {
        Self::Pending(Box::new(pending))
    }
}

impl Failure {
    /// Says what is to be said and gives the exit status.
    pub(crate) fn report(&self, format: Format, operation: &str) -> u8 {
        match self {
            Self::Error(error) => error.report(format, operation),
            Self::Gate(denial) => denial.report(format),
            Self::Pending(pending) => pending.report(format),
            Self::Status(status) => *status,
        }
    }
}

impl CliError {
    fn report(&self, format: Format, operation: &str) -> u8 {
        let status = self.kind.exit_status();
        match format {
            Format::Json => Envelope {
                ok: false,
                exit_code: status,
                error_code: self.code.as_deref(),
                message: &self.message,
                reason: None,
                context: json!({ "operation": self.operation.unwrap_or(operation) }),
                actions: None,
            }
            .print(),
            Format::Table => {
                message::error(&self.message);
                if let Some(hint) = &self.hint {
                    message::hint(hint);
                }
                if self.kind == Kind::General {
                    message::plain(&format!(
                        "If this looks like a bug, report it: {ISSUES_URL}"
                    ));
                }
            }
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_status() {
        let statuses = [
            Kind::General,
            Kind::Refusal,
            Kind::Usage,
            Kind::Busy,
            Kind::NotGranted,
        ]
        .map(Kind::exit_status);
        assert_eq!(statuses, [1, 1, 2, 5, 6]);
    }

    #[test]
    fn the_servers_code_is_kept() {
        let refusal = client::ApiError {
            status: 400,
            code: Some(code::COMMAND_INLINE_CREDENTIAL.to_owned()),
            message: "no".to_owned(),
            ..client::ApiError::default()
        };
        let error = CliError::from(client::Error::Api(Box::new(refusal)));
        assert_eq!(error.kind, Kind::Refusal);
        assert_eq!(error.code.as_deref(), Some("command_inline_credential"));
    }
}
