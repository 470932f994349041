//! How mail is sent.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// How mail is sent; without a host it is not.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MailConfig {
    /// SMTP server.
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
    pub(crate) security: MailSecurity,
    /// Who mails come from, as in their header.
    pub(crate) from: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    /// Read at the start, one line.
    pub(crate) password_file: Option<PathBuf>,
    /// PEM; absent: the certificates that the system trusts.
    pub(crate) ca_file: Option<PathBuf>,
    /// For each step of talking to the SMTP server.
    pub(crate) timeout_seconds: u64,
}

/// What protects the way to the SMTP server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MailSecurity {
    /// TLS after a greeting in the clear; never without.
    #[default]
    Starttls,
    /// TLS from the start.
    Tls,
    /// Nothing, to a server on this machine.
    None,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            host: None,
            port: 587,
            security: MailSecurity::default(),
            from: None,
            username: None,
            password: None,
            password_file: None,
            ca_file: None,
            timeout_seconds: 30,
        }
    }
}

/// It may hold a password.
impl fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

impl MailConfig {
    pub(super) fn check(&self, has_public_url: bool) -> Result<(), ConfigError> {
        let wrong = |key, message: &str| {
            Err(ConfigError::Value {
                key,
                message: message.to_owned(),
            })
        };
        let Some(host) = &self.host else {
            return Ok(());
        };
        if !has_public_url {
            return wrong(
                "server.public_url",
                "must be set to send mail: links in mails lead there",
            );
        }
        if self.from.is_none() {
            return wrong("mail.from", "must be set to send mail");
        }
        if self.username.is_some() != (self.password.is_some() || self.password_file.is_some()) {
            return wrong(
                "mail.username",
                "a username and a password are given together or not at all",
            );
        }
        if self.password.is_some() && self.password_file.is_some() {
            return wrong("mail.password_file", "give it or mail.password, not both");
        }
        let is_local = matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1");
        if self.security == MailSecurity::None && !is_local {
            return wrong(
                "mail.security",
                "may be none only for a mail server on this machine: mails let their readers in",
            );
        }
        if !(1..=300).contains(&self.timeout_seconds) {
            return wrong("mail.timeout_seconds", "must be from 1 to 300");
        }
        Ok(())
    }

    /// The defaults of what has one, for comparing.
    #[cfg(test)]
    pub(super) fn without_optional(&self) -> Self {
        Self {
            port: self.port,
            security: self.security,
            timeout_seconds: self.timeout_seconds,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut MailConfig)) -> String {
        let mut config = MailConfig {
            host: Some("smtp.example.com".to_owned()),
            from: Some("a@example.com".to_owned()),
            ..MailConfig::default()
        };
        change(&mut config);
        config
            .check(true)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn each_fault_is_told_by_its_key() {
        assert_eq!(refused(|_| {}), "");
        assert_eq!(MailConfig::default().check(false).ok(), Some(()));
        assert!(refused(|c| c.from = None).starts_with("mail.from"));
        assert!(refused(|c| c.username = Some("a".into())).starts_with("mail.username"));
        assert!(refused(|c| c.security = MailSecurity::None).starts_with("mail.security"));
        assert!(refused(|c| c.timeout_seconds = 0).starts_with("mail.timeout_seconds"));
        let local = refused(|c| {
            c.security = MailSecurity::None;
            c.host = Some("127.0.0.1".into());
        });
        assert_eq!(local, "");
        let config = MailConfig {
            host: Some("smtp.example.com".to_owned()),
            password: Some("hunter2".to_owned()),
            ..MailConfig::default()
        };
        let error = config.check(false).unwrap_err().to_string();
        assert!(error.starts_with("server.public_url"), "{error}");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
